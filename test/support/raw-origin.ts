import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface RawOrigin {
  /** `http://127.0.0.1:port`, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Cuts every connection. */
  close(): Promise<void>;
}

/**
 * An origin whose answers are bytes: for what no HTTP server would send. `onSocket` gets each connection and its
 * number, from 1. Errors of the socket are ignored: to be broken is its purpose.
 */
export async function rawOrigin(onSocket: (socket: Socket, connection: number) => void): Promise<RawOrigin> {
  const open = new Set<Socket>();
  let accepted = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    accepted += 1;
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    onSocket(socket, accepted);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let closed: Promise<unknown> | undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get accepted() {
      return accepted;
    },
    async close() {
      if (closed === undefined) {
        closed = once(server, 'close');
        server.close();
        for (const socket of open) socket.destroy();
      }
      await closed;
    },
  };
}

/** Calls `onHead` with each request head that arrives on a socket (up to its empty line; bodies are not understood). */
export function onRequestHead(socket: Socket, onHead: (head: string, count: number) => void): void {
  let received = '';
  let count = 0;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    for (let end = received.indexOf('\r\n\r\n'); end !== -1; end = received.indexOf('\r\n\r\n')) {
      const head = received.slice(0, end + 4);
      received = received.slice(end + 4);
      count += 1;
      onHead(head, count);
    }
  });
}
