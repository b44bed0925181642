import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { heldBack } from '../../bench/measure/held-back.ts';
import { until } from '../support/barrier.ts';

/** More than the system takes for a reader that does not read. */
const BYTES = 64 * 1024 * 1024;

test('connections count whose clients do not take what is sent', async () => {
  const accepted: Socket[] = [];
  const server = createServer((socket) => void accepted.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients = [1, 2, 3].map(() => connect(port, '127.0.0.1'));
  await until(() => accepted.length === 3);
  expect(heldBack(port)).toBe(0);
  for (const socket of accepted.slice(1)) socket.write(Buffer.alloc(BYTES));
  await until(() => heldBack(port) === 2, 'two to be held back');
  const [client] = clients as [Socket, ...Socket[]];
  client.write(Buffer.alloc(BYTES));
  await until(() => heldBack(client.localPort as number) === 1, 'what a client sends to be held back');
  expect(heldBack(port)).toBe(2);
  for (const socket of [...clients, ...accepted]) socket.resume();
  await until(
    () => accepted.every(({ writableLength }) => writableLength === 0) && heldBack(port) === 0,
    'all to be read',
  );
  for (const each of clients) each.destroy();
  server.close();
  await once(server, 'close');
});
