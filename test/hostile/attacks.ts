import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * What a hostile client does, from one address, for as long as it is let. Bounded in connections, and in what it sends.
 */

export interface Target {
  readonly port: number;
  /** Aborted when the attacker is to leave. */
  readonly signal: AbortSignal;
}

/** Connections that were made. */
export const made = { connections: 0 };

/** Where attacks come from: another address than that of the well-behaved client. */
const ADDRESS = '127.0.0.66';
const host = 'Host: gateway.example\r\n';
const read = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\n${host}${fields}\r\n`;
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** Keeps so many connections open until they are cut off. Each sends the given bytes once it is connected. */
async function hold(
  { port, signal }: Target,
  connections: number,
  { bytes, reads = true }: { bytes: (i: number) => string; reads?: boolean },
): Promise<void> {
  const open = new Set<Socket>();
  for (let i = 0; !signal.aborted; i++) {
    if (open.size >= connections) {
      await pause(20);
      continue;
    }
    const socket = connect({ host: '127.0.0.1', port, localAddress: ADDRESS });
    open.add(socket);
    made.connections += 1;
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    if (reads) socket.resume();
    else socket.pause();
    socket.write(bytes(i), 'latin1');
    await pause(5);
  }
  for (const socket of open) socket.destroy();
}

export const attacks: Record<string, (target: Target) => Promise<void>> = {
  'pipelined behind one that hangs': (target) =>
    hold(target, 100, { bytes: (i) => read(`/hang/${i}`) + read('/').repeat(1_500) }),
  'hits that are not read': (target) => hold(target, 50, { bytes: () => read('/big').repeat(200), reads: false }),
  'ranges that are not read': (target) =>
    hold(target, 50, { bytes: () => read('/big', 'Range: bytes=0-300000,300002-\r\n').repeat(200), reads: false }),
  'answers that are not read': (target) => hold(target, 50, { bytes: (i) => read(`/off/huge/${i}`), reads: false }),
  'uploads that stand still': (target) =>
    hold(target, 300, {
      bytes: (i) => `POST /batch?${i} HTTP/1.1\r\n${host}Content-Length: 900000\r\n\r\n${'x'.repeat(500_000)}`,
    }),
  'subscriptions that are not read': (target) =>
    hold(target, 300, {
      bytes: (i) => read(`/_unstale/events?match=/${i}${'/a'.repeat(200)}/:x&match=/items/:id`),
      reads: false,
    }),
  'writes that fail, naming much': (target) =>
    hold(target, 8, {
      bytes: (i) =>
        post('/batch', JSON.stringify({ fail: true, ids: Array.from({ length: 500 }, (_, k) => `${i}-${k}`) })).repeat(
          5,
        ),
    }),
  'keys and variants': (target) =>
    hold(target, 16, {
      bytes: (i) =>
        Array.from({ length: 20 }, (_, k) =>
          read(`/varies?${i}-${k}${'q'.repeat(6_000)}`, `Accept-Language: x${i}-${k}, ${'de, '.repeat(500)}\r\n`),
        ).join(''),
    }),
  'what is refused, and what is behind it': (target) =>
    hold(target, 50, {
      bytes: (i) => `${i % 2 === 0 ? 'GET /x HTTP/1.1\r\n\r\n' : 'hello\r\n\r\n'}${read('/evil').repeat(500)}`,
    }),
  'handshakes that are not answered': (target) =>
    hold(target, 100, {
      bytes: (i) =>
        read(
          `/hang/ws/${i}`,
          'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
        ) + 'x'.repeat(50_000),
    }),
};
const single = Object.values(attacks);
attacks['all of them'] = async (target) => void (await Promise.all(single.map((attack) => attack(target))));
