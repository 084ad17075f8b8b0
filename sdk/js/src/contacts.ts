/**
 * Contacts: asking, answering, and one's card. What a person is to another stands in the member row
 * of their chat, so that the store knows it as it knows what is muted.
 */

import type { Line } from './line.js';
import type { ChatState, Store } from './store.js';
import type { Card, Contact, Id, Me, OwnCard, ServerInfo, SetCard, TieState } from './types.js';

/** What contacts need of the client. */
interface Host extends Line {
  readonly store: Store;
  readonly me: Me | null;
  readonly about: { readonly info: ServerInfo | null };
  now(): number;
  open(chat: Id): Promise<unknown>;
}

export class Contacts {
  constructor(private readonly host: Host) {}

  /** What the other person of a direct chat is; a request that is over is nothing. */
  tie(state: ChatState): TieState | null {
    const { tie } = state.member;
    if (!tie) return null;
    const isOver = tie.until != null && Date.parse(tie.until) <= this.host.now();
    return isOver ? null : tie.state;
  }

  /** Strangers have to ask this person before they may do more than that. */
  get areAsked(): boolean {
    const reach = this.host.me?.reach ?? 'everyone';
    const server = this.host.about.info?.strangers ?? 'everyone';
    return reach !== 'everyone' || server !== 'everyone';
  }

  /** Whether a direct chat lets one send files or call, as far as is known before one tries. */
  lets(state: ChatState, what: 'send files' | 'call'): boolean {
    const me = this.host.me?.id;
    const peer = me === undefined ? null : state.peer(me);
    const isOpen = (this.host.about.info?.strangers ?? 'everyone') === 'everyone';
    if (isOpen || peer === null || peer === me) return true;
    const tie = this.tie(state);
    // Who is asked may answer with a file.
    const isAsked = tie === 'asked' || tie === 'refused';
    return tie === 'known' || (isAsked && what === 'send files');
  }

  /** A chat that is to be shown as a request: somebody asks, and waits for an answer. */
  isRequest(state: ChatState): boolean {
    return this.areAsked && this.tie(state) === 'asked';
  }

  /** A chat that is not to be shown: its request was refused. */
  isRefused(state: ChatState): boolean {
    return this.areAsked && this.tie(state) === 'refused';
  }

  /** The chats with one's contacts, in no order. */
  get known(): ChatState[] {
    return [...this.host.store.chats.values()].filter((state) => this.tie(state) === 'known');
  }

  /** The direct chats in which somebody asks. */
  get requests(): ChatState[] {
    return [...this.host.store.chats.values()].filter((state) => this.isRequest(state));
  }

  ask(user: Id): Promise<Contact> {
    return this.took(this.host.rest.post<Contact>('/contacts/requests', { user }));
  }

  accept(user: Id): Promise<Contact> {
    return this.took(this.host.rest.post<Contact>(`/contacts/${user}/accept`));
  }

  /** Whom it is of is not told. */
  refuse(user: Id): Promise<Contact> {
    return this.took(this.host.rest.post<Contact>(`/contacts/${user}/refuse`));
  }

  async remove(user: Id): Promise<void> {
    await this.host.rest.delete(`/contacts/${user}`);
  }

  /** One's own card; null if there is none. */
  ownCard(): Promise<OwnCard | null> {
    return this.host.rest.get<OwnCard | null>('/me/card');
  }

  setCard(change: SetCard): Promise<OwnCard> {
    return this.host.rest.post<OwnCard>('/me/card', change);
  }

  async dropCard(): Promise<void> {
    await this.host.rest.delete('/me/card');
  }

  card(code: string): Promise<Card> {
    return this.host.rest.get<Card>(`/cards/${encodeURIComponent(code)}`);
  }

  showCard(code: string): Promise<Contact> {
    return this.took(this.host.rest.post<Contact>(`/cards/${encodeURIComponent(code)}`));
  }

  /** Takes the row in, and the chat if it is new. */
  private async took(asked: Promise<Contact>): Promise<Contact> {
    const contact = await asked;
    if (this.host.store.chats.has(contact.member.chat)) {
      this.host.store.applyMember(contact.member);
    } else {
      await this.host.open(contact.member.chat);
    }
    return contact;
  }
}
