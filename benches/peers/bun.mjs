// The job of loadgen's bare server, as Bun does it: any request is answered, any token is a name,
// and a message goes to everybody else and is acked. Nothing is stored. `scripts/peers` runs it and
// says how many bytes an event has.
const bytes = Number(process.argv[2]);

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, upgrading) {
    const headers = { 'sec-websocket-protocol': 'wechat.v1.json' };
    if (upgrading.upgrade(request, { headers })) return;
    return new Response('{"id":"all"}', { headers: { 'content-type': 'application/json' } });
  },
  websocket: {
    open(socket) {
      socket.subscribe('all');
      socket.send('{"ev":"hello"}');
    },
    message(socket, text) {
      const id = text.slice(text.indexOf('"id":') + 5, text.indexOf(',"d":'));
      const data = text.slice(text.indexOf('"d":') + 4);
      socket.publish('all', `{"ev":"message","d":${data}`.padEnd(bytes));
      socket.send(`{"re":${id},"ok":{}}`);
    },
  },
});

console.log(`127.0.0.1:${server.port}`);
