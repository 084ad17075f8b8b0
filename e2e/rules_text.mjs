// What the page does with text, as rules without a page: where links end, what becomes of a draft,
// of mentions and of a change that cannot be sent, how long a text is. Run by rules.mjs.

import assert from 'node:assert/strict';

const { linksIn } = await import('../web/dist/links.js');
const draft = await import('../web/dist/draft.js');
const { Outbox } = await import('../web/dist/sdk/outbox.js');
const { Drafts } = await import('../web/dist/sdk/drafts.js');
const { ApiError, offline } = await import('../web/dist/sdk/rest.js');
const { Changes } = await import('../web/dist/sdk/changes.js');

const settled = () => new Promise((done) => setImmediate(done));
const row = (
  seq, body, more = {},
) => ({ id: `m${seq}`, chat: 'c', seq, body, mentions: [], ...more });
const refusal = new ApiError(
  { type: 'about:blank', title: 'x', status: 403, code: 'forbidden', detail: 'too late' },
);

const LINKS = [
  ['访问 https://example.com/docs，详见', 'https://example.com/docs'],
  ['看https://example.com。', 'https://example.com'],
  ['（https://example.com/a）', 'https://example.com/a'],
  ['「https://example.com/a」と', 'https://example.com/a'],
  ['https://example.com/a、https://example.com/b', 'https://example.com/a', 'https://example.com/b'],
  ['https://example.com/a？', 'https://example.com/a'],
  ['https://example.com/中文/日本', 'https://example.com/中文/日本'],
  [
    '(https://en.wikipedia.org/wiki/Rust_(language))',
    'https://en.wikipedia.org/wiki/Rust_(language)',
  ],
  [
    'https://en.wikipedia.org/wiki/Rust_(language)',
    'https://en.wikipedia.org/wiki/Rust_(language)',
  ],
  ['(see https://example.com/a).', 'https://example.com/a'],
  ['[docs](https://example.com/a)', 'https://example.com/a'],
  ['[https://example.com/a]', 'https://example.com/a'],
  ['http://[2001:db8::1]:8080/x', 'http://[2001:db8::1]:8080/x'],
  ['https://example.com/(', 'https://example.com/'],
  ['**https://example.com/a**', 'https://example.com/a'],
  ['**https://example.com/a** and', 'https://example.com/a'],
  ["https://example.com/it's here", "https://example.com/it's"],
  ["'https://example.com/a'", 'https://example.com/a'],
  ['“https://example.com/a”', 'https://example.com/a'],
  ['«https://example.com/a»', 'https://example.com/a'],
  ['<https://example.com/a>', 'https://example.com/a'],
  ['"https://example.com/a"', 'https://example.com/a'],
  ['¿https://example.com/a?', 'https://example.com/a'],
  ['https://example.com/a, https://example.com/b!', 'https://example.com/a', 'https://example.com/b'],
  ['https://example.com/a…', 'https://example.com/a'],
  ['https://example.com/a—then', 'https://example.com/a'],
  ['https://example.com/?q=a,b&c=d#e', 'https://example.com/?q=a,b&c=d#e'],
  ['https://example.com/Foo_', 'https://example.com/Foo_'],
  ['https://example.com/a/', 'https://example.com/a/'],
  ['HTTPS://EXAMPLE.COM/A', 'HTTPS://EXAMPLE.COM/A'],
  ['https://example.com/\u202egpj.exe', 'https://example.com/'],
  ['https://example.com/a\u200bb', 'https://example.com/a'],
  ['راجع https://example.com/a، ثم', 'https://example.com/a'],
  ['https://', ],
  ['https://)', ],
  ['xhttps://example.com', ],
  ['javascript:alert(1)', ],
];

/** An outbox whose connection the test is. */
class Post {
  kept = new Map();
  asked = [];

  constructor() {
    const storage = {
      keepUnsent: async (item) => void this.kept.set(item.client_msg_id, structuredClone(item)),
      dropUnsent: async (key) => void this.kept.delete(key),
    };
    const send = (item) => new Promise((done, failed) => this.asked.push({ item, done, failed }));
    this.rows = [];
    this.outbox = new Outbox(storage, new Changes(), send, (one) => this.rows.push(one));
  }

  async grant() {
    const { item, done } = this.asked.shift();
    done({ message: row(item.edit ?? 9, item.body) });
    await settled();
  }
}
const change = (body) => ({ body, mentions: [], mention_all: false });

export const textRules = {
  async 'a link ends where people see it end'() {
    for (const [text, ...links] of LINKS) {
      const found = linksIn(text);
      assert.deepEqual(found.map(({ link }) => link), links, text);
      for (const { at, link } of found) assert.ok(text.startsWith(link, at), text);
    }
    const long = `https://example.com/${'('.repeat(50_000)}${','.repeat(50_000)}`;
    assert.equal(linksIn(long)[0].link, 'https://example.com/');
  },

  async 'a draft is put aside while a message is changed, and comes back'() {
    const now = { ...draft.nothing(), body: 'half a thought', reply: row(3, 'x') };
    const editing = draft.beginEdit(now, row(4, 'lunez'), 'lunez', new Map());
    assert.equal(editing.body, 'lunez');
    assert.deepEqual(draft.endEdit(editing), now);
    const other = draft.beginEdit(editing, row(5, 'otra'), 'otra', new Map());
    assert.deepEqual(draft.endEdit(other), now, 'going from one change to another');
    const reply = draft.beginReply(editing, row(6, 'y'));
    assert.deepEqual([reply.body, reply.reply.seq, reply.edit], ['half a thought', 6, null]);
    const filed = draft.withFiles(editing, ['f']);
    assert.deepEqual([filed.body, filed.edit, filed.files], ['half a thought\nlunez', null, ['f']]);
  },

  async 'what is being written is what the next visit begins with'() {
    assert.equal(draft.toSaved(draft.nothing()), null);
    const now = { ...draft.nothing(), body: 'hola @Beto', mentions: new Map([['Beto', 'b']]) };
    const editing = draft.beginEdit(now, row(4, 'lunez'), 'lunez', new Map([['Ana', 'a']]));
    for (const one of [now, editing]) {
      assert.deepEqual(draft.fromSaved(structuredClone(draft.toSaved(one))), one);
    }
    const kept = [];
    let release;
    const drafts = new Drafts({
      keepDraft: (chat, value) => new Promise((done) => { kept.push(value); release = done; }),
    });
    for (const body of ['h', 'ho', 'hol']) drafts.keep('c', draft.toSaved({ ...now, body }));
    assert.equal(drafts.of('c').body, 'hol');
    release();
    await settled();
    assert.deepEqual(
      kept.map(({ body }) => body), ['h', 'hol'], 'the latest, once the first is written',
    );
    drafts.keep('c', null);
    release();
    await settled();
    assert.deepEqual([kept.at(-1), drafts.of('c')], [null, undefined]);
  },

  async 'mentions stay while their names are in the text'() {
    const names = new Map([['Beto', 'b'], ['Ana', 'a']]);
    const old = row(1, 'hola @Beto y @Ana', { mentions: ['a', 'b'] });
    const after = (text, one = old, chosen = names) =>
      draft.mentionsAfter(one, text, chosen).mentions.sort();
    assert.deepEqual(after('hola @Beto y @Ana!'), ['a', 'b']);
    assert.deepEqual(after('hola @Beto'), ['b']);
    assert.deepEqual(after('hola'), []);
    assert.deepEqual(
      after('hola', row(1, 'hola @Old Name', { mentions: ['b'] })), ['b'], 'renamed since',
    );
    assert.deepEqual(
      after('hola @Beto y @Carla', old, new Map([...names, ['Carla', 'c']])), ['b', 'c'],
    );
    assert.deepEqual(draft.chosenIn('@Anabel', new Map([['Ana', 'a'], ['Anabel', 'n']])), ['n']);
    const all = (body, text) =>
      draft.mentionsAfter(row(1, body, { mention_all: true }), text, names).mention_all;
    assert.deepEqual(
      [all('@todos, ya', '@todos, no'), all('@all now', 'now'), all('ya', 'no')],
      [true, false, true],
    );
    assert.equal(draft.mentionsAfter(old, '@all', names).mention_all, false);
  },

  async 'a text is as long as its bytes'() {
    for (const text of ['', 'hola', 'ñandú', '你好', '👩‍💻 x', '\ud800', 'a\udc00\ud800b', '￿é']) {
      assert.equal(draft.byteLength(text), Buffer.byteLength(text, 'utf8'), JSON.stringify(text));
    }
    const most = 16 * 1024;
    assert.deepEqual(
      draft.room('x'.repeat(most), most), { bytes: most, isNear: true, isOver: false },
    );
    assert.ok(draft.room('x'.repeat(most + 1), most).isOver);
    assert.ok(draft.room('你'.repeat(6_000), most).isOver);
    assert.ok(!draft.room('x'.repeat(most * 0.8), most).isNear);
  },

  async 'a change waits for the connection in order, the latest of a row alone'() {
    const post = new Post();
    await post.outbox.change(row(4, 'a'), change('b'));
    await post.outbox.add('c', { body: 'new' });
    await post.outbox.change(row(4, 'a'), change('c'));
    assert.equal(post.outbox.changeOf(row(4)).body, 'c');
    assert.deepEqual(
      post.outbox.of('c').map(({ body }) => body), ['new'], 'a change is no message of its own',
    );
    assert.deepEqual(
      [...post.kept.values()].map(({ body }) => body), ['new', 'c'], 'both are kept',
    );
    const again = new Post();
    again.outbox.load([...post.kept.values()]);
    again.outbox.open(true);
    await settled();
    await again.grant();
    assert.equal(again.asked[0].item.edit, 4);
    await again.grant();
    assert.deepEqual(again.rows.map(({ body }) => body), ['new', 'c']);
    assert.equal(again.outbox.size, 0);
  },

  async 'a change that is being sent is followed by the next one'() {
    const post = new Post();
    post.outbox.open(true);
    await post.outbox.change(row(4, 'a'), change('b'));
    await settled();
    await post.outbox.change(row(4, 'a'), change('c'));
    assert.equal(post.outbox.size, 2);
    await post.grant();
    await post.grant();
    assert.deepEqual(post.rows.map(({ body }) => body), ['b', 'c']);
  },

  async 'a refused change says so and is kept'() {
    const post = new Post();
    post.outbox.open(true);
    await post.outbox.change(row(4, 'a'), change('b'));
    await settled();
    post.asked.shift().failed(refusal);
    await settled();
    assert.equal(post.outbox.changeOf(row(4)).error, 'too late');
    assert.equal([...post.kept.values()][0].error, 'too late');
    await post.outbox.change(row(4, 'a'), change('c'));
    assert.equal(post.outbox.size, 1, 'a later text takes its place');
    post.asked.shift().failed(offline());
    await settled();
    assert.equal(post.outbox.changeOf(row(4)).error, undefined, 'a broken link is no refusal');
    post.outbox.discard(post.outbox.changeOf(row(4)).client_msg_id);
    assert.deepEqual([post.outbox.size, post.kept.size], [0, 0]);
  },
};
