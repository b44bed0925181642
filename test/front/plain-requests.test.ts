import { describe, expect, test, vi } from 'vitest';
import { NodeReply } from '../../src/server/node-reply.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { gate, until } from '../support/barrier.ts';
import { rawClient } from '../support/raw-client.ts';
import { begin, every, gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* Requests that are no hits, and are answered without the HTTP server. */

useScriptedRig();

const replies = ['send', 'begin', 'fail'] as const;

const request = (method: string, path: string, ...fields: string[]): string =>
  `${method} ${path} HTTP/1.1\r\n${['Host: a.example', ...fields, ''].join('\r\n')}\r\n`;
const paths = (): (string | undefined)[] => origin.seen.map(({ method, url }) => `${method} ${url}`);

test.each([
  ['a miss', 'defaults: { cache: { ttl: 60s } }', 200],
  ['what passes through', 'defaults: { cache: off }', 200],
  ['what the origin has not', 'defaults: { cache: { ttl: 60s } }', 404],
  ['an answer that the client streams', 'defaults: { cache: { ttl: 60s } }', 206],
])('%s needs no HTTP server', async (_, yaml, status) => {
  every((_request, response) => response.writeHead(status, { 'Cache-Control': 'max-age=60' }).end('answer'));
  await begin(yaml);
  const used = replies.map((name) => vi.spyOn(NodeReply.prototype, name));
  const client = await rawClient(gateway.url);
  for (const fields of [[], ['Connection: keep-alive'], ['Connection: close']]) {
    client.write(request('GET', '/a', ...fields));
    expect((await client.answer()).status).toBe(status);
  }
  await client.ended();
  await client.close();
  expect(used.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0]);
  vi.restoreAllMocks();
});

test.each([
  ['PUT', 'body'],
  ['PATCH', 'body'],
  ['POST', 'body'],
  ['DELETE', 'body'],
  ['DELETE', ''],
  ['POST /search', 'body'],
  ['POST /asked', 'body'],
])('a %s with the body %j needs no HTTP server if it comes in one piece', async (asked, body) => {
  origin.on(
    () => true,
    (_request, response, { method, body: sent }) => void response.end(`${method} ${sent}`),
  );
  await begin('reads: [{ on: POST /search, cache: { ttl: 60s } }, POST /asked]');
  const [method = '', path = '/a'] = asked.split(' ');
  const head = request(method, path, ...(body === '' ? [] : [`Content-Length: ${body.length}`]));
  const used = replies.map((name) => vi.spyOn(NodeReply.prototype, name));
  const client = await rawClient(gateway.url);
  const answers = async (): Promise<string> => (await client.answer()).body.toString();
  client.write(head + body);
  expect(await answers()).toBe(`${method} ${body}`);
  expect(used.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0]);
  // In two pieces, with more than one request in one, or with less than a whole one.
  for (const pieces of body === '' ? [] : [[head, body], [head + body + head + body], [`${head}b`, 'ody']]) {
    for (const piece of pieces) {
      client.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await answers()).toBe(`${method} ${body}`);
    if (pieces.length === 1) expect(await answers()).toBe(`${method} ${body}`);
  }
  await client.close();
  vi.restoreAllMocks();
});

test.each([
  ['close', 'keep-alive'],
  ['keep-alive', 'close'],
])('a connection that is said to be %s and %s ends with the answer of the HTTP server', async (first, second) => {
  every((_request, response) => void response.end('answer'));
  await begin();
  const used = vi.spyOn(NodeReply.prototype, 'send');
  const client = await rawClient(gateway.url);
  client.write(request('GET', '/a', `Connection: ${first}`, `Connection: ${second}`));
  expect((await client.answer()).headers.connection).toBe('close');
  await client.ended();
  await client.close();
  expect(used.mock.calls.length).toBe(1);
  vi.restoreAllMocks();
});

describe('what comes behind a read that waits for the origin', () => {
  const heldRead = async () => {
    const held = gate();
    every((_request, response) => void response.end('answer'));
    origin.on('GET /slow', (_request, response) => held.pass().then(() => void response.end('slow')));
    await begin();
    const client = await rawClient(gateway.url);
    client.write(request('GET', '/slow'));
    await held.arrived();
    return { held, client };
  };

  test('is answered behind it, and nothing of it is begun before', async () => {
    const { held, client } = await heldRead();
    const written = `${request('PUT', '/b', 'Content-Length: 1').replace('\r\n\r\n', '\r\n\r\nx')}`;
    client.write(written);
    // Another connection of the same client gets its answer meanwhile.
    const other = await rawClient(gateway.url);
    other.write(request('GET', '/other'));
    await other.answer();
    expect(paths()).toEqual(['GET /slow', 'GET /other']);
    client.write(request('GET', '/c'));
    held.release();
    const bodies = [await client.answer(), await client.answer('PUT'), await client.answer()];
    expect(bodies.map(({ body }) => body.toString())).toEqual(['slow', 'answer', 'answer']);
    expect(paths()).toEqual(['GET /slow', 'GET /other', 'PUT /b', 'GET /c']);
    await Promise.all([client.close(), other.close()]);
  });

  test.each([
    ['closes the connection', 'close'],
    ['ends its side', 'end'],
  ] as const)('is dropped when the client %s, and the origin is told', async (_, leave) => {
    every((_request, response) => void response.end('answer'));
    const left = new Promise<void>((resolve) => {
      origin.on('GET /slow', (_request, response) => void response.once('close', resolve));
    });
    await begin('defaults: { cache: off }');
    const client = await rawClient(gateway.url);
    client.write(request('GET', '/slow'));
    await until(() => origin.seen.length === 1);
    const other = await rawClient(gateway.url);
    for (let i = 0; i < 3; i++) {
      client.write(request('PUT', '/b', 'Content-Length: 0'));
      // It has come: this has come behind it.
      other.write(request('GET', '/other'));
      await other.answer();
    }
    if (leave === 'close') await client.close();
    else client.end();
    await left;
    await Promise.all([client.close(), other.close()]);
    expect(paths()).toEqual(['GET /slow', 'GET /other', 'GET /other', 'GET /other']);
    // It was not told because the gateway had waited for too long, and this is no failure of the origin's.
    expect(gateway.logs.filter(({ code }) => code !== undefined)).toEqual([]);
  });

  test('is not answered where the client has asked for the connection to be closed', async () => {
    await begin();
    every((_request, response) => void response.end('answer'));
    const client = await rawClient(gateway.url);
    client.write(request('GET', '/a', 'Connection: close'));
    client.write(request('PUT', '/b', 'Content-Length: 0'));
    expect((await client.answer()).headers.connection).toBe('close');
    await client.ended();
    await client.close();
    expect(paths()).toEqual(['GET /a']);
  });
});

test('an error of ours is answered with a problem, and the connection goes on', async () => {
  every((_request, response) => void response.end('answer'));
  await begin();
  const select = vi.spyOn(MemoryStore.prototype, 'select').mockImplementation(() => {
    throw new Error('a bug');
  });
  const client = await rawClient(gateway.url);
  client.write(request('GET', '/a'));
  expect((await client.answer()).status).toBe(500);
  select.mockRestore();
  client.write(request('GET', '/a'));
  expect((await client.answer()).status).toBe(200);
  await client.close();
  const failures = gateway.logs.filter(({ msg }) => msg === 'a request failed');
  expect(failures.length).toBeGreaterThan(0);
});
