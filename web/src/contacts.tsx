/** Contacts, requests that wait for an answer, one's own card, and a card that somebody gave. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Card, ChatState, Id, OwnCard } from 'wechat-sdk';

import { t } from './i18n.js';
import { copy } from './message_menu.js';
import { chatName, myId, preview } from './names.js';
import { QrCode } from './qr.js';
import { Action } from './row_buttons.js';
import { attempt, back, client, go, say, watch } from './state.js';
import { Avatar, Confirm, Empty, Icon, IconButton, Spinner, Switch } from './ui.js';

/** Chats in the order of their names. */
function byName(chats: readonly ChatState[]): ChatState[] {
  return [...chats].sort((a, b) => chatName(a).localeCompare(chatName(b)));
}

function Head({ title, children }: { title: string; children?: JSX.Element }): JSX.Element {
  return (
    <header class="bar">
      <IconButton icon="arrow-left" label={t('back')} class="flip" onClick={() => back()} />
      <h1 class="grow">{title}</h1>
      {children}
    </header>
  );
}

function Row({ state, line }: { state: ChatState; line?: string }): JSX.Element {
  watch(`chat:${state.id}`, 'users');
  const name = chatName(state);
  return (
    <a class="chat-row" href={`#/chat/${state.id}`}>
      <Avatar id={state.peer(myId()) ?? state.id} name={name} />
      <span class="chat-text">
        <span class="chat-name" dir="auto">{name}</span>
        {line && <span class="chat-last"><bdi>{line}</bdi></span>}
      </span>
    </a>
  );
}

export function ContactList(): JSX.Element {
  watch('chats', 'users', 'session');
  const known = byName(client.contacts.known);
  return (
    <section class="pane list-pane" aria-label={t('contacts')}>
      <Head title={t('contacts')}>
        <IconButton icon="qr-code" label={t('card.mine')} onClick={() => go('contacts/card')} />
      </Head>
      <div class="scroll">
        <RequestsRow />
        {known.map((state) => {
          const user = client.user(state.peer(myId()) as Id);
          const own = state.member.remark ? user?.name : user?.about;
          return <Row key={state.id} state={state} {...(own ? { line: own } : {})} />;
        })}
        {!known.length && (
          <Empty icon="users" title={t('contacts.none')} text={t('contacts.none.hint')} />
        )}
      </div>
    </section>
  );
}

/** Leads to the requests, while there are some. */
export function RequestsRow(): JSX.Element | null {
  watch('chats', 'session');
  const count = client.contacts.requests.length;
  if (!count) return null;
  return (
    <button type="button" class="chat-row" onClick={() => go('requests')}>
      <span class="avatar avatar-m accent"><Icon name="user-plus" /></span>
      <span class="chat-text"><span class="chat-name">{t('requests')}</span></span>
      <span class="badge quiet">{count}</span>
    </button>
  );
}

export function RequestList(): JSX.Element {
  watch('chats', 'users', 'session');
  const asked = client.contacts.requests;
  return (
    <section class="pane list-pane" aria-label={t('requests')}>
      <Head title={t('requests')} />
      <div class="scroll">
        <p class="dim small padded">{t('requests.hint')}</p>
        {asked.map((state) => (
          <Row key={state.id} state={state} line={state.last ? preview(state.last) : ''} />
        ))}
        {!asked.length && <Empty icon="user-plus" title={t('requests.none')} text="" />}
      </div>
    </section>
  );
}

/** In the chat of somebody who asks, or who was asked. */
export function RequestBar({ state }: { state: ChatState }): JSX.Element | null {
  watch(`chat:${state.id}`, 'session');
  const blocking = useSignal(false);
  const peer = state.peer(myId());
  const tie = client.contacts.tie(state);
  if (!peer || peer === myId() || tie === 'known') return null;
  if (!tie) {
    if (client.contacts.lets(state, 'call')) return null;
    return <p class="request-bar dim small">{t('request.texts_only')}</p>;
  }
  if (tie === 'asks') {
    const left = state.member.tie?.texts_left ?? 0;
    return <p class="request-bar dim small">{t('request.waits', { n: left })}</p>;
  }
  const name = chatName(state);
  const accept = (): void => void attempt(client.contacts.accept(peer));
  const refuse = async (): Promise<void> => {
    if (await attempt(client.contacts.refuse(peer))) go('', true);
  };
  const block = async (yes: boolean): Promise<void> => {
    blocking.value = false;
    if (yes) await attempt(client.rest.put(`/users/${peer}/block`).then(refuse));
  };
  return (
    <div class="request-bar" role="group" aria-label={t('request')}>
      <p>{t('request.from', { name })}</p>
      <div class="buttons">
        <button type="button" class="button primary" onClick={accept}>{t('request.accept')}</button>
        <button type="button" class="button" onClick={() => void refuse()}>
          {t('request.refuse')}
        </button>
        <button type="button" class="button danger" onClick={() => { blocking.value = true; }}>
          {t('block')}
        </button>
      </div>
      {blocking.value && (
        <Confirm title={t('block.ask', { name })} text={t('block.hint')} action={t('block')}
          onDone={(yes) => void block(yes)} />
      )}
    </div>
  );
}

const linkOf = (code: string): string =>
  `${location.origin}${location.pathname}#/add/${encodeURIComponent(code)}`;

export function MyCard(): JSX.Element {
  const card = useSignal<OwnCard | null | undefined>(undefined);
  useEffect(() => {
    client.contacts.ownCard()
      .then((found) => { card.value = found; }, () => { card.value = null; });
  }, []);
  const set = async (change: { adds?: boolean; renew?: boolean }, done = ''): Promise<void> => {
    const changed = await attempt(client.contacts.setCard(change));
    if (changed) card.value = changed;
    if (changed && done) say(done);
  };
  const drop = async (): Promise<void> => {
    if (await attempt(client.contacts.dropCard().then(() => true))) card.value = null;
  };
  return (
    <section class="pane list-pane" aria-label={t('card.mine')}>
      <Head title={t('card.mine')} />
      {card.value === undefined && <div class="empty"><Spinner /></div>}
      {card.value === null && (
        <Empty icon="qr-code" title={t('card.none')} text={t('card.none.hint')}>
          <button type="button" class="button primary" onClick={() => void set({})}>
            {t('card.make')}
          </button>
        </Empty>
      )}
      {card.value && (
        <div class="scroll info">
          <div class="face">
            <QrCode text={linkOf(card.value.code)} label={t('card.qr')} />
            <h2 dir="auto">{client.me?.name}</h2>
            <p class="dim">{t(card.value.adds ? 'card.adds.on' : 'card.adds.off')}</p>
          </div>
          <div class="card">
            <Switch label={t('card.adds')} hint={t('card.adds.hint')} on={card.value.adds}
              onChange={(adds) => void set({ adds })} />
            <Action icon="copy" label={t('copy')}
              onClick={() => void copy(linkOf(card.value?.code ?? ''))} />
            <Action icon="refresh-cw" label={t('card.renew')}
              onClick={() => void set({ renew: true }, t('card.renewed'))} />
            <Action icon="trash-2" label={t('card.drop')} danger onClick={() => void drop()} />
          </div>
        </div>
      )}
    </section>
  );
}

/** Somebody's card, opened by its link. */
export function AddByCard({ code }: { code: string }): JSX.Element {
  const card = useSignal<Card | null | undefined>(undefined);
  useEffect(() => {
    client.contacts.card(code)
      .then((found) => { card.value = found; }, () => { card.value = null; });
  }, [code]);
  const show = async (): Promise<void> => {
    const contact = await attempt(client.contacts.showCard(code));
    if (contact) go(`chat/${contact.member.chat}`, true);
  };
  const found = card.value;
  const isMine = found?.user.id === myId();
  return (
    <section class="pane chat-pane plain" aria-label={t('card')}>
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class="flip" onClick={() => go('')} />
        <h1 class="grow">{t('card')}</h1>
      </header>
      {found === undefined && <div class="empty"><Spinner /></div>}
      {found === null && <Empty icon="qr-code" title={t('card.bad')} text={t('card.bad.hint')} />}
      {found && (
        <div class="scroll info">
          <div class="face">
            <Avatar id={found.user.id} name={found.user.name} size="xl" />
            <h2 dir="auto">{found.user.name}</h2>
            {found.user.about && <p class="about-me" dir="auto">{found.user.about}</p>}
          </div>
          <div class="face-buttons">
            {isMine ? <p class="dim">{t('card.yours')}</p> : (
              <button type="button" class="button primary" onClick={() => void show()}>
                <Icon name="user-plus" /> {t(found.adds ? 'contact.add' : 'contact.ask')}
              </button>
            )}
          </div>
        </div>
      )}
    </section>
  );
}

/** What one calls somebody, and whether they are a contact; in the page about them. */
export function ContactActions({ state, peer }: { state: ChatState; peer: Id }): JSX.Element {
  watch(`chat:${state.id}`, 'session');
  const ending = useSignal(false);
  const name = useSignal(state.member.remark ?? '');
  const tie = client.contacts.tie(state);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    const remark = name.value.trim() || null;
    if (await attempt(client.setChat(state.id, { remark }).then(() => true))) say(t('saved'));
  };
  const end = (yes: boolean): void => {
    ending.value = false;
    if (yes) void attempt(client.contacts.remove(peer));
  };
  return (
    <>
      <form class="card form" onSubmit={save}>
        <label class="field"><span>{t('remark')}</span>
          <input dir="auto" maxLength={client.limits?.name_chars} value={name.value}
            placeholder={client.user(peer)?.name ?? ''}
            onInput={(event) => { name.value = event.currentTarget.value; }} /></label>
        <p class="dim small">{t('remark.hint')}</p>
        <div class="buttons"><button class="button">{t('save')}</button></div>
      </form>
      <div class="card">
        {tie === null && (
          <Action icon="user-plus" label={t('contact.ask')}
            onClick={() => void attempt(client.contacts.ask(peer))} />
        )}
        {tie === 'known' && (
          <Action icon="user-minus" label={t('contact.remove')} danger
            onClick={() => { ending.value = true; }} />
        )}
        {(tie === 'asked' || tie === 'refused') && (
          <Action icon="user-check" label={t('request.accept')}
            onClick={() => void attempt(client.contacts.accept(peer))} />
        )}
        {tie === 'asks' && <p class="dim small padded">{t('request.waiting')}</p>}
      </div>
      {ending.value && (
        <Confirm title={t('contact.remove')} text={t('contact.remove.hint')}
          action={t('contact.remove')} onDone={end} />
      )}
    </>
  );
}
