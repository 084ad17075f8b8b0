/** Beginning a chat with a person, and a new group; choosing people. */

import { type Signal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Chat, Id, User } from 'wechat-sdk';

import { useFound } from './chats.js';
import { t } from './i18n.js';
import { myId, userName } from './names.js';
import { attempt, back, client, go, limits, watch } from './state.js';
import { Avatar, Empty, Icon, IconButton, Spinner, Switch } from './ui.js';

/** The people of one's direct chats, latest first. */
function acquainted(): User[] {
  const me = myId();
  const ids = client.store.list().map((state) => state.peer(me)).filter((id) => id && id !== me);
  return ids.map((id) => client.store.users.get(id as Id)).filter((user) => user !== undefined);
}

export function NewChat(): JSX.Element {
  const query = useSignal('');
  const open = async (user: User): Promise<void> => {
    const state = await attempt(client.openDirect(user.id));
    if (state) go(`chat/${state.id}`, true);
  };
  return (
    <section class="pane list-pane" aria-label={t('new')}>
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class="flip" onClick={() => back()} />
        <h1 class="grow">{t('new')}</h1>
      </header>
      <PeopleSearch query={query} />
      <div class="scroll">
        <button type="button" class="chat-row" onClick={() => go('new/group')}>
          <span class="avatar avatar-m accent"><Icon name="users" /></span>
          <span class="chat-name">{t('group.new')}</span>
        </button>
        <PeopleList query={query.value.trim()} onPick={open} />
      </div>
    </section>
  );
}

function PeopleSearch({ query }: { query: Signal<string> }): JSX.Element {
  return (
    <div class="search">
      <Icon name="search" />
      <input type="search" placeholder={t('people.search')} aria-label={t('people.search')}
        dir="auto"
        value={query.value} onInput={(event) => { query.value = event.currentTarget.value; }} />
    </div>
  );
}

interface PeopleListProps {
  query: string;
  onPick: (user: User) => void;
  chosen?: ReadonlySet<Id>;
  without?: ReadonlySet<Id>;
}

export function PeopleList({ query, onPick, chosen, without }: PeopleListProps): JSX.Element {
  watch('chats', 'users');
  const found = useFound(query);
  const users = (query ? found?.users : acquainted()) ?? [];
  const shown = users.filter(({ id }) => id !== myId() && !without?.has(id));
  if (query && !found) return <div class="empty"><Spinner /></div>;
  if (query && !shown.length) {
    return <Empty icon="search" title={t('search.none')} text={t('search.none.hint')} />;
  }
  return (
    <>
      {!query && shown.length > 0 && <h2 class="section">{t('people.known')}</h2>}
      {shown.map((user) => (
        <button type="button" key={user.id} class="chat-row" onClick={() => onPick(user)}
          aria-pressed={chosen ? chosen.has(user.id) : undefined}>
          <Avatar id={user.id} name={user.name} />
          <span class="chat-text">
            <span class="chat-name" dir="auto">{user.name}</span>
            {user.about && <span class="chat-last"><bdi>{user.about}</bdi></span>}
          </span>
          {chosen && (
            <span class={`pick ${chosen.has(user.id) ? 'on' : ''}`}><Icon name="check" /></span>
          )}
        </button>
      ))}
    </>
  );
}

/** A choice of several people, with those chosen on top. */
export function Picker({ chosen, without }: {
  chosen: Signal<ReadonlySet<Id>>; without?: ReadonlySet<Id>;
}): JSX.Element {
  const query = useSignal('');
  const toggle = (id: Id): void => {
    const next = new Set(chosen.value);
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
  };
  return (
    <>
      <PeopleSearch query={query} />
      {chosen.value.size > 0 && (
        <ul class="chosen">
          {[...chosen.value].map((id) => (
            <li key={id}>
              <button type="button" onClick={() => toggle(id)} title={t('remove')}>
                <bdi>{userName(id)}</bdi> <Icon name="x" label={t('remove')} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="scroll">
        <PeopleList query={query.value.trim()} chosen={chosen.value} onPick={({ id }) => toggle(id)}
          {...(without ? { without } : {})} />
      </div>
    </>
  );
}

export function NewGroup(): JSX.Element {
  const chosen = useSignal<ReadonlySet<Id>>(new Set());
  const title = useSignal('');
  const isPublic = useSignal(false);
  const busy = useSignal(false);
  const create = async (event: Event): Promise<void> => {
    event.preventDefault();
    busy.value = true;
    const body = { title: title.value.trim(), members: [...chosen.value], public: isPublic.value };
    const made = await attempt(client.rest.post<Chat>('/groups', body));
    busy.value = false;
    if (!made) return;
    await attempt(client.open(made.id));
    go(`chat/${made.id}`, true);
  };
  return (
    <section class="pane list-pane" aria-label={t('group.new')}>
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class="flip" onClick={() => back('new')} />
        <h1 class="grow">{t('group.new')}</h1>
      </header>
      <form class="new-group" onSubmit={create}>
        <label class="field">
          <span>{t('group.title')}</span>
          <input required maxLength={limits()?.title_chars} dir="auto" value={title.value}
            onInput={(event) => { title.value = event.currentTarget.value; }} />
        </label>
        <Switch label={t('group.public')} hint={t('group.public.hint')} on={isPublic.value}
          onChange={(on) => { isPublic.value = on; }} />
        <Picker chosen={chosen} />
        <div class="foot">
          <button class="button primary wide" disabled={!title.value.trim() || busy.value}>
            {t('group.create')}{chosen.value.size > 0 && ` (${chosen.value.size + 1})`}
          </button>
        </div>
      </form>
    </section>
  );
}
