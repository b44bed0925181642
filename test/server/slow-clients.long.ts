import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientOf, RequestClient } from '../../src/server/addresses.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { gate, type OriginHandler, type ScriptedOrigin, scriptedOrigin, until } from '../support/scripted-origin.ts';

/* Clients that do not move: they are cut off, and what they held is there for others. */

const host = 'Host: gateway.example\r\n';
/** More than the gateway receives before the origin hears of it. */
const upload = (path: string, fields = ''): string =>
  `POST ${path} HTTP/1.1\r\n${host}${fields}Content-Length: 1000000\r\n\r\n${'x'.repeat(300_000)}`;
const download = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\n${host}${fields}\r\n`;
/** More than the buffers of all sockets on the way hold. */
const BIG = Buffer.alloc(64 * 1024 * 1024, 'x');

let origin: ScriptedOrigin;
let gateway: TestGateway;
let clients: RawClient[];
/** Connections of the origin that were given up: those of whole answers are kept. */
let broken: number;
beforeEach(async () => {
  clients = [];
  broken = 0;
  origin = await scriptedOrigin();
  origin.on(
    () => true,
    (_request, response) => void response.end('answer'),
  );
  origin.on(
    ({ url = '' }) => url.startsWith('/off/big'),
    (request, response) => {
      request.socket.on('close', () => {
        broken += 1;
      });
      response.end(BIG);
    },
  );
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await gateway.stop();
  await origin.close();
});

const begin = async (limits: string, rest = ''): Promise<void> => {
  const server = `server: { listen: "127.0.0.1:0", limits: { ${limits} }${rest} }`;
  const to = `origin: { url: "${origin.url}", timeout: 5s }`;
  gateway = await startGateway(origin.url, `${server}\n${to}\nroutes: [{ match: /off/**, cache: off }]`);
};
const attack = async (bytes: string, options = {}): Promise<RawClient> => {
  const client = await rawClient(gateway.url, options);
  clients.push(client);
  client.write(bytes);
  return client;
};
/** So long that what stands still was cut off meanwhile. */
const longEnough = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) expect((await (await attack(upload('/clock'))).answer()).status).toBe(408);
};
const cutOff = (): number => gateway.logs.filter(({ msg }) => msg === 'a client was cut off').length;

describe('a body that stands still', () => {
  test.each(['/a', '/off/a'])('an upload to %s: 408, and the connection closes', async (path) => {
    await begin('bodyIdle: 200ms, minBodyRate: 0B');
    const client = await attack(upload(path));
    const answer = await client.answer();
    expect(answer.status).toBe(408);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    await client.ended();
  });

  test('an upload whose connection was to close anyway', async () => {
    await begin('bodyIdle: 200ms, minBodyRate: 0B');
    await (await attack(upload('/a', 'Connection: close\r\n'))).ended();
  });

  test('an answer that is not read', async () => {
    await begin('bodyIdle: 200ms, minBodyRate: 0B');
    await attack(download('/off/big'), { reads: false });
    await until(() => broken === 1);
    expect(cutOff()).toBe(1);
  });

  test('not because of the gateway, or its origin', async () => {
    await begin('bodyIdle: 200ms, minBodyRate: 0B');
    const held = gate();
    origin.on(
      'POST /held',
      async (request, response) => {
        await held.pass();
        request.resume();
        request.on('end', () => response.end('whole'));
      },
      { early: true },
    );
    const [slow, large] = [await attack(download('/_unstale/events')), await rawClient(gateway.url)];
    clients.push(large);
    large.write(`POST /held HTTP/1.1\r\n${host}Content-Length: ${BIG.byteLength}\r\n\r\n`);
    large.write(BIG);
    await held.arrived();
    await longEnough();
    held.release();
    expect((await large.answer()).body.toString()).toBe('whole');
    expect(slow.pending.toString()).toContain('text/event-stream');
    expect(cutOff()).toBe(3);
  });
});

test('a body that comes in drops is cut off', async () => {
  // What it sends at first counts, too, where the gateway looks before all of that has come.
  await begin('bodyIdle: 1s, minBodyRate: 1MiB');
  const client = await attack(upload('/a'));
  const drops = setInterval(() => client.write('x'), 50);
  expect((await client.answer()).status).toBe(408);
  clearInterval(drops);
  expect(gateway.logs.some(({ reason }) => reason === 'a body moved too slowly')).toBe(true);
});

test('the rest of an upload that was answered early is bounded in the same way', async () => {
  // Cut off before it has read the answer, which a slow machine takes a while for, the client would lose it.
  await begin('bodyIdle: 1s, minBodyRate: 1MiB');
  const answerEarly: OriginHandler = (request, response) => {
    // The gateway cuts off what is left of the upload.
    request.on('error', () => {});
    response.end('early');
  };
  origin.on('POST /early', answerEarly, { early: true });
  const client = await attack(upload('/early'));
  expect((await client.answer()).body.toString()).toBe('early');
  const drops = setInterval(() => client.write('x'), 50);
  await client.ended();
  clearInterval(drops);
  expect([client.pending.toString(), cutOff()]).toEqual(['', 1]);
});

describe('the connections of one address', () => {
  test('are bounded, and those that end make room', async () => {
    await begin('perAddress: { connections: 2 }');
    const [first] = [await attack(download('/a')), await attack(download('/a'))];
    await (await attack(download('/a'))).ended();
    await first?.close();
    const answered = async (): Promise<boolean> => {
      const client = await attack(download('/a'));
      await Promise.race([client.ended(), client.answer().catch(() => {})]);
      return gateway.logs.filter(({ path }) => path === '/a').length === 3;
    };
    // The gateway hears of the end of a connection a little later.
    for (let i = 0; i < 100 && !(await answered()); i++);
    expect(gateway.logs.filter(({ path }) => path === '/a').length).toBe(3);
  });

  test('are not bounded where the address is that of a trusted proxy', async () => {
    await begin('perAddress: { connections: 2 }', ', trustedProxies: [127.0.0.1]');
    for (let i = 0; i < 4; i++) expect((await (await attack(download('/a'))).answer()).status).toBe(200);
  });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1:2:3:4', '2001:db8:0:0::/64'],
    ['2001:DB8:00:1::', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('%s is of the client %s', (address, client) => {
    expect(clientOf(address)).toBe(client);
  });

  test.each([
    ['192.0.2.1', undefined, { address: '192.0.2.1', isProxy: false }],
    ['::ffff:192.0.2.1', undefined, { address: '192.0.2.1', isProxy: false }],
    ['10.0.0.9', '192.0.2.1', { address: '192.0.2.1', isProxy: false }],
    ['10.0.0.9', '', { address: '10.0.0.9', isProxy: true }],
    ['::ffff:10.0.0.9', '10.0.0.9', { address: '10.0.0.9', isProxy: true }],
  ])('a request from %s, for which a trusted proxy names %j', (peer, forwarded, client) => {
    const { address, isProxy } = new RequestClient(peer, forwarded);
    expect({ address, isProxy }).toEqual(client);
  });
});
