import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { get, type RequestOptions } from '../support/request.ts';
import { gate } from '../support/scripted-origin.ts';
import { ask, begin, gateway, isHit, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* RFC 9111 §4.3.4, §4.3.5: what answers to validations and to HEAD do to stored responses. */

useScriptedRig(
  'defaults: { client: { etag: origin } }\nrules: [{ name: r, on: POST /hit, invalidate: [{ tag: two }] }]',
);

/** Stale as soon as it is stored; time need not pass. */
const old = { 'Cache-Control': 'max-age=60', Age: '100' };
const fresh = { 'Cache-Control': 'max-age=60' };

describe('a 200 to HEAD', () => {
  test.each([
    ['with the same validator freshens', { ETag: '"a"', ...fresh, 'X-New': '1' }, true],
    ['without validators freshens', { ...fresh, 'X-New': '1' }, true],
    ['with another validator does not', { ETag: '"b"', ...fresh }, false],
    ['of another length does not', { ETag: '"a"', ...fresh, 'Content-Length': '5' }, false],
    ['that may not be stored does not', { ETag: '"a"', 'Cache-Control': 'no-store' }, false],
  ])('%s', async (_what, headers, expected) => {
    origin.on('GET /a', (_request, response) => void response.writeHead(200, { ETag: '"a"', ...old }).end('body'));
    origin.on('HEAD /a', (_request, response) => void response.writeHead(200, headers).end());
    await ask('/a');
    expect(isHit(await ask('/a', { method: 'HEAD' }))).toBe(false);
    const again = await ask('/a');
    expect(isHit(again)).toBe(expected);
    expect(again.text).toBe('body');
    if ('X-New' in headers) expect(again.headers['x-new']).toBe('1');
  });

  test('that differs leaves nothing to be validated or served stale', async () => {
    origin.on('GET /a', (_request, response) => void response.writeHead(200, { ETag: '"a"', ...old }).end('body'));
    origin.on('HEAD /a', (_request, response) => void response.writeHead(200, { ETag: '"b"', ...fresh }).end());
    await ask('/a');
    await ask('/a', { method: 'HEAD' });
    await ask('/a');
    expect(
      origin
        .requests('GET /a')
        .at(-1)
        ?.rawHeaders.map((name) => name.toLowerCase()),
    ).not.toContain('if-none-match');
  });
});

test('a 304 that names fewer tags takes none of the others back', async () => {
  origin.on('GET /a', (request, response) => {
    if (request.headers['if-none-match'] === undefined) {
      response.writeHead(200, { ETag: '"a"', ...old, 'Surrogate-Key': 'one two' }).end('body');
    } else {
      response.writeHead(304, { ETag: '"a"', ...fresh, 'Surrogate-Key': 'one' }).end();
    }
  });
  origin.on('POST /hit', (_request, response) => void response.writeHead(204).end());
  await ask('/a');
  await ask('/a');
  expect(isHit(await ask('/a'))).toBe(true);
  await ask('/hit', { method: 'POST', body: 'x' });
  expect(isHit(await ask('/a'))).toBe(false);
});

/** Answers 304 to a condition, else 200, with these fields each. */
const validated = (to304: Record<string, string>, to200: Record<string, string>): void => {
  for (const method of ['GET', 'HEAD']) {
    origin.on(`${method} /a`, (request, response) => {
      if (request.headers['if-none-match'] !== undefined) response.writeHead(304, { ETag: '"a"', ...to304 }).end();
      else response.writeHead(200, { ETag: '"a"', ...to200 }).end('body');
    });
  }
};
const text = async (options: RequestOptions = {}): Promise<string> => (await ask('/a', options)).text;

describe('a 304', () => {
  test('to a HEAD freshens what is stored for GET', async () => {
    validated(fresh, old);
    await text();
    expect((await ask('/a', { method: 'HEAD' })).status).toBe(200);
    expect(isHit(await ask('/a'))).toBe(true);
    expect(origin.seen.map(({ method }) => method)).toEqual(['GET', 'HEAD']);
  });

  test('to a HEAD that a stale response was served to is asked for as a GET', async () => {
    validated(fresh, { ...old, 'Cache-Control': 'max-age=60, stale-while-revalidate=1000' });
    await text();
    await ask('/a', { method: 'HEAD' });
    await origin.until((seen) => seen.length === 2);
    expect(origin.seen.map(({ method }) => method)).toEqual(['GET', 'GET']);
    await expect.poll(async () => isHit(await ask('/a'))).toBe(true);
  });

  test.each([
    ['no-store', old],
    ['no-cache, no-store', fresh],
  ])('to a request with %s leaves what is stored for others', async (directives, stored) => {
    validated(fresh, stored);
    await text();
    expect(await text({ headers: { 'cache-control': directives } })).toBe('body');
    expect(origin.seen).toHaveLength(2);
    await text();
    // Stale: validated, and then fresh; fresh: still a hit.
    const before = origin.seen.length;
    expect(isHit(await ask('/a'))).toBe(true);
    expect(origin.seen).toHaveLength(before);
    expect(
      origin.seen.slice(1).every(({ rawHeaders }) => rawHeaders.join().toLowerCase().includes('if-none-match')),
    ).toBe(true);
  });

  test('that forbids storing gives its fields only to the client that asked', async () => {
    validated({ 'Set-Cookie': 's=1', 'Cache-Control': 'no-store', 'X-New': '1' }, old);
    await text();
    const answer = await ask('/a');
    expect(answer.text).toBe('body');
    expect(answer.headers['set-cookie']).toEqual(['s=1']);
    expect(answer.headers['x-new']).toBe('1');
    expect(String(answer.headers['cache-control'])).toContain('no-store');
  });
});

describe('an origin that fails', () => {
  const failing = (answer: (response: ServerResponse) => void, directives: string, age = '100'): void => {
    let asked = 0;
    origin.on('GET /a', (_, response) => {
      if (asked++ > 0) answer(response);
      else response.writeHead(200, { ETag: '"a"', 'Cache-Control': directives, Age: age }).end('body');
    });
  };
  const restart = async (yaml: string): Promise<void> => {
    await gateway.stop();
    await begin(yaml);
  };

  test('gets no stale response in its place if the client asks for validation and excludes stale ones', async () => {
    failing((response) => response.destroy(), 'max-age=60', '0');
    await text();
    expect((await ask('/a', { headers: { 'cache-control': 'no-cache' } })).status).toBe(502);
  });

  test('has a stale response served by its own directive, if the route leaves it to that; the answer says that the origin was asked', async () => {
    await restart('defaults: { cache: { staleIfError: origin } }');
    failing((response) => response.writeHead(503).end(), 'max-age=60, stale-if-error=600');
    await text();
    const answer = await ask('/a');
    expect(answer.text).toBe('body');
    expect(answer.headers['cache-status']).toMatch(
      /^unstale; fwd=stale; fwd-status=503; ttl=-\d+; detail=stale-if-error$/,
    );
  });

  test('has a range of a stale response served in its place, too', async () => {
    await restart('defaults: { cache: { staleIfError: 10m } }');
    failing((response) => response.destroy(), 'max-age=60');
    await text();
    const answer = await ask('/a', { headers: { range: 'bytes=0-1' } });
    expect([answer.status, answer.text]).toEqual([206, 'bo']);
  });
});

describe('requests at the same time', () => {
  const counted = (directives: string): { asked: () => number; slow: ReturnType<typeof gate> } => {
    const slow = gate();
    let asked = 0;
    origin.on('GET /a', async (_, response) => {
      const body = String(++asked);
      if (asked === 1) await slow.pass();
      response.writeHead(200, { ETag: '"a"', 'Cache-Control': directives }).end(body);
    });
    return { asked: () => asked, slow };
  };

  test.each(['no-cache', 'max-age=0, must-revalidate', 's-maxage=0'])(
    'are each answered by the origin where it says %s (RFC 9111 §4)',
    async (directives) => {
      const { slow } = counted(directives);
      const first = ask('/a');
      await slow.arrived();
      const others = [ask('/a'), ask('/a')];
      slow.release();
      for (const answer of [await first, ...(await Promise.all(others))]) {
        expect(String(answer.headers['cache-status'])).not.toContain('collapsed');
      }
    },
  );

  test.each([['slower than the answer stays fresh', 'max-age=0, s-maxage=1', 'defaults: { cache: { ttl: 1ms } }']])(
    'are one where the origin is %s',
    async (_, directives, yaml) => {
      await gateway.stop();
      await begin(yaml);
      const { asked, slow } = counted(directives);
      const all = Array.from({ length: 10 }, () => ask('/a'));
      await slow.arrived();
      // By what the gateway's clock says it has taken longer than a millisecond by now.
      await get(`${gateway.url}/elsewhere`);
      slow.release();
      await Promise.all(all);
      expect(asked()).toBe(1);
    },
  );

  test('are one again as soon as the origin has recovered', async () => {
    let failing = true;
    const slow = gate();
    let asked = 0;
    origin.on('GET /a', async (_, response) => {
      if (failing) return void response.writeHead(503).end();
      asked += 1;
      await slow.pass();
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('x');
    });
    await ask('/a');
    failing = false;
    const all = Array.from({ length: 10 }, () => ask('/a'));
    await slow.arrived();
    slow.release();
    await Promise.all(all);
    expect(asked).toBe(1);
  });

  test('each say how they went, if the origin fails', async () => {
    const slow = gate();
    origin.on('GET /a', async (request) => {
      await slow.pass();
      request.socket.destroy();
    });
    const first = ask('/a');
    await slow.arrived();
    const second = ask('/a');
    slow.release();
    for (const answer of [
      await first,
      await second,
      await ask('/a', { headers: { 'cache-control': 'only-if-cached' } }),
    ]) {
      expect(String(answer.headers['cache-status'])).toMatch(/^unstale/);
    }
  });

  test('are one, even if an earlier client asked not to store the response', async () => {
    const { asked, slow } = counted('max-age=60');
    slow.release();
    await text({ headers: { 'cache-control': 'no-store' } });
    await Promise.all([1, 2, 3, 4, 5].map(() => ask('/a')));
    expect(asked()).toBe(2);
  });
});

test('what an origin forbids clients reaches them, whatever it tells caches in addition (RFC 9213)', async () => {
  origin.on('GET /a', (_, response) => {
    response.writeHead(200, { 'Cache-Control': 'private, no-store', 'CDN-Cache-Control': 'max-age=60' }).end('x');
  });
  await text();
  const answer = await ask('/a');
  expect(isHit(answer)).toBe(true);
  expect(String(answer.headers['cache-control'])).toMatch(/no-store, private/);
});

test('a Cache-Status that nobody can read does not make ours unreadable', async () => {
  origin.on('GET /a', (_, response) => {
    response.writeHead(200, { 'Cache-Status': 'HIT from (x)', 'Cache-Control': 'max-age=60' }).end('x');
  });
  expect(String((await ask('/a')).headers['cache-status'])).toMatch(/^unstale; fwd=uri-miss/);
  expect(String((await ask('/a')).headers['cache-status'])).toMatch(/^unstale; hit/);
});
