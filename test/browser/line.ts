import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The network between browsers and a gateway that may be restarted. */
export interface Line {
  readonly url: string;
  /** How many event streams have been asked for. */
  readonly asked: number;
  /** How many heartbeats have passed. */
  readonly heartbeats: number;
  /** Cuts what is open. */
  drop(): void;
  /**
   * Streams that are open stay open and get nothing any more, as after a change of networks. Others are not touched.
   */
  silence(): void;
  close(): Promise<void>;
}

export async function lineTo(port: () => number): Promise<Line> {
  const sockets = new Set<Socket>();
  let asked = 0;
  let heartbeats = 0;
  const streams = new Set<readonly [Socket, Socket]>();
  const server = createServer((socket) => {
    const onward = connect(port(), '127.0.0.1');
    const pair = [socket, onward] as const;
    for (const each of pair) {
      sockets.add(each);
      each.on('error', () => {});
      each.on('close', () => {
        sockets.delete(each);
        for (const other of pair) other.destroy();
      });
    }
    socket.on('data', (bytes) => {
      if (bytes.includes('GET /_unstale/events')) {
        asked += 1;
        streams.add(pair);
      }
      onward.write(bytes);
    });
    onward.on('data', (bytes) => {
      if (bytes.includes(': \n\n')) heartbeats += 1;
      socket.write(bytes);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    get heartbeats() {
      return heartbeats;
    },
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
    silence: () => {
      for (const pair of streams) for (const socket of pair) socket.pause().removeAllListeners('data');
      streams.clear();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
