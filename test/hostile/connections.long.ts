import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectGarbage } from '../support/garbage.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin, until } from '../support/scripted-origin.ts';

/*
 * Attacks on connections and framing. During each of them a well-behaved client gets right answers, and when the
 * attacker has left, what it took is given back.
 */

/** Another address than that of the well-behaved client. */
const ATTACKER = '127.0.0.66';
const host = 'Host: gateway.example\r\n';
const read = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\n${host}${fields}\r\n`;
const stalled = (i: number): string => `POST /up/${i} HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\nx`;
const BIG = Buffer.alloc(6 * 1024 * 1024, 'x');
const HUGE = Buffer.alloc(64 * 1024 * 1024, 'x');
/** What an attack may leave behind: what the allocator and the compiler keep. */
const LEFT_BYTES = 50 * 1024 * 1024;

let origin: ScriptedOrigin;
let gateway: TestGateway;
let round = 0;
beforeAll(async () => {
  origin = await scriptedOrigin();
  origin.on(
    () => true,
    (request, response) => {
      response.setHeader('Cache-Control', 'max-age=600');
      response.end(`${request.method} ${request.url}`);
    },
  );
  origin.on('GET /big', (_request, response) => {
    response.setHeader('Cache-Control', 'max-age=600');
    response.end(BIG);
  });
  origin.on(
    ({ url = '' }) => url.startsWith('/off/huge'),
    (_request, response) => void response.end(HUGE),
  );
  origin.on(
    ({ url = '' }) => url.startsWith('/off/hang'),
    () => {},
  );
  const limits = 'limits: { bodyIdle: 2s, minBodyRate: 1KiB }';
  gateway = await startGateway(
    origin.url,
    `server: { listen: "127.0.0.1:0", ${limits} }
origins: { default: { url: "${origin.url}", timeout: 4s, connections: 16 } }
routes: [{ match: /off/**, cache: off }]
log: { level: warn }`,
  );
});
afterAll(async () => {
  await gateway.stop();
  await origin.close();
});

/** A hit, a miss, a write, and what is read behind it. */
async function wellBehaved(): Promise<void> {
  round += 1;
  const ask = (path: string, options = {}) => get(`${gateway.url}${path}`, options);
  expect((await ask('/hot')).text).toBe('GET /hot');
  expect((await ask(`/cold/${round}`)).text).toBe(`GET /cold/${round}`);
  expect((await ask(`/cold/${round}`, { method: 'PUT', body: 'x' })).text).toBe(`PUT /cold/${round}`);
  const again = await ask(`/cold/${round}`);
  expect([again.text, again.headers['cache-status']]).toEqual([
    `GET /cold/${round}`,
    'unstale; fwd=uri-miss; fwd-status=200; stored',
  ]);
}

const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Node makes an error of each request that is given up, and writes its stack: ten thousands that nobody reads. */
async function leave(clients: readonly RawClient[], isOver: () => boolean, what: string): Promise<void> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    for (const client of clients) await client.close();
    await until(isOver, what);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

interface Attack {
  readonly clients: number;
  readonly bytes: (client: number) => string;
  readonly reads: boolean;
}
const evil = `DELETE /evil HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`;
const attacks: [string, Attack][] = [
  [
    'hits behind a request that hangs',
    { clients: 2, bytes: () => read('/off/hang') + read('/hot').repeat(10_000), reads: true },
  ],
  ['requests that all hang', { clients: 1, bytes: () => read('/off/hang').repeat(10_000), reads: true }],
  ['hits that are not read', { clients: 4, bytes: () => read('/big').repeat(500), reads: false }],
  [
    'ranges that are not read',
    { clients: 4, bytes: () => read('/big', 'Range: bytes=0-3000000,3000002-\r\n').repeat(500), reads: false },
  ],
  ['writes behind a refusal', { clients: 20, bytes: () => `GET /x HTTP/1.1\r\n\r\n${evil.repeat(500)}`, reads: true }],
  [
    'writes behind a refusal that waits',
    { clients: 4, bytes: () => `${read('/off/hang')}GET /x HTTP/1.1\r\n\r\n${evil.repeat(500)}`, reads: true },
  ],
  ['uploads that stand still', { clients: 40, bytes: stalled, reads: true }],
  ['answers that are not read', { clients: 20, bytes: (i) => read(`/off/huge/${i}`), reads: false }],
];

test.each(attacks)('%s', { timeout: 60_000 }, async (_, { clients, bytes, reads }) => {
  await wellBehaved();
  // Stored by now, under the host that attackers ask for.
  const warm = await rawClient(gateway.url);
  warm.write(read('/hot') + read('/big'));
  for (let i = 0; i < 2; i++) expect((await warm.answer()).status).toBe(200);
  await warm.close();
  const before = { sockets: sockets(), bytes: usedBytes() };
  const attackers: RawClient[] = [];
  for (let i = 0; i < clients; i++) {
    const client = await rawClient(gateway.url, { reads, from: ATTACKER });
    attackers.push(client);
    client.write(bytes(i));
  }
  for (let i = 0; i < 5; i++) await wellBehaved();
  // The connections to the origin that are kept for the next requests are among them.
  await leave(attackers, () => sockets() <= before.sockets + 32, 'the sockets of the attack to close');
  await until(() => usedBytes() <= before.bytes + LEFT_BYTES, 'the memory of the attack to be given back');
  await wellBehaved();
  expect(origin.requests('DELETE /evil')).toEqual([]);
});

test.each([
  ['a read', read('/hang')],
  ['a write', `POST /hang HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`],
])('%s that waits for the origin keeps nothing of a client that has left', { timeout: 60_000 }, async (_, first) => {
  const silent = await scriptedOrigin();
  silent.on(
    () => true,
    () => {},
  );
  const patient = await startGateway(
    silent.url,
    `origin: { url: "${silent.url}", timeout: 1h }\nserver: { listen: "127.0.0.1:0", drain: 1ms }\nlog: { level: silent }`,
  );
  const before = usedBytes();
  const clients = await Promise.all(Array.from({ length: 40 }, () => rawClient(patient.url)));
  for (const client of clients) client.write(first + read('/', '').repeat(1_500));
  await until(() => silent.seen.length > 0);
  await get(`${patient.adminUrl}/livez`);
  const isGivenBack = () => usedBytes() <= before + LEFT_BYTES / 2;
  await leave(clients, isGivenBack, 'the memory of the clients to be given back');
  await patient.stop();
  await silent.close();
});
