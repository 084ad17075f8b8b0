/** A person's profile, and a group that one is invited to. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Chat, Id, User } from 'wechat-sdk';

import { t } from './i18n.js';
import { enter } from './chats.js';
import { FacePicture, openDirect } from './info.js';
import { attempt, back, client, go } from './state.js';
import { Avatar, Empty, Icon, IconButton, Spinner } from './ui.js';

export function Profile({ id }: { id: Id }): JSX.Element {
  const user = useSignal<User | null>(client.store.users.get(id) ?? null);
  useEffect(() => {
    void attempt(client.rest.get<User>(`/users/${id}`))
      .then((found) => { if (found) user.value = found; });
  }, [id]);
  return (
    <section class="pane chat-pane plain" aria-label={t('profile')}>
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class="flip" onClick={() => back()} />
        <h1 class="grow">{t('profile')}</h1>
      </header>
      {user.value ? (
        <div class="scroll info">
          <div class="face">
            <FacePicture id={id} name={user.value.name} />
            <h2 dir="auto">{user.value.name || t('user.deleted')}</h2>
            {user.value.about && <p class="about-me" dir="auto">{user.value.about}</p>}
          </div>
          <div class="face-buttons">
            <button type="button" class="button primary" onClick={() => void openDirect(id)}>
              <Icon name="message-circle" /> {t('message')}
            </button>
          </div>
        </div>
      ) : <div class="empty"><Spinner /></div>}
    </section>
  );
}

export function Join({ code }: { code: string }): JSX.Element {
  const group = useSignal<Chat | null | undefined>(undefined);
  useEffect(() => {
    const path = `/invites/${encodeURIComponent(code)}`;
    client.rest.get<Chat>(path)
      .then((found) => { group.value = found; }, () => { group.value = null; });
  }, [code]);
  const join = async (): Promise<void> => {
    const joined =
      await attempt(client.rest.post<Chat>(`/invites/${encodeURIComponent(code)}/join`));
    if (!joined) return;
    await enter(joined.id, () => go(`chat/${joined.id}`, true));
  };
  const found = group.value;
  return (
    <section class="pane chat-pane plain" aria-label={t('invite')}>
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class="flip" onClick={() => go('')} />
        <h1 class="grow">{t('invite.to')}</h1>
      </header>
      {found === undefined && <div class="empty"><Spinner /></div>}
      {found === null && <Empty icon="link" title={t('invite.bad')} text={t('invite.bad.hint')} />}
      {found && (
        <div class="scroll info">
          <div class="face">
            <Avatar id={found.id} name={found.title ?? ''} size="xl" group picture={found.avatar} />
            <h2 dir="auto">{found.title}</h2>
            <p class="dim">{t('members', { n: found.member_count })}</p>
            {found.about && <p class="about-me" dir="auto">{found.about}</p>}
          </div>
          <div class="face-buttons">
            {client.store.chats.has(found.id)
              ? (
                <button type="button" class="button primary"
                  onClick={() => go(`chat/${found.id}`, true)}>
                  {t('open')}
                </button>
              )
              : (
                <button type="button" class="button primary" onClick={() => void join()}>
                  {t('join')}
                </button>
              )}
          </div>
        </div>
      )}
    </section>
  );
}
