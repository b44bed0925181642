import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

type Direction = 'up' | 'down';

export interface Conditions {
  /** Nothing passes, towards the server (up) or back, and neither side notices: connections stay open. */
  cut: { readonly up: boolean; readonly down: boolean };
  delayMs: { readonly up: number; readonly down: number };
}

interface Interruption {
  readonly at: RegExp;
  meanwhile(): Promise<void>;
}

const fine: Readonly<Conditions> = { cut: { up: false, down: false }, delayMs: { up: 0, down: 0 } };

/** A way to a server on the loopback, for tests to make bad. */
export class TcpProxy {
  conditions: Conditions = { ...fine };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  #interruption: Interruption | undefined;

  private constructor(port: () => number) {
    this.#server = createServer((client) => {
      const server = connect(port(), '127.0.0.1');
      this.#join(client, server, 'up');
      this.#join(server, client, 'down');
    });
  }

  /** `port` is called for each connection, as a name is resolved that may later mean another server. */
  static async to(port: () => number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #join(from: Socket, to: Socket, direction: Direction): void {
    this.#sockets.add(from);
    from.on('error', () => from.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    // In order, whatever the delay: each chunk waits for the one before it.
    let last = Promise.resolve();
    from.on('data', (chunk) => {
      last = last.then(() => this.#pass(direction)).then(() => this.#deliver(to, chunk, direction));
    });
  }

  async #pass(direction: Direction): Promise<void> {
    const delayMs = this.conditions.delayMs[direction];
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (this.conditions.cut[direction]) await new Promise<void>((resolve) => this.#held.push(resolve));
  }

  /** The next command for the server that matches is sent in halves, with `meanwhile` between them. Once. */
  interrupt(at: RegExp, meanwhile: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#interruption = { at, meanwhile: () => meanwhile().then(resolve, reject) };
    });
  }

  async #deliver(to: Socket, chunk: Buffer, direction: Direction): Promise<void> {
    const interruption = this.#interruption;
    if (interruption === undefined || direction === 'down') return void (to.destroyed || to.write(chunk));
    const at = chunk.toString('latin1').search(interruption.at);
    if (at < 0) return void (to.destroyed || to.write(chunk));
    this.#interruption = undefined;
    if (!to.destroyed) to.write(chunk.subarray(0, at + 1));
    await interruption.meanwhile();
    if (!to.destroyed) to.write(chunk.subarray(at + 1));
  }

  /** Lets pass what was held, as a network does that was only away. */
  mend(): void {
    this.conditions = { ...fine };
    this.#interruption = undefined;
    for (const release of this.#held.splice(0)) release();
  }

  /** Breaks every connection. */
  reset(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.mend();
    this.reset();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
