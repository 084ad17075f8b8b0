// Long chats on the page: what is drawn, what it costs, what stays in memory. A part of web.mjs.
import { check } from './person.mjs';
import { until, wait } from './server.mjs';
import { token, twoSignedUp } from './stage.mjs';

// While a chat scrolls, a task may take as long as drawing 200 rows so many times (see `drawing`).
const LONGEST_TASK = 12;

export const scrolling = {
  // A chat with 50,000 messages: drawn a window at a time, scrolled without long work.
  async fifty_thousand() {
    const [ana, beto] = await twoSignedUp();
    await ana.finds(beto.name);
    const chat = await ana.chat;
    await beto.page.goto('about:blank');
    await fill(ana, chat, 50_000);
    await beto.opens('/');
    await beto.openChat(ana.name);
    await beto.sees('49999');
    const trace = await beto.context.newCDPSession(beto.page);
    const events = [];
    trace.on('Tracing.dataCollected', ({ value }) => events.push(...value));
    await trace.send(
      'Tracing.start', { categories: 'toplevel,devtools.timeline', transferMode: 'ReportEvents' },
    );
    const unit = await beto.page.evaluate(drawing);
    const box = await beto.$('.messages').boundingBox();
    await beto.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    for (let step = 0; step < 300; step++) {
      await beto.page.mouse.wheel(0, step % 3 === 2 ? 500 : -900);
      await wait(10);
    }
    const drawn = await beto.$('.messages .message-row').count();
    const ended = new Promise((done) => trace.once('Tracing.tracingComplete', done));
    await trace.send('Tracing.end');
    await ended;
    const held =
      await beto.inside(({ client }, chat) => client.store.chats.get(chat).messages.length, chat);
    check(drawn > 5 && drawn < 150, `${drawn} rows are drawn`);
    check(held > 500, `only ${held} messages were scrolled through`);
    const main = new Set(
      events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
        .map(({ pid, tid }) => `${pid}/${tid}`),
    );
    const tasks = events.filter(({ name, tdur, pid, tid }) => name.endsWith('RunTask') && tdur
      && (!main.size || main.has(`${pid}/${tid}`))).map(({ tdur }) => tdur / 1000);
    tasks.sort((a, b) => b - a);
    // Processor time, so that a busy machine hardly counts, and measured against a piece of work of
    // this page, so that a slow one does not. A garbage collection now and then does not count
    // either, while a list that draws too much has hundreds of long tasks.
    const most = unit * LONGEST_TASK;
    const long = tasks.filter((ms) => ms > most);
    check(tasks.length > 300 && long.length <= 5, `${tasks.length} tasks, ${long.length} longer `
      + `than ${most.toFixed(0)} ms: ${long.slice(0, 5).map((ms) => ms.toFixed(0))} ms`);
    await beto.$('.to-newest button').click();
    await beto.sees('49999');
    beto.quiet();
    return `${drawn} rows drawn, ${held} held, ${long.length} tasks above ${most.toFixed(0)} ms, `
      + `longest ${tasks[0].toFixed(1)} ms, p99 `
      + `${tasks[Math.floor(tasks.length / 100)].toFixed(1)} ms of ${tasks.length}`;
  },

  // What a page holds does not grow with what it has received.
  async memory_is_flat() {
    const [ana, beto] = await twoSignedUp();
    await ana.finds(beto.name);
    const chat = await ana.chat;
    await ana.says('empieza');
    await beto.openChat(ana.name);
    const session = await beto.context.newCDPSession(beto.page);
    await session.send('HeapProfiler.enable');
    const heap = async (count) => {
      await until('all is there', () => beto.inside(
        ({ client }, { chat, count }) => client.store.chats.get(chat).last?.seq >= count,
        { chat, count },
      ));
      await session.send('HeapProfiler.collectGarbage');
      return (await session.send('Runtime.getHeapUsage')).usedSize / 1e6;
    };
    await fill(ana, chat, 2_500);
    const early = await heap(2_500);
    await fill(ana, chat, 10_000);
    const late = await heap(12_500);
    check(late - early < 1.5, `from ${early.toFixed(1)} MB to ${late.toFixed(1)} MB`);
    beto.quiet();
    return `${early.toFixed(1)} MB after 2,500 messages, ${late.toFixed(1)} MB after 12,500`;
  },
};

// Milliseconds for a fixed piece of the work that a list does: to make, lay out and take away 200
// rows of text. The fastest of many, so that what else the machine does hardly counts.
function drawing() {
  const times = [];
  for (let round = 0; round < 40; round++) {
    const began = performance.now();
    const list = document.createElement('div');
    list.style.cssText = 'position: fixed; inset: 0; visibility: hidden; overflow: auto';
    for (let row = 0; row < 200; row++) {
      const text = document.createElement('p');
      text.textContent =
        `${row} Una frase algo más larga, que ocupa dos o tres renglones. 好的 مرحبا`;
      list.append(text);
    }
    document.body.append(list);
    list.scrollTop = list.scrollHeight;
    list.remove();
    times.push(performance.now() - began);
  }
  return Math.min(...times);
}

// Sends many messages by a socket of its own, as fast as they are taken; the person's page, which
// would hear of each, is left.
async function fill(person, chat, count) {
  person.token ??= await token(person);
  await person.page.goto('about:blank');
  const page = await person.context.newPage();
  await page.goto(`${person.wire.url}/call-test`);
  await page.evaluate(async ({ token, chat, count }) => {
    const socket =
      new WebSocket(`${location.origin.replace('http', 'ws')}/api/v1/ws`, 'wechat.v1.json');
    const texts = [
      '¿Vienes?', 'Yes, of course! See you at eight, I will bring the tickets.', '好的', 'مرحبا', '👍',
      'Una frase algo más larga, que ocupa dos o tres renglones en una pantalla estrecha y uno '
        + 'en una ancha.',
    ];
    let [sent, done, id] = [0, 0, 1];
    const ask = (op, d) => socket.send(JSON.stringify({ op, id: id++, d }));
    await new Promise((resolve, reject) => {
      const more = () => {
        while (sent < count && sent - done < 256) {
          ask('message.send', {
            chat, client_msg_id: `fill-${count}-${sent}`,
            body: `${sent} ${texts[sent % texts.length]}`,
          });
          sent += 1;
        }
      };
      socket.onopen = () => ask('identify', { token });
      socket.onclose = ({ code }) => reject(new Error(`closed: ${code}`));
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.err) return reject(new Error(data));
        if (frame.re > 1) done += 1;
        if (frame.re) more();
        if (done === count) resolve();
      };
    });
    socket.onclose = null;
    socket.close();
  }, { token: person.token, chat, count });
  await page.close();
}
