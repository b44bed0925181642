import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { explainTakenPorts } from '../../demo/player/ports.ts';

const host = '127.0.0.1';
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await closed(server);
});

async function listen(port = 0): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  servers.push(server);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

test('ports that can be had are not worth a word, and can still be had', async () => {
  const port = await listen();
  const [server] = servers.splice(0);
  if (server !== undefined) await closed(server);
  const wanted = [
    { who: 'the gateway', option: '--port', host, port },
    { who: 'the travel API', option: '--api-port', host, port: 0 },
  ];
  expect(await explainTakenPorts(wanted)).toBe('');
  expect(await listen(port)).toBe(port);
});

test('every port that is taken is named, with one command that avoids them all', async () => {
  const [first, second] = [await listen(), await listen()];
  const explained = await explainTakenPorts([
    { who: 'the gateway', option: '--port', host, port: first },
    { who: 'the travel API', option: '--api-port', host, port: second },
    { who: 'the admin port', option: '--admin-port', host, port: 0 },
  ]);
  expect(explained).toContain(`Port ${first} is in use by another program: the gateway cannot listen there.`);
  expect(explained).toContain(`Port ${second} is in use by another program: the travel API cannot listen there.`);
  const command = /npm run demo -- --port (\d+) --api-port (\d+)$/.exec(explained);
  const [proposed, another] = [Number(command?.[1]), Number(command?.[2])];
  expect(another).not.toBe(proposed);
  expect(await listen(proposed)).toBe(proposed);
  expect(await listen(another)).toBe(another);
});

test('a port that another part of the demo wants is not proposed', async () => {
  const port = await listen();
  const wanted = [1, 2, 3].map((i) => ({ who: `part ${i}`, option: `--p${i}`, host, port: port + i }));
  const explained = await explainTakenPorts([{ who: 'the gateway', option: '--port', host, port }, ...wanted]);
  const proposed = Number(/--port (\d+)/.exec(explained)?.[1]);
  expect(proposed).toBeGreaterThan(port + 3);
});

test('what is proposed is free, and proposed once', async () => {
  const port = await listen();
  // If the next port is already taken, that serves as well.
  await listen(port + 1).catch(() => undefined);
  const wanted = ['--port', '--api-port'].map((option) => ({ who: 'a part', option, host, port }));
  const explained = await explainTakenPorts(wanted);
  const [first, second] = [...explained.matchAll(/port (\d+)/g)].slice(-2).map((match) => Number(match[1]));
  expect(first).toBeGreaterThan(port + 1);
  expect(second).toBeGreaterThan(first ?? 0);
});

test('an address that is not this machine’s is said to be that', async () => {
  // RFC 5737: reserved for documentation.
  const explained = await explainTakenPorts([{ who: 'the gateway', option: '--port', host: '192.0.2.1', port: 8080 }]);
  expect(explained).toMatch(/^Port 8080 is on an address that this machine does not have: the gateway cannot/);
});
