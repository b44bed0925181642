import { beforeEach, describe, expect, test } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import { rawClient } from '../support/raw-client.ts';
import { gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* What rules read of the bodies of writes, and what becomes of the rest. */

useScriptedRig(`
server: { listen: "127.0.0.1:0", limits: { resolveBody: 64KiB, requestBody: 1MiB } }
defaults: { cache: { ttl: 60s } }
rules:
  - { name: by-request, on: PUT /by-request, invalidate: ["/parents/{request.parent}"] }
  - { name: by-response, on: PUT /by-response, invalidate: ["/parents/{response.parent}"] }
  - { name: strict, on: PUT /strict, invalidate: ["/parents/{request.parent}"], unresolved: reject }
  - { name: by-before, on: PUT /by-before, invalidate: ["/parents/{before.parent, request.parent}"] }
  - { name: lax, on: PUT /lax, invalidate: ["/parents/{request.parent}"], unresolved: ignore }
`);
beforeEach(() => {
  origin.on(
    ({ method }) => method === 'GET',
    (_request, response) => void response.end('read'),
  );
});

const warm = () => Promise.all([send('GET', '/parents/7'), send('GET', '/parents/8'), send('GET', '/others/1')]);
/** Which of the warm responses are still served from the store. */
async function left(): Promise<string[]> {
  const found: string[] = [];
  for (const path of ['/parents/7', '/parents/8', '/others/1']) {
    if (String((await send('GET', path)).headers['cache-status']).includes('hit')) found.push(path);
  }
  return found;
}
const answers = (path: string, body: string, headers: Record<string, string> = {}) =>
  origin.on(`PUT ${path}`, (_request, response) => void response.writeHead(200, headers).end(body));
const filler = 'x'.repeat(200_000);
const json = { 'Content-Type': 'application/json' };

describe('the body of the request', () => {
  beforeEach(() => answers('/by-request', 'ok'));
  test.each([
    ['is read', JSON.stringify({ parent: 7 }), ['/parents/8', '/others/1']],
    ['keeps large numbers', '{"parent": 7, "other": 12345678901234567890}', ['/parents/8', '/others/1']],
    ['larger than the bound falls back to a wildcard', JSON.stringify({ parent: 7, filler }), ['/others/1']],
    ['that is not JSON falls back to a wildcard', 'parent=7', ['/others/1']],
    ['without the field falls back to a wildcard', '{}', ['/others/1']],
  ])('%s', async (_what, body, expected) => {
    await warm();
    const answer = await send('PUT', '/by-request', { body });
    expect(answer.text).toBe('ok');
    expect(origin.requests('PUT /by-request')[0]?.body.toString(), 'passed on as it was').toBe(body);
    expect(await left()).toEqual(expected);
    const warnings = gateway.logs.filter(({ msg }) => msg === 'a placeholder could not be resolved');
    expect(warnings).toHaveLength(expected.length === 1 ? 1 : 0);
  });
});

describe('the body of the answer', () => {
  test.each([
    ['is read', JSON.stringify({ parent: 7 }), json, ['/parents/8', '/others/1']],
    [
      'larger than the bound streams through, and falls back to a wildcard',
      JSON.stringify({ parent: 7, filler }),
      json,
      ['/others/1'],
    ],
    ['that is absent falls back to a wildcard', '', {}, ['/others/1']],
  ])('%s', async (_what, body, headers, expected) => {
    answers('/by-response', body, headers);
    await warm();
    const answer = await send('PUT', '/by-response', { body: '1' });
    expect(answer.text).toBe(body);
    expect(await left()).toEqual(expected);
  });

  test('is read through its content coding, and passed on in it', async () => {
    const { gzipSync } = await import('node:zlib');
    const body = gzipSync(JSON.stringify({ parent: 7 }));
    origin.on('PUT /by-response', (_request, response) => {
      response.writeHead(200, { ...json, 'Content-Encoding': 'gzip' }).end(body);
    });
    await warm();
    const answer = await send('PUT', '/by-response', { body: '1' });
    expect(answer.body.equals(body)).toBe(true);
    expect(await left()).toEqual(['/parents/8', '/others/1']);
  });
});

describe('unresolved', () => {
  test('reject: the write is refused before it is forwarded', async () => {
    await warm();
    const answer = await send('PUT', '/strict', { body: '{}' });
    expect(answer.status).toBe(422);
    expect(answer.json<{ detail: string }>().detail).toContain('request.parent');
    expect(origin.requests('PUT /strict')).toHaveLength(0);
    expect(await left()).toHaveLength(3);
  });
  test('reject: what can be resolved goes through whole', async () => {
    answers('/strict', 'ok');
    const body = JSON.stringify({ parent: 7, filler: 'y'.repeat(10_000) });
    await warm();
    expect((await send('PUT', '/strict', { body })).text).toBe('ok');
    expect(origin.requests('PUT /strict')[0]?.body.toString()).toBe(body);
    expect(await left()).toEqual(['/parents/8', '/others/1']);
  });
  test('reject: a large body is refused at its end, and what its beginning may have touched is dropped', async () => {
    await warm();
    const answer = await send('PUT', '/strict', { body: JSON.stringify({ parent: 7, filler: filler.repeat(2) }) });
    expect(answer.status).toBe(422);
    expect(origin.requests('PUT /strict')).toHaveLength(1);
    expect(await left()).toEqual(['/others/1']);
  });
  test('ignore: nothing falls back to a wildcard', async () => {
    answers('/lax', 'ok');
    await warm();
    await send('PUT', '/lax', { body: '{}' });
    expect(await left()).toHaveLength(3);
  });
});

describe('a body beyond the limit for requests', () => {
  test('is refused by its length, before the origin hears of it', async () => {
    const answer = await send('PUT', '/by-request', { body: 'x'.repeat(2_000_000) });
    expect(answer.status).toBe(413);
    expect(origin.requests('PUT /by-request')).toHaveLength(0);
  });
  test('is cut off if it declares no length, and what it may have changed is quarantined', async () => {
    await warm();
    const client = await rawClient(gateway.url);
    client.write('PUT /by-request HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 20; i++) client.write(`186a0\r\n${'x'.repeat(100_000)}\r\n`);
    expect((await client.answer()).status).toBe(413);
    await client.close();
    expect(await left()).toEqual(['/others/1']);
  });
});

describe('a client that leaves in the middle of its upload', () => {
  test('of a small body: the origin hears nothing, and nothing is dropped', async () => {
    await warm();
    const sent = origin.requests('PUT /by-request').length;
    const client = await rawClient(gateway.url);
    client.write('PUT /by-request HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"parent"');
    const other = await rawClient(gateway.url);
    other.write('GET /parents/7 HTTP/1.1\r\nHost: a\r\n\r\n');
    await other.answer();
    await Promise.all([client.close(), other.close()]);
    expect(await left()).toHaveLength(3);
    expect(origin.requests('PUT /by-request')).toHaveLength(sent);
  });

  test('of a large one: it never was a whole request, and what it may have changed is invalidated once', async () => {
    await warm();
    const client = await rawClient(gateway.url);
    client.write(`PUT /by-request HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(300_000)}`);
    await until(() => origin.requests('PUT /by-request').length === 1);
    await client.close();
    await until(() => gateway.logs.some(({ msg, outcome }) => msg === 'write' && outcome === 'indeterminate'));
    expect(await left()).toEqual(['/others/1']);
    // It cannot be applied any later: what comes now is stored.
    await warm();
    expect(await left()).toHaveLength(3);
  });
});

test('a large upload to an origin that is down drops nothing: no part of it was sent', async () => {
  await warm();
  await origin.close();
  expect((await send('PUT', '/by-request', { body: 'x'.repeat(300_000) })).status).toBe(502);
  expect((await send('GET', '/parents/7')).headers['cache-status']).toContain('hit');
});

test('a client that leaves while `before` is read: the write goes on, as nobody can say that it was not meant', async () => {
  const reading = gate();
  origin.on('GET /by-before', async (_request, response) => {
    await reading.pass();
    response.setHeader('Content-Type', 'application/json').end('{"parent":7}');
  });
  const client = await rawClient(gateway.url);
  client.write('PUT /by-before HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n{"parent":7}');
  await reading.arrived();
  await client.close();
  reading.release();
  await until(() => origin.requests('PUT /by-before').length === 1);
  await until(() => gateway.logs.some(({ msg }) => msg === 'write'));
});
