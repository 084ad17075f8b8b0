// A stand-in for the server of a recorded life. What it says by itself was recorded; what a client
// asks is answered at the moments at which the recorded one was answered, from all that there was
// then (`all`: what a device that has nothing was told). That the answers are the server's own is
// checked with the recorded questions, which have answers of the server. Called by lives.mjs.

const REV_BITS = 2 ** 33;
const QUIET = new Set(['system', 'deleted']);

export class Server {
  #all = null;
  // What was asked and has no answer; answers that are on their way.
  #questions = [];
  #answers = [];
  // Answers the last request that changes something.
  #reply = null;
  // What was hidden when an inbox had come to a number: by that number, by chat.
  #hidden = new Map();

  // A moment of the life at which a question was answered: its answer is on its way.
  moment(all) {
    this.#all = all;
    const hidden = new Map(all.memberships.map((row) => [row.chat, row.hidden ?? []]));
    this.#hidden.set(all.inbox, hidden);
    for (const { answer } of this.#questions.splice(0)) this.#answers.push(answer());
  }

  // Answers arrive.
  arrives() {
    for (const answer of this.#answers.splice(0)) answer();
  }

  // The last change that was asked for gives this.
  replies(ok) {
    this.#reply(ok)();
  }

  get isAsked() {
    return this.#questions.length > 0;
  }

  // The connection, or the page, is gone.
  forgets() {
    this.#questions = [];
    this.#answers = [];
  }

  // A frame of the client.
  heard(socket, { op, id, d }) {
    const reply = (ok) => () => socket.tell({ re: id, ok });
    if (op === 'sync') this.#questions.push({ answer: () => reply(this.news(d)) });
    else if (op.startsWith('message.')) this.#reply = reply;
    else if (op === 'identify') queueMicrotask(reply({}));
  }

  // A request of the client.
  fetched({ pathname, searchParams: query }, { method, body }) {
    const path = `${method} ${pathname.replace('/api/v1', '')}`;
    const [, chat, more] = /^GET \/chats\/(\w+)(\/messages)?$/.exec(path) ?? [];
    const answer = () => {
      if (path === 'POST /sync') return this.news(JSON.parse(body));
      if (path === 'GET /chats') return { chats: [], users: [], next: null };
      if (more) {
        return this.#history(
          chat, Number(query.get('before') ?? Infinity), Number(query.get('limit')),
        );
      }
      return chat ? this.#chat(chat) : null;
    };
    return new Promise((done) => {
      this.#questions.push({
        answer: () => {
          const found = answer();
          const text = JSON.stringify(found ?? {});
          return () => done(
            { ok: !!found, status: found ? 200 : 404, statusText: '', text: async () => text },
          );
        },
      });
    });
  }

  // A page of sync.
  news(have) {
    const all = this.#all;
    const { incarnation, inbox } = all;
    if (!isOf(have, all) || have.inbox % REV_BITS > inbox % REV_BITS) {
      return { incarnation, reset: true, inbox: 0, memberships: [], chats: [], more: false };
    }
    const rev = have.inbox % REV_BITS;
    const memberships = all.memberships.filter((row) => row.rev > rev).map((row) => {
      const known = row.chat in have.chats ? this.#hidden.get(have.inbox)?.get(row.chat) ?? [] : [];
      const { hidden = [], ...rest } = row;
      const told = hidden.filter((seq) => !known.includes(seq));
      return told.length ? { ...rest, hidden: told } : rest;
    });
    const chats = all.chats.filter(({ chat }) => have.chats[chat.id] !== chat.head_rev);
    return {
      incarnation, inbox, memberships, chats: chats.map((one) => this.#changes(one, have)),
      more: false,
    };
  }

  #changes({ chat, messages }, { chats, latest }) {
    const held = chats[chat.id];
    const rev = chat.head_rev;
    if (held !== undefined && held <= rev) {
      const changed = messages.filter((row) => row.rev > held);
      return { chat, rev, messages: changed.sort((a, b) => a.rev - b.rev) };
    }
    const told = latest ? messages.slice(-latest) : [];
    const quiet = this.#quiet(chat, messages, told[0]?.seq ?? chat.head_seq + 1);
    return {
      chat, rev, messages: told, ...(held !== undefined && { reset: true }),
      ...(quiet.length && { quiet }),
    };
  }

  // What lies between the cursors and the first row that is told, and has nothing to read in it.
  #quiet({ id }, messages, first) {
    const { read_seq, join_seq, hide_seq, own_seq } = this.#member(id);
    const floor = Math.max(read_seq, join_seq - 1, hide_seq, own_seq);
    const is = ({ seq, kind }) => seq > floor && seq < first && QUIET.has(kind);
    return messages.filter(is).map(({ seq }) => seq);
  }

  #member(id) {
    return this.#all.memberships.find((row) => row.chat === id);
  }

  #chat(id) {
    const found = this.#all.chats.find(({ chat }) => chat.id === id);
    if (!found) return null;
    const { hidden: _, ...member } = this.#member(id);
    return { chat: found.chat, member, last: found.messages.at(-1) ?? null, users: [] };
  }

  #history(id, before, limit) {
    const found = this.#all.chats.find(({ chat }) => chat.id === id);
    if (!found) return null;
    return { messages: found.messages.filter(({ seq }) => seq < before).slice(-limit), users: [] };
  }
}

const mark = (inbox) => Math.floor(inbox / REV_BITS);

// Whether what a client has is of this life of the store.
function isOf({ incarnation, inbox, chats }, all) {
  if (incarnation) return incarnation === all.incarnation;
  return inbox === 0 && !Object.keys(chats).length || mark(inbox) === mark(all.inbox);
}
