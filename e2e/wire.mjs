// A wire between a browser and the server that can be cut: what a train does to a phone. Browsers'
// own offline mode leaves WebSockets open; here nothing gets through. It can be slow, too, on the way
// to the server, and counts what went there.
import { connect, createServer } from 'node:net';

export class Wire {
  static async to(port) {
    const wire = new Wire();
    wire.sockets = new Set();
    wire.isCut = false;
    wire.sent = 0;
    wire.bytesPerSecond = Infinity;
    wire.server = createServer((near) => {
      if (wire.isCut) return near.destroy();
      const far = connect(port, '127.0.0.1');
      const both = [near, far];
      for (const [one, other] of [[near, far], [far, near]]) {
        wire.sockets.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          wire.sockets.delete(one);
          other.destroy();
        });
      }
      far.pipe(near);
      near.on('end', () => far.end());
      near.on('data', (bytes) => {
        wire.sent += bytes.length;
        const ms = (bytes.length / wire.bytesPerSecond) * 1_000;
        const isFull = !far.write(bytes);
        if (!isFull && ms < 1) return;
        near.pause();
        const on = () => near.resume();
        if (isFull) far.once('drain', () => setTimeout(on, ms));
        else setTimeout(on, ms);
      });
      return both;
    });
    await new Promise((done) => wire.server.listen(0, '127.0.0.1', done));
    wire.port = wire.server.address().port;
    return wire;
  }

  get url() {
    return `http://localhost:${this.port}`;
  }

  // Everything that is open breaks, and nothing new gets through.
  cut() {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend() {
    this.isCut = false;
  }

  end() {
    this.cut();
    this.server.close();
  }
}
