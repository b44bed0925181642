import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  type Exchange,
  MAX_UNANSWERED,
  MAX_UNSENT_BYTES,
  MAX_WAITING_IN_ALL,
  Pipelines,
} from '../../src/server/pipeline.ts';
import { gate, until } from '../support/barrier.ts';
import { startGateway } from '../support/gateway.ts';
import { rawClient, rawExchange } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { answerForAMinute, every, gateway, origin, useOneScriptedRig } from '../support/scripted-rig.ts';

/* What comes behind a request on its connection: whether it is begun, when, and how much of it at one time. */

const host = 'Host: gateway.example\r\n';
const one = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\n${host}${fields}\r\n`;
const evil = `${one('/evil')}DELETE /evil HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`;

useOneScriptedRig('routes: [{ match: /off/**, cache: off }]', () => every(answerForAMinute));

/** Whatever was begun before this has reached the origin when it resolves. */
async function anotherClient(): Promise<void> {
  const answer = await get(`${gateway.url}/other?${Math.random()}`);
  expect(answer.status).toBe(200);
}

const handshake = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
const refusals: [string, string, number][] = [
  [
    'HTTP/1.0 and a coding',
    `POST /x HTTP/1.0\r\n${host}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ['another coding', `POST /x HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400],
  ['no Host', 'GET /x HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', `GET /x HTTP/1.1\r\n${host}${host}\r\n`, 400],
  ['a Host that is none', 'GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['a malformed target', one('/%zz'), 400],
  ['a target that is too long', one(`/${'a'.repeat(9_000)}`), 414],
  ['another host', one('http://other.example/x'), 400],
  ['a version from the future', `GET /x HTTP/2.0\r\n${host}Connection: keep-alive\r\n\r\n`, 400],
  ['an expectation', `POST /x HTTP/1.1\r\n${host}Expect: miracles\r\nContent-Length: 0\r\n\r\n`, 417],
  [
    'an unknown expectation together with one that is met',
    `POST /x HTTP/1.1\r\n${host}Expect: 100-continue, miracles\r\nContent-Length: 0\r\n\r\n`,
    417,
  ],
  ['a loop', one('/x', `Via: ${Array(8).fill('1.1 unstale').join(',')}\r\n`), 508],
  ['a TRACE with a body', `TRACE /x HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\nx`, 400],
  ['bytes that are no HTTP', 'hello\r\n\r\n', 400],
  ['header fields that are too long', one('/x', `X: ${'a'.repeat(40_000)}\r\n`), 431],
  ['a malformed chunk', `POST /x HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, 400],
  ['a CONNECT', 'CONNECT gateway.example:80 HTTP/1.1\r\nHost: gateway.example:80\r\n\r\n', 405],
];

describe('RFC 9112 §9.6: behind an answer that closes the connection nothing is carried out', () => {
  test.each(refusals)('%s', async (_, bytes, status) => {
    const client = await rawClient(gateway.url);
    client.write(bytes + evil.repeat(3));
    const answers = [await client.answer()];
    if (answers[0]?.status === 100) answers.push(await client.answer());
    expect(answers.at(-1)?.status).toBe(status);
    await client.ended();
    expect(client.pending.toString()).toBe('');
    await client.close();
    await anotherClient();
    expect(origin.seen.filter(({ url }) => url === '/evil')).toEqual([]);
  });

  test.each(refusals)('behind a request that is still being answered: %s', async (_, bytes, status) => {
    const slow = gate();
    origin.on('PUT /slow', async (_request, response) => {
      await slow.pass();
      response.end('slow');
    });
    const client = await rawClient(gateway.url);
    // Behind one that may change something, all of it waits.
    client.write(`PUT /slow HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n${bytes}${evil}`);
    await slow.arrived();
    client.write(evil);
    await anotherClient();
    slow.release();
    expect((await client.answer()).body.toString()).toBe('slow');
    const answer = await client.answer();
    expect((answer.status === 100 ? await client.answer() : answer).status).toBe(status);
    await client.ended();
    expect(client.pending.toString()).toBe('');
    await client.close();
    await anotherClient();
    expect(origin.seen.filter(({ url }) => url === '/evil')).toEqual([]);
  });

  test.each([
    ['asked to close', one('/a', 'Connection: close\r\n')],
    ['asked to upgrade', one('/a', 'Connection: Upgrade\r\nUpgrade: h2c\r\n')],
    ['of HTTP/1.0', `GET /a HTTP/1.0\r\n${host}\r\n`],
  ])('nor behind one that is not refused: %s', async (_, bytes) => {
    const client = await rawClient(gateway.url);
    client.write(bytes + evil + one('/a', handshake));
    await client.answer('HEAD');
    client.write(evil);
    await anotherClient();
    await client.close();
    expect(origin.seen.filter(({ url }) => url === '/evil')).toEqual([]);
  });

  test('the body of the last request on a connection arrives all the same', async () => {
    const client = await rawClient(gateway.url);
    client.write(`POST /a HTTP/1.1\r\n${host}Connection: close\r\nContent-Length: 4\r\n\r\nbo`);
    // A small body is received whole before the origin hears of it.
    await anotherClient();
    client.write('dy');
    expect((await client.answer()).status).toBe(200);
    await client.close();
  });

  test('also where that request had to wait for another', async () => {
    const held = gate();
    origin.on('PUT /held', (_request, response) => held.pass().then(() => void response.end()));
    const client = await rawClient(gateway.url);
    const last = `POST /a HTTP/1.1\r\n${host}Connection: close\r\nContent-Length: 4\r\n\r\nbo`;
    client.write(`PUT /held HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n${last}`);
    await held.arrived();
    client.write('dy');
    held.release();
    expect((await client.answer()).status).toBe(200);
    expect((await client.answer()).body.toString()).toBe('answer');
    await client.ended();
    await client.close();
  });
});

describe('the requests of one connection', () => {
  const total = 3 * MAX_UNANSWERED;
  const paths = (folder: string): string[] => Array.from({ length: total }, (_, i) => `${folder}/${i}`);
  const begun = (folder: string): number => origin.seen.filter(({ url }) => url.startsWith(folder)).length;

  test.each(['/many', '/off/many'])('of %s: so many at one time, and all in their order', async (folder) => {
    const held = gate();
    origin.on(
      ({ url = '' }) => url.startsWith(folder),
      async (request, response) => {
        await held.pass();
        response.end(request.url);
      },
    );
    const client = await rawClient(gateway.url);
    client.write(
      paths(folder)
        .map((path) => one(path))
        .join(''),
    );
    await held.arrived(MAX_UNANSWERED);
    // In a read of the socket of its own, too.
    client.write(one(`${folder}/last`));
    await anotherClient();
    expect(begun(folder)).toBe(MAX_UNANSWERED);
    held.release();
    for (const path of paths(folder)) expect((await client.answer()).body.toString()).toBe(path);
    expect((await client.answer()).body.toString()).toBe(`${folder}/last`);
    await client.close();
  });

  test('RFC 9112 §9.3.2: none during one that may change something', async () => {
    const held = gate();
    const order: string[] = [];
    origin.on(
      ({ url = '' }) => url.startsWith('/ordered'),
      async (request, response) => {
        order.push(`${request.method} ${request.url}`);
        await held.pass();
        response.end();
      },
    );
    const client = await rawClient(gateway.url);
    const write = (path: string): string => `PUT ${path} HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\nx`;
    client.write(one('/ordered/1') + write('/ordered/2') + one('/ordered/3') + one('/ordered/4'));
    await held.arrived();
    await anotherClient();
    expect(order).toEqual(['GET /ordered/1']);
    held.release();
    for (let i = 0; i < 4; i++) expect((await client.answer()).status).toBe(200);
    expect(order.slice(0, 2)).toEqual(['GET /ordered/1', 'PUT /ordered/2']);
    await client.close();
  });

  test('none is begun while answers wait for a client that does not read', async () => {
    // More than the buffers of two sockets hold.
    const body = Buffer.alloc(16 * MAX_UNSENT_BYTES, 'x');
    origin.on('GET /big', (_request, response) => {
      response.setHeader('Cache-Control', 'max-age=60');
      response.end(body);
    });
    await rawExchange(gateway.url, one('/big'));
    const reads = (): number => gateway.logs.filter(({ path }) => path === '/big').length;
    const before = reads();
    const client = await rawClient(gateway.url, { reads: false });
    client.write(one('/big', 'Range: bytes=1-2000000,2000002-\r\n').repeat(total));
    await until(() => reads() > before);
    for (let i = 0; i < 10; i++) await anotherClient();
    expect(reads() - before).toBeLessThan(10);
    await client.close();
  });

  test.each([
    ['those that it has not come to as well', [1, 2, 3, 4].map((i) => one(`/off/left/${i}`)).join(''), 4],
    ['where some of them wait', one('/off/left').repeat(total), MAX_UNANSWERED],
  ])('all end with it, %s', async (_what, requests, begun) => {
    const held = gate();
    let gone = 0;
    origin.on(
      ({ url = '' }) => url.startsWith('/off/left'),
      async (_request, response) => {
        response.on('close', () => {
          gone += 1;
        });
        await held.pass();
      },
    );
    // What ends is not to end because the origin does not answer.
    const patient = await startGateway(
      origin.url,
      `origins: { default: { url: "${origin.url}", timeout: 1h } }\nroutes: [{ match: /off/**, cache: off }]`,
    );
    const client = await rawClient(patient.url);
    client.write(requests);
    await held.arrived(begun);
    await client.close();
    await until(() => gone === begun);
    held.release();
    await patient.stop();
  });

  test('are not read while some of them wait', async () => {
    let parsed = 0;
    const pipelines = new Pipelines(holding);
    const server = createServer((message, response) => {
      parsed += 1;
      pipelines.of(message.socket).receive({ message, response });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = await rawClient(url);
    const bytes = one('/held').repeat(30_000);
    client.write(bytes);
    for (let i = 0; i < 50; i++) await get(`${url}/other`);
    // One read, and what the socket had begun to read when it was told to pause.
    expect(parsed).toBeLessThan(50 + (3 * 65_536) / one('/held').length);
    await client.close();
    server.closeAllConnections();
    server.close();
  });

  test('that wait are bounded over all connections: those with many of them are cut off, others are not', async () => {
    const held: ServerResponse[] = [];
    let cut = 0;
    const pipelines = new Pipelines(
      ({ message, response }) => void (message.url === '/held' ? held.push(response) : response.end()),
      () => {
        cut += 1;
      },
    );
    const server = createServer((message, response) => pipelines.of(message.socket).receive({ message, response }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const few = one('/held') + one('/polite').repeat(MAX_UNANSWERED + 4);
    const early = await rawClient(url);
    early.write(few);
    await until(() => held.length === 1);
    // One read of a socket is 64 KiB.
    const each = Math.floor(60_000 / one('/held').length);
    const count = Math.ceil(MAX_WAITING_IN_ALL / each) + 5;
    const attackers = await Promise.all(Array.from({ length: count }, () => rawClient(url)));
    for (const attacker of attackers) attacker.write(one('/held').repeat(each));
    await until(() => cut > 0);
    const late = await rawClient(url);
    late.write(few);
    await until(() => held.length > (count - cut) * MAX_UNANSWERED);
    expect(pipelines.waiting).toBeLessThanOrEqual(MAX_WAITING_IN_ALL + count * 32);
    for (const attacker of attackers) await attacker.close();
    for (const response of held) response.end();
    for (const client of [early, late]) {
      for (let i = 0; i < MAX_UNANSWERED + 5; i++) expect((await client.answer()).status).toBe(200);
      await client.close();
    }
    await until(() => pipelines.waiting === 0);
    server.closeAllConnections();
    server.close();
  });
});

/** Answers everything but what is to be held. */
function holding({ message, response }: Exchange): void {
  if (message.url !== '/held') response.end();
}
