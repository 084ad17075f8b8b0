// The client's own state of a call (sdk/js/src/call_machine.ts): a walk through all orders of
// clicks, prompts, events and reloads up to a depth, then longer walks at random; and examples,
// each of a fault that people met elsewhere. No browser, no server, no clock.
//   node e2e/call_machine.mjs [SEED]

import assert from 'node:assert/strict';
import { healthy, look, replied } from '../web/dist/sdk/call_healing.js';
import { apply, first, isHere, isLive, kept, rings, talks } from '../web/dist/sdk/call_machine.js';
import { random } from './random.mjs';

const DEPTH = Number(process.env.DEPTH ?? 6);
const WALKS = Number(process.env.WALKS ?? 4_000);
const STEPS = 120;

/** What the machine's effects made of the world: microphones that are open, what is sent. */
class World {
  constructor(state = first()) {
    Object.assign(this, {
      state, live: new Set(), prompt: null, sent: { mic: null, cam: null, isMuted: state.isMuted },
      asked: [], owes: new Set(state.owed.map(({ call }) => call)),
      pressed: new Set(state.mine ? [state.mine] : []),
      peer: false, track: 0, version: 1, effects: [], path: [],
    });
  }

  copy() {
    const world = Object.assign(Object.create(World.prototype), this);
    for (const name of ['live', 'owes', 'pressed']) world[name] = new Set(this[name]);
    world.asked = [...this.asked];
    return world;
  }

  do(input) {
    const before = this.state;
    this.path = [...this.path, input];
    const { state, effects } = apply(before, input);
    this.state = state;
    this.effects = effects;
    if (input.is === 'captured') {
      this.prompt = null;
      for (const track of [input.mic, input.cam]) if (track) this.live.add(track);
    }
    if (input.is === 'lost') this.live.delete(input.track);
    if (input.is === 'joined' || input.is === 'refused') {
      this.asked = this.asked.filter(({ n }) => n !== input.n);
    }
    if (input.is === 'heard' || input.is === 'gone') this.owes.delete(input.call);
    if (input.is === 'told' && input.call.state === 'ended') this.owes.delete(input.call.id);
    if (input.is === 'joined' && input.call.state === 'ended') this.owes.delete(input.call.id);
    for (const effect of effects) this.carry(effect, input);
    try {
      this.holds(before, input);
    } catch (error) {
      console.error(this.path.map((one) => JSON.stringify(one)).join('\n'));
      throw error;
    }
    return this;
  }

  carry(effect, input) {
    switch (effect.do) {
      case 'capture':
        assert.equal(this.prompt, null, 'two captures at once');
        assert.ok(effect.mic || effect.cam);
        this.prompt = effect;
        break;
      case 'stop':
        assert.ok(this.live.delete(effect.track), 'stopped what is not live');
        break;
      case 'send':
        this.sent = { mic: effect.mic, cam: effect.cam, isMuted: effect.isMuted };
        break;
      case 'start':
      case 'accept':
        this.asked.push(effect);
        break;
      case 'leave':
        assert.ok(
          !['dismiss', 'captured', 'lost', 'devices'].includes(input.is), `${input.is} hangs up`,
        );
        this.owes.add(effect.call);
        break;
      case 'negotiate':
        this.peer = true;
        break;
      case 'close':
        this.peer = false;
        break;
      default:
    }
  }

  holds(before, input) {
    const { state, live, sent } = this;
    const held = new Set([state.mic, state.cam].filter((track) => track !== null));
    assert.deepEqual([...live].sort(), [...held].sort(), 'live is what is held');
    assert.deepEqual(
      sent, { mic: state.mic, cam: state.cam, isMuted: state.isMuted }, 'what is sent follows',
    );
    if (!state.doing && !isHere(state)) {
      assert.equal(live.size, 0, 'something is live without a call');
    }
    if (!isHere(state)) assert.ok(!this.peer, 'a connection without a call');
    assert.equal(this.peer, state.peer !== null);
    if (this.peer) assert.ok(talks(state));
    if (input.is === 'leave') {
      assert.ok(!state.doing && !isHere(state) && !live.size, 'a hang-up is over at the press');
    }
    assert.deepEqual(
      new Set(state.owed.map(({ call }) => call)), this.owes, 'what is owed is kept',
    );
    for (const id of state.left) {
      assert.ok(state.call?.id !== id || !isLive(state), 'a call that was left came back');
    }
    if (isHere(state)) assert.ok(this.pressed.has(state.mine), 'in a call without a press');
    if (input.is === 'start' && isHere(before)) {
      assert.equal(this.effects.length, 0);
      assert.equal(state.shown, before.shown + 1);
    }
    if (input.is === 'dismiss' && rings(before)) {
      assert.ok(rings(state), 'to close a dialog refuses no call');
    }
  }

  /** The page is loaded again: its tracks end, its prompt closes, replies find nobody. */
  reload() {
    const next = new World(first(JSON.parse(JSON.stringify(kept(this.state)))));
    Object.assign(next, {
      version: this.version, track: this.track, owes: new Set(this.owes),
      pressed: new Set(this.pressed), path: [...this.path, 'reload'],
    });
    return next;
  }

  get key() {
    const { state: s, asked, prompt } = this;
    const call = s.call && [
      s.call.id, s.call.state, s.call.on, s.call.epoch - (s.peer ?? s.behind), s.call.fresh,
    ];
    const doing = s.doing && [s.doing.what, s.doing.chat, s.doing.call, s.doing.asked];
    return JSON.stringify([
      call, s.mine, doing, s.wants, s.isMuted, prompt && [prompt.mic, prompt.cam], !!s.mic, !!s.cam,
      s.devices, s.swaps,
      s.losses, s.isMicLost, s.peer !== null, s.behind > 0, s.problem, s.owed, s.left, s.abandoned,
      asked.map((one) => [one.do, one.chat, one.call, one.n === s.doing?.n]),
    ]);
  }
}

// Two calls from and to Beto, in chat b, and one to Eva, in chat c.
const CALLS = {
  x: { id: 'x', chat: 'b', role: 'callee', kind: 'video' },
  z: { id: 'z', chat: 'b', role: 'caller', kind: 'voice' },
  y: { id: 'y', chat: 'c', role: 'caller', kind: 'voice' },
};
const call = (id, state, on, version, more = {}) => ({
  ...CALLS[id], state, on, version, epoch: 1, fresh: true, alive_every_s: 10, started: '',
  peer: { user: 'p', name: 'P' }, ...more,
});

const PRESSES = [
  { is: 'start', chat: 'b', kind: 'voice', mic: true },
  { is: 'start', chat: 'c', kind: 'video', mic: true },
  { is: 'start', chat: 'b', kind: 'voice', mic: false },
  { is: 'accept', mic: true, cam: true }, { is: 'accept', mic: true, cam: false },
  { is: 'accept', mic: false, cam: false },
  { is: 'leave' }, { is: 'dismiss' }, { is: 'mute', on: true }, { is: 'mute', on: false },
  { is: 'camera', on: true }, { is: 'camera', on: false },
  { is: 'choose', kind: 'mic', device: 'm2' }, { is: 'choose', kind: 'cam', device: 'c2' },
  { is: 'devices' }, { is: 'hello' },
];
const STANDS = [
  ['x', 'ringing', 'nowhere'], ['x', 'connecting', 'this_device'], ['x', 'active', 'other_device'],
  ['x', 'ended', 'this_device'],
  ['y', 'ringing', 'this_device'], ['y', 'active', 'this_device'], ['y', 'ended', 'this_device'],
  ['z', 'ringing', 'this_device'], ['z', 'connecting', 'this_device'], ['z', 'ended', 'nowhere'],
];

/** What people may press next, as steps on a copy. */
function* presses() {
  for (const input of PRESSES) yield (next) => next.do(pressing(next, input));
}

/** What the browser and the server may answer, and how the call may go on. */
function* answers({ state, prompt, asked }) {
  if (prompt) {
    yield (next) => next.do(given(next, prompt));
    for (const error of ['denied', 'missing']) {
      yield (next) => next.do({ is: 'captured', n: prompt.n, error });
    }
  }
  for (const track of [state.mic, state.cam]) {
    if (track) yield (next) => next.do({ is: 'lost', track });
  }
  for (const one of asked) {
    const started = one.chat === 'c' ? [['y', 'ringing']] : [['z', 'ringing'], ['x', 'connecting']];
    for (const made of one.do === 'accept' ? [['x', 'connecting']] : started) {
      yield (next) => next.do(joining(next, one, made));
    }
    for (const isOffline of [true, false]) {
      yield (next) => next.do({ is: 'refused', n: one.n, words: 'no', isOffline });
    }
  }
  for (const { call: id } of state.owed) yield (next) => next.do({ is: 'heard', call: id });
  if (state.call) {
    const { id, state: at, on, epoch } = state.call;
    if (isHere(state) && at !== 'active') {
      yield (next) => next.do(telling(next, call(id, 'active', on, ++next.version)));
    }
    if (at !== 'ringing' && at !== 'ended' && epoch < 4) {
      for (const fresh of [true, false]) {
        yield (next) =>
          next.do(telling(next, call(id, at, on, ++next.version, { epoch: epoch + 1, fresh })));
      }
    }
  }
}

/** What may come at any time, whether it makes sense or not. */
function* events({ state }) {
  for (const [id, at, on] of STANDS) {
    yield (next) => next.do(telling(next, call(id, at, on, ++next.version)));
  }
  if (state.call) {
    const { id } = state.call;
    yield (next) => next.do({ is: 'told', call: call(id, 'ringing', 'nowhere', 0) });
    yield (next) => next.do({ is: 'gone', call: id });
  }
  yield (next) => next.reload();
}

/** A press makes a call this page's own. */
function pressing(world, input) {
  const { state } = world;
  if (input.is === 'accept' && rings(state)) world.pressed.add(state.call.id);
  return input;
}

const given = (world, { n, mic, cam }) =>
  ({ is: 'captured', n, ...(mic && { mic: ++world.track }), ...(cam && { cam: ++world.track }) });

function joining(world, { n }, [id, at]) {
  if (world.state.doing?.n === n) world.pressed.add(id);
  return { is: 'joined', n, call: call(id, at, 'this_device', ++world.version) };
}

function telling(world, told) {
  const { doing } = world.state;
  // The event may be faster than the reply.
  if (doing?.what === 'start' && doing.asked && doing.chat === told.chat) {
    world.pressed.add(told.id);
  }
  return { is: 'told', call: told };
}

function explore() {
  let [layer, seen, edges] = [[new World()], new Set(), 0];
  for (let depth = 0; depth < DEPTH; depth++) {
    const following = [];
    for (const world of layer) {
      for (const step of [...presses(), ...answers(world), ...events(world)]) {
        const next = step(world.copy());
        edges += 1;
        const { key } = next;
        if (seen.has(key)) continue;
        seen.add(key);
        following.push(next);
      }
    }
    layer = following;
  }
  return `${seen.size} states, ${edges} steps, all orders of ${DEPTH}`;
}

function wander(seed) {
  const chance = random(seed);
  let inCall = 0;
  for (let walk = 0; walk < WALKS; walk++) {
    let world = new World();
    for (let step = 0; step < STEPS; step++) {
      const [kind, expected] = [chance(), [...answers(world)]];
      const from =
        kind < 0.1 ? [...events(world)] : kind < 0.6 && expected.length ? expected : [...presses()];
      world = from[Math.floor(chance() * from.length)](world);
      if (talks(world.state)) inCall += 1;
    }
  }
  assert.ok(inCall > WALKS, 'hardly a call in all that');
  return `${WALKS * STEPS} steps at random, ${inCall} of them in a call (seed ${seed})`;
}

// ---- examples ----

const did = (world, what) => world.effects.filter((effect) => effect.do === what);
const inCall = () => {
  const world = new World();
  world.do({ is: 'start', chat: 'c', kind: 'voice', mic: true });
  world.do(given(world, world.prompt));
  world.do(joining(world, world.asked[0], ['y', 'ringing']));
  return world.do({ is: 'told', call: call('y', 'active', 'this_device', 9) });
};
const ringing = () => new World().do({ is: 'told', call: call('x', 'ringing', 'nowhere', 1) });
const press = (world, input) => world.do(pressing(world, input));

const rules = {
  'a double click on a call button captures once'() {
    const world = new World();
    const start = { is: 'start', chat: 'c', kind: 'voice', mic: true };
    world.do(start).do(start);
    world.do(given(world, world.prompt)).do(start);
    assert.equal(world.asked.length, 1);
  },
  'a call button in a call leads back to it, and mute still acts on what is sent'() {
    const world = inCall().do({ is: 'start', chat: 'b', kind: 'voice', mic: true })
      .do({ is: 'mute', on: true });
    assert.deepEqual(world.sent, { mic: world.state.mic, cam: null, isMuted: true });
  },
  'a hang-up without a connection is over, and told at the next hello'() {
    const world = inCall().do({ is: 'leave' });
    assert.deepEqual(did(world, 'leave'), [{ do: 'leave', call: 'y', op: 'hangup' }]);
    world.do({ is: 'told', call: call('y', 'active', 'this_device', 20, { epoch: 2 }) });
    assert.ok(!isLive(world.state) && !world.live.size);
    world.do({ is: 'hello' });
    assert.equal(did(world, 'leave').length, 1);
    const later = world.reload().do({ is: 'hello' });
    assert.equal(did(later, 'leave').length, 1, 'after a reload too');
    later.do({ is: 'told', call: call('y', 'active', 'this_device', 21) });
    assert.ok(!isHere(later.state) && !later.prompt);
    later.do({ is: 'heard', call: 'y' }).do({ is: 'hello' });
    assert.equal(did(later, 'leave').length, 0);
  },
  'who has no microphone closes the dialog, and it rings on'() {
    const world = press(ringing(), { is: 'accept', mic: true, cam: false });
    world.do({ is: 'captured', n: world.prompt.n, error: 'missing' });
    assert.deepEqual(
      world.state.problem, { what: 'media', error: 'missing', again: { accept: 'x' } },
    );
    world.do({ is: 'dismiss' });
    assert.ok(rings(world.state) && !world.owes.size);
    press(world, { is: 'accept', mic: false, cam: false });
    assert.deepEqual(did(world, 'accept').map(({ call: id }) => id), ['x'], 'and may listen');
    assert.equal(world.prompt, null);
  },
  'a camera that is refused in a voice call leaves the sound'() {
    const world = inCall().do({ is: 'camera', on: true });
    world.do({ is: 'captured', n: world.prompt.n, error: 'denied' });
    assert.ok(world.state.mic !== null && world.state.problem === null && talks(world.state));
    assert.deepEqual(did(world, 'say'), [{ do: 'say', notice: 'camera' }]);
  },
  'no camera is no reason not to talk'() {
    const world = press(ringing(), { is: 'accept', mic: true, cam: true });
    world.do({ is: 'captured', n: world.prompt.n, error: 'missing' });
    assert.deepEqual([world.prompt.mic, world.prompt.cam], [true, false]);
  },
  'a microphone that is unplugged is replaced, and said when there is none'() {
    const world = inCall();
    const { mic } = world.state;
    world.do({ is: 'lost', track: mic });
    world.do(given(world, world.prompt));
    assert.ok(world.state.mic !== null && world.state.mic !== mic);
    assert.deepEqual(did(world, 'say'), [{ do: 'say', notice: 'mic_changed' }]);
    world.do({ is: 'lost', track: world.state.mic });
    world.do({ is: 'captured', n: world.prompt.n, error: 'missing' });
    assert.deepEqual(did(world, 'say'), [{ do: 'say', notice: 'mic_gone' }]);
    world.do({ is: 'devices' });
    assert.ok(world.prompt.mic, 'one that is plugged in is taken');
  },
  'a chosen microphone that fails costs nothing'() {
    const world = inCall().do({ is: 'choose', kind: 'mic', device: 'm2' });
    const { mic } = world.state;
    world.do({ is: 'captured', n: world.prompt.n, error: 'missing' });
    assert.equal(world.state.mic, mic);
    world.do({ is: 'choose', kind: 'mic', device: 'm3' });
    world.do(given(world, world.prompt));
    assert.deepEqual(did(world, 'stop'), [{ do: 'stop', track: mic }]);
  },
  'muted stays muted through a reload, another microphone, and a prompt that answers late'() {
    let world = inCall().do({ is: 'mute', on: true }).reload();
    world.do({ is: 'told', call: call('y', 'active', 'this_device', 30) });
    world.do(given(world, world.prompt));
    assert.ok(world.sent.mic && world.sent.isMuted);
    world = world.do({ is: 'choose', kind: 'mic', device: 'm2' });
    world.do(given(world, world.prompt));
    assert.ok(world.sent.isMuted);
  },
  'a page that was loaded again begins a fresh negotiation, not one that it did not hear of'() {
    const world = inCall().reload()
      .do({ is: 'told', call: call('y', 'active', 'this_device', 30, { epoch: 2 }) });
    assert.equal(did(world, 'negotiate').length, 0);
    world.do(
      { is: 'told', call: call('y', 'active', 'this_device', 31, { epoch: 3, fresh: false }) },
    );
    assert.equal(did(world, 'negotiate').length, 0, 'the other side was faster');
    world.do(
      { is: 'told', call: call('y', 'active', 'this_device', 32, { epoch: 4, fresh: true }) },
    );
    assert.equal(did(world, 'negotiate').length, 1);
  },
  'a start whose answer was lost rings nobody for long'() {
    const world = new World().do({ is: 'start', chat: 'c', kind: 'voice', mic: true });
    world.do(given(world, world.prompt));
    world.do({ is: 'refused', n: world.asked[0].n, words: 'offline', isOffline: true });
    world.do({ is: 'told', call: call('y', 'ringing', 'this_device', 5) });
    assert.deepEqual(did(world, 'leave'), [{ do: 'leave', call: 'y', op: 'cancel' }]);
  },
  'a call on another tab opens nothing here'() {
    const world = new World().do({ is: 'told', call: call('x', 'active', 'other_device', 5) });
    assert.ok(!isHere(world.state) && !world.prompt);
    world.do({ is: 'start', chat: 'c', kind: 'voice', mic: true });
    assert.deepEqual(world.effects, [{ do: 'say', notice: 'elsewhere' }]);
  },
  'a call that the server has forgotten is over'() {
    const world = inCall().do({ is: 'gone', call: 'y' });
    assert.equal(world.state.call.reason, 'lost');
    assert.ok(!world.live.size && !world.peer);
  },
};

/**
 * Two devices that lost each other, on a way of `ms` to the server: how many negotiations it takes.
 */
function heals(ms) {
  const sides = [0, 1].map(
    (side) => ({ healing: { ...healthy(), epoch: 1 }, epoch: 1, notices: 6_000 + side * 700 }),
  );
  let [epoch, begun, queue, fixed] = [1, 0, [], null];
  for (let now = 0; now < 120_000 && fixed === null; now += 100) {
    for (const item of queue.filter(({ at }) => at === now)) item.run();
    queue = queue.filter(({ at }) => at > now);
    // Offer and answer go through the server; each is there after two of its ways, and ICE after
    // one more.
    if (epoch > 1 && now - begun >= 5 * ms + 300) fixed = now;
    for (const side of sides) {
      const state = now < side.notices ? 'connected' : 'disconnected';
      const seen =
        look(side.healing, { now, epoch: side.epoch, state, isQuiet: false, isLive: true });
      side.healing = seen.healing;
      if (!seen.restart) continue;
      const asked = side.epoch;
      queue.push({ at: now + ms, run: () => {
        if (asked === epoch) {
          [epoch, begun] = [epoch + 1, now + ms];
          for (const other of sides) {
            queue.push({ at: now + 2 * ms, run: () => { other.epoch = epoch; } });
          }
        }
        queue.push(
          { at: now + 2 * ms, run: () => { side.healing = replied(side.healing, now + 2 * ms); } },
        );
      } });
    }
  }
  return { epochs: epoch - 1, ms: fixed };
}

Object.assign(rules, {
  'healing ends, however slow the way to the server'() {
    for (const ms of [100, 300, 600, 1_000, 2_000]) {
      const { epochs, ms: took } = heals(ms);
      assert.ok(
        took !== null && epochs <= 3, `${ms} ms each way: ${epochs} negotiations, ${took} ms`,
      );
      console.log(`    ${ms} ms each way: ${epochs} negotiation(s), whole again after ${took} ms`);
    }
  },
  'a connection that never comes to be is begun again'() {
    let healing = healthy();
    let asked = 0;
    for (let now = 0; now <= 20_000; now += 1_000) {
      const seen = look(healing, { now, epoch: 1, state: 'new', isQuiet: false, isLive: true });
      healing = seen.restart ? replied(seen.healing, now) : seen.healing;
      asked += seen.restart;
    }
    assert.ok(asked >= 2 && asked <= 5, `${asked} times`);
  },
  'one request is under way at a time, and none without the server'() {
    const seen = { now: 0, epoch: 1, state: 'none', isQuiet: false, isLive: true };
    assert.ok(!look(healthy(), { ...seen, isLive: false }).restart);
    const one = look(healthy(), seen);
    assert.ok(one.restart);
    assert.ok(!look(one.healing, { ...seen, now: 60_000 }).restart);
  },
});

for (const [rule, holds] of Object.entries(rules)) {
  holds();
  console.log(`ok: ${rule}`);
}
console.log(`ok: ${explore()}`);
console.log(`ok: ${wander(Number(process.argv[2] ?? 7))}`);
