import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runLoad } from '../../bench/generator/load.ts';
import { runPaced } from '../../bench/generator/paced.ts';
import type { Load } from '../../bench/generator/protocol.ts';
import { runWrk, wrkVersion } from '../../bench/generator/wrk.ts';
import { childOf } from '../../bench/servers/representations.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

let origin: ScriptedOrigin;
beforeEach(async () => {
  origin = await scriptedOrigin();
});
afterEach(() => origin.close());

/** wrk is not everywhere. What is not installed has nothing to be compared. */
const tools = [runLoad, ...(wrkVersion() === undefined ? [] : [runWrk])];

describe.each(tools)('a closed loop by %o', (run) => {
  const load = (over: Partial<Load>): Load => ({
    url: origin.url,
    method: 'GET',
    paths: { template: '/things/{n}?lang=en', first: 7, count: 1 },
    headers: { 'If-None-Match': '"a"' },
    body: undefined,
    connections: 2,
    seconds: 1,
    ...over,
  });

  it('asks for one path, with its fields', async () => {
    origin.on(
      () => true,
      (_, response) => void response.writeHead(304).end(),
    );
    const { statuses, errors, requests } = await run(load({}));
    expect(Object.keys(statuses)).toEqual(['304']);
    expect(errors).toBe(0);
    expect(requests).toBeGreaterThan(0);
    expect(new Set(origin.seen.map(({ url }) => url))).toEqual(new Set(['/things/7?lang=en']));
    expect(origin.seen.every(({ rawHeaders }) => rawHeaders.includes('"a"'))).toBe(true);
  });

  it('writes one request of so many, with the representation of its path', async () => {
    origin.on(
      () => true,
      (_, response) => void response.end('{}'),
    );
    const writes = { every: 4, paths: { template: '/children/{n}', first: 90, count: 30, order: 'random' } } as const;
    await run(load({ writes, headers: {}, paths: { template: '/parents/{n}', first: 1, count: 3 }, connections: 1 }));
    const written = origin.seen.filter(({ method }) => method === 'PUT');
    // wrk asks for one request before it begins, which it does not send.
    expect(Math.abs(written.length - origin.seen.length / 4)).toBeLessThan(2);
    for (const { url, body } of written) expect(body.toString()).toBe(childOf(Number(url.split('/')[2])));
    const read = new Set(origin.seen.filter(({ method }) => method === 'GET').map(({ url }) => url));
    expect(read).toEqual(new Set(['/parents/1', '/parents/2', '/parents/3']));
  });

  it('tells statuses of errors from others', async () => {
    let answered = 0;
    origin.on(
      () => true,
      (_, response) => void response.writeHead(answered++ < 5 ? 200 : 503).end(),
    );
    const { statuses } = await run(load({ connections: 1 }));
    expect(Object.keys(statuses)).toHaveLength(2);
  });
});

describe('an open loop', () => {
  const paced = (over = {}) =>
    runPaced({ url: origin.url, path: '/a', headers: {}, rate: 1000, connections: 1, seconds: 0.02, ...over });

  it('sends as many requests as are due', async () => {
    origin.on('GET /a', (_, response) => void response.end('body'));
    expect(await paced({ connections: 3 })).toMatchObject({ requests: 20, statuses: { 200: 20 } });
    expect(origin.seen).toHaveLength(20);
  });

  it('counts the time that a request waits for a server that stalls', async () => {
    const startedAt = performance.now();
    origin.on('GET /a', async (_, response) => {
      // Only the first is held up; those behind it were due in the first 20 ms, and are answered at once.
      while (performance.now() < startedAt + 150) await new Promise((resolve) => setImmediate(resolve));
      response.end('body');
    });
    const { p50Us } = await paced();
    // Lower bounds only, so a busy machine changes nothing.
    expect(p50Us).toBeGreaterThan(50_000);
  });

  it.each([['closes the connection', (end: () => void) => end(), /closed|ECONNRESET/]])(
    'fails when the server %s',
    async (_, act, message) => {
      origin.on('GET /a', (_request, response) => act(() => response.destroy()));
      await expect(paced()).rejects.toThrow(message);
    },
  );

  it('fails when the end of an answer cannot be told', async () => {
    origin.on('GET /a', (_, response) => {
      response.write('chunked');
      response.end();
    });
    await expect(paced()).rejects.toThrow('without Content-Length');
  });
});
