// A wire between a browser and the server that can be cut: what a train does to a phone. Browsers'
// own offline mode leaves WebSockets open; here nothing gets through. It can be slow, too, on the
// way to the server, and counts what went there. Its like for datagrams kills the flows of a
// network.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

export class Wire {
  static async to(port) {
    const wire = new Wire();
    wire.sockets = new Set();
    wire.isCut = false;
    wire.sent = 0;
    wire.bytesPerSecond = Infinity;
    // Milliseconds that everything takes each way.
    wire.delay = 0;
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
      far.on('data', (bytes) => wire.later(() => near.writable && near.write(bytes)));
      far.on('end', () => wire.later(() => near.end()));
      near.on('end', () => wire.later(() => far.end()));
      near.on('data', (bytes) => {
        wire.sent += bytes.length;
        const ms = (bytes.length / wire.bytesPerSecond) * 1_000;
        if (wire.delay) return wire.later(() => far.writable && far.write(bytes));
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

  later(work) {
    if (this.delay) setTimeout(work, this.delay);
    else work();
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

// Datagrams between browsers and the relay. `change` is what a change of network does: whatever was
// open gets nowhere any more, and what is opened afterwards does.
export class Flows {
  static async to(port) {
    const flows = new Flows();
    flows.open = new Map();
    flows.near = createSocket('udp4');
    flows.near.on('message', (bytes, { address, port: from }) => {
      const key = `${address}:${from}`;
      let flow = flows.open.get(key);
      if (!flow) {
        flow = { isDead: false, far: createSocket('udp4') };
        flows.open.set(key, flow);
        flow.far.on('message', (answer) => !flow.isDead && flows.near.send(answer, from, address));
        flow.far.on('error', () => undefined);
      }
      if (!flow.isDead) flow.far.send(bytes, port, '127.0.0.1');
    });
    await new Promise((done) => flows.near.bind(0, '127.0.0.1', done));
    flows.port = flows.near.address().port;
    return flows;
  }

  change() {
    for (const flow of this.open.values()) flow.isDead = true;
  }

  end() {
    for (const { far } of this.open.values()) far.close();
    this.near.close();
  }
}
