// The client library keeps the protocol's rules of syncing (docs/protocol.md, "How rows apply"): it
// is told things while a page of sync is under way, and must end with what the server has.
//   node e2e/rules.mjs

import assert from 'node:assert/strict';

const nothing = () => undefined;
globalThis.localStorage = { getItem: () => null, setItem: nothing, removeItem: nothing };
globalThis.addEventListener ??= nothing;
globalThis.document ??= { addEventListener: nothing, removeEventListener: nothing };

const { Client } = await import('../web/dist/sdk/client.js');
const { ChatState } = await import('../web/dist/sdk/store.js');
const { textRules } = await import('./rules_text.mjs');

const chat = (head, more = {}) => ({
  id: 'c', kind: 'group', title: 'Lunch', created: '2026-01-01T00:00:00Z', history_shared: false,
  head_seq: head, head_rev: head, member_count: 2, ...more,
});
const member = (rev, join_seq = 1, state = 'active') => ({
  chat: 'c', user: 'me', state, join_seq, read_seq: 0, delivered_seq: 1_000, own_seq: 0,
  hide_seq: 0,
  pinned: false, role: 'member', rev,
});
const row = (seq, rev = seq) => ({
  chat: 'c', seq, rev, from: 'ana', kind: 'text', body: `m${seq}`, sent: '2026-01-01T00:00:00Z',
});
const page = (
  inbox, memberships, chats = [], more = false,
) => ({ inbox, memberships, chats, more });
const news = (head, messages, more = {}) => ({ chat: chat(head, more), rev: head, messages });

/** A client whose syncs the test answers. */
class Rig {
  asked = [];

  constructor() {
    const storage = {
      save: async () => undefined, session: () => null, keptCall: () => null, server: () => null,
    };
    this.client = new Client({ storage });
    this.client.store.me = 'me';
    this.client.people.learn = async () => undefined;
    this.client.open = async () => { throw new Error('not found'); };
    const ask = (op, data) => op === 'sync'
      ? new Promise((done) => this.asked.push({ have: data, done }))
      : Promise.resolve({});
    this.client.socket = { ask, isLive: true };
  }

  tell(name, data) {
    this.client.happened(name, data);
  }

  /** Answers the sync that is under way, and lets what follows happen. */
  async answer(news) {
    const { done } = this.asked.shift();
    done(news);
    await new Promise((settled) => setImmediate(settled));
  }

  /** What the sync that is under way says to have of the chat. */
  get names() {
    return this.asked[0]?.have.chats.c;
  }

  get seqs() {
    return this.client.store.chats.get('c')?.messages.map(({ seq }) => seq);
  }

  /** Holds the chat up to rev 3, all caught up. */
  static async caughtUp() {
    const rig = new Rig();
    rig.client.listener().onLive({});
    await rig.answer(page(1, [member(1)], [news(3, [row(1), row(2), row(3)])]));
    assert.equal(rig.asked.length, 0);
    assert.ok(rig.client.isSynced);
    return rig;
  }
}

const rules = {
  async 'a live row counts when nothing is missing below it'() {
    const rig = await Rig.caughtUp();
    rig.tell('message', row(4));
    rig.tell('resync', { chat: null });
    assert.equal(rig.names, 4);
  },

  async 'a live row does not count between a resync and the sync that it calls for'() {
    const rig = await Rig.caughtUp();
    rig.tell('resync', { chat: 'c' });
    rig.tell('message', row(9));
    await rig.answer(page(1, [], [news(3, [])], true));
    assert.equal(rig.names, 3);
  },

  async 'a resync while a sync is under way calls for another'() {
    const rig = await Rig.caughtUp();
    rig.tell('resync', { chat: 'c' });
    rig.tell('resync', { chat: 'c' });
    rig.tell('message', row(9));
    await rig.answer(page(1, [], [news(5, [row(4), row(5)])]));
    assert.equal(rig.names, 5);
    await rig.answer(page(1, [], [news(9, [row(6), row(7), row(8), row(9)])]));
    assert.equal(rig.asked.length, 0);
    assert.deepEqual(rig.seqs, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  },

  async 'a row of a chat that is not held calls for another sync'() {
    const rig = new Rig();
    rig.client.listener().onLive({});
    rig.tell('message', row(4));
    await rig.answer(page(1, [member(1)], [news(3, [row(1), row(2), row(3)])]));
    assert.equal(rig.names, 3);
  },

  async 'a page that was asked for before one left and came back is void'() {
    const rig = await Rig.caughtUp();
    rig.tell('resync', { chat: 'c' });
    rig.tell('member', member(2, 1, 'left'));
    rig.tell('member', member(3, 6));
    await rig.answer(page(2, [member(2)], [news(4, [row(4)])]));
    assert.equal(rig.seqs, undefined, 'what was asked for before brings back no chat');
    assert.deepEqual(rig.asked[0].have, { inbox: 1, chats: {}, latest: 12 });
    await rig.answer(page(3, [member(3, 6)], [news(6, [row(6)])]));
    assert.deepEqual(rig.seqs, [6]);
  },

  async 'who was away without hearing of it begins the chat afresh'() {
    const rig = await Rig.caughtUp();
    rig.tell('resync', { chat: null });
    await rig.answer(page(3, [member(3, 6)], [news(7, [row(7)])]));
    assert.deepEqual(rig.asked[0].have, { inbox: 1, chats: {}, latest: 12 });
    await rig.answer(page(3, [member(3, 6)], [news(7, [row(6), row(7)])]));
    assert.deepEqual(rig.seqs, [6, 7]);
  },

  async 'what one wrote on another device is read, and stays so'() {
    const rig = new Rig();
    rig.client.listener().onLive({});
    await rig.answer(page(1, [member(1)], [news(3, [row(1), row(2), { ...row(3), from: 'me' }])]));
    const state = rig.client.store.chats.get('c');
    assert.equal(state.unread, 0);
    rig.tell('member', member(2));
    assert.deepEqual([state.unread, state.member.own_seq], [0, 3]);
  },

  async 'a leaving that is told late ends no later stay'() {
    const rig = new Rig();
    rig.client.listener().onLive({});
    await rig.answer(page(3, [member(3, 6)], [news(7, [row(6), row(7)])]));
    rig.tell('message', { ...row(5), from: 'me', kind: 'system', event: { type: 'left' } });
    rig.tell('member', member(2, 1, 'left'));
    assert.deepEqual(rig.seqs, [6, 7]);
    rig.tell('message', { ...row(8), from: 'me', kind: 'system', event: { type: 'left' } });
    assert.equal(rig.seqs, undefined);
  },

  async 'a chat in which nothing can be seen shows what comes'() {
    const rig = new Rig();
    rig.client.listener().onLive({});
    await rig.answer(page(1, [{ ...member(1), hidden: [1, 2] }], [news(2, [])]));
    rig.tell('message', row(3));
    assert.deepEqual(rig.seqs, [3]);
    const state = rig.client.store.chats.get('c');
    assert.equal(ChatState.fromSaved(state.toSaved(60)).floor, 3);
  },

  async 'when the past closes, it is dropped'() {
    const rig = new Rig();
    rig.client.listener().onLive({});
    const open = { history_shared: true };
    await rig.answer(page(1, [member(1, 3)], [news(3, [row(1), row(2), row(3)], open)]));
    assert.deepEqual(rig.seqs, [1, 2, 3]);
    rig.tell('chat', chat(4));
    assert.deepEqual(rig.seqs, [3]);
    rig.tell('chat', chat(5, open));
    assert.equal(rig.client.store.chats.get('c').isWhole, false, 'the past is to be fetched anew');
  },

  async 'what there is nothing to read in is not unread'() {
    const rig = new Rig();
    rig.client.listener().onLive({});
    const told = { ...row(1), kind: 'system' };
    const gone = { ...row(3), kind: 'deleted' };
    await rig.answer(page(1, [member(1)], [news(5, [told, row(2), gone, row(4), row(5)])]));
    const state = rig.client.store.chats.get('c');
    assert.deepEqual([state.unread, state.firstUnread], [3, 2]);
    rig.tell('message', { ...row(2, 6), kind: 'deleted' });
    assert.deepEqual([state.unread, state.firstUnread], [2, 4]);
    rig.tell('member', { ...member(2), hidden: [3, 4] });
    assert.deepEqual([state.unread, state.firstUnread], [1, 5]);
    rig.tell('member', { ...member(3), read_seq: 5 });
    assert.deepEqual([state.unread, state.firstUnread], [0, 0]);
    // Of rows that are not held it is taken that there is something in them.
    const late = new Rig();
    late.client.listener().onLive({});
    await late.answer(page(1, [member(1)], [news(9, [{ ...row(8), kind: 'system' }, row(9)])]));
    assert.deepEqual([late.client.store.chats.get('c').unread], [8]);
    // Unless sync said that there is not.
    const given = new Rig();
    given.client.listener().onLive({});
    await given.answer(page(1, [member(1)], [{ ...news(9, [row(8), row(9)]), quiet: [2, 3, 7] }]));
    const half = given.client.store.chats.get('c');
    assert.equal(half.unread, 6);
    given.tell('message', { ...row(5, 10), kind: 'deleted' });
    given.tell('member', { ...member(2), read_seq: 2 });
    assert.equal(half.unread, 4);
    half.trim(1);
    const saved = ChatState.fromSaved(half.toSaved(1));
    assert.deepEqual([half.unread, saved.unread], [4, 4]);
  },
};

for (const [rule, holds] of Object.entries({ ...rules, ...textRules })) {
  await holds();
  console.log(`ok: ${rule}`);
}
process.exit(0);
