import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Conditions {
  /** Nothing passes, in neither direction, and nobody is told: connections stay open, new ones hang. */
  cut: boolean;
  /** Towards the server, and back. */
  delayMs: { readonly up: number; readonly down: number };
}

/** The path between a node and its Redis, on the loopback, for tests to make bad. */
export class TcpProxy {
  readonly conditions: Conditions = { cut: false, delayMs: { up: 0, down: 0 } };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, '127.0.0.1');
      this.#join(client, server, () => this.conditions.delayMs.up);
      this.#join(server, client, () => this.conditions.delayMs.down);
    });
  }

  static async to(port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #join(from: Socket, to: Socket, delayMs: () => number): void {
    this.#sockets.add(from);
    from.on('error', () => from.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    // In order, whatever the delay: each chunk waits for the one before it.
    let last = Promise.resolve();
    from.on('data', (chunk) => {
      last = last.then(() => this.#pass(delayMs())).then(() => void (to.destroyed || to.write(chunk)));
    });
  }

  async #pass(delayMs: number): Promise<void> {
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (this.conditions.cut) await new Promise<void>((resolve) => this.#held.push(resolve));
  }

  /** Lets pass what was held, as a network does that was only away. */
  mend(): void {
    this.conditions.cut = false;
    this.conditions.delayMs = { up: 0, down: 0 };
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
