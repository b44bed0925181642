import { describe, expect, test } from 'vitest';
import { waitingReads } from '../support/gateway.ts';
import { gate } from '../support/scripted-origin.ts';
import { ask, gateway, isHitAt, origin, useScriptedRig } from '../support/scripted-rig.ts';

/* No-Vary-Search: which differences between queries make another response. */

useScriptedRig('rules: [{ name: r, on: POST /hit, before: off, invalidate: ["/a?lang={query.lang}"] }]');
const says = (variance: () => string | undefined): void => {
  origin.on(
    ({ method, url }) => method === 'GET' && url?.startsWith('/a') === true,
    (request, response) => {
      const value = variance();
      const field = value === undefined ? {} : { 'No-Vary-Search': value };
      response.writeHead(200, { 'Cache-Control': 'max-age=60', ...field }).end(request.url);
    },
  );
};

test.each([
  ['a parameter that does not matter', 'params=("utm")', '/a?lang=de&utm=1', '/a?lang=de&utm=2', true],
  ['without it', 'params=("utm")', '/a?lang=de&utm=1', '/a?lang=de', true],
  ['one that does', 'params=("utm")', '/a?lang=de&utm=1', '/a?lang=fr&utm=1', false],
  ['the order', 'key-order', '/a?a=1&b=2', '/a?b=2&a=1', true],
  ['none but', 'params, except=("lang")', '/a?lang=de&x=1', '/a?y=2&lang=de', true],
  ['the order, where nothing is said of it', 'params=("utm")', '/a?a=1&b=2', '/a?b=2&a=1', false],
  ['what cannot be read', 'params="utm"', '/a?lang=de&utm=1', '/a?lang=de&utm=2', false],
  ['another path', 'params', '/a?x=1', '/ab?x=2', false],
])('%s', async (_what, variance, first, second, expected) => {
  says(() => variance);
  expect((await ask(first)).text).toBe(first);
  expect(await isHitAt(second)).toBe(expected);
});

describe('a response that stands for several queries', () => {
  test('is invalidated by any of them', async () => {
    says(() => 'params=("utm")');
    origin.on('POST /hit', (_request, response) => void response.writeHead(204).end());
    await ask('/a?lang=de&utm=1');
    expect(await isHitAt('/a?lang=de')).toBe(true);
    await ask('/hit?lang=de', { method: 'POST', body: 'x' });
    expect(await isHitAt('/a?lang=de')).toBe(false);
  });

  test('is found no longer once the origin says that they differ', async () => {
    let variance: string | undefined = 'params';
    says(() => variance);
    await ask('/a?x=1');
    expect(await isHitAt('/a?x=2')).toBe(true);
    variance = undefined;
    await ask('/a?x=3', { headers: { 'cache-control': 'no-cache' } });
    expect((await ask('/a?x=2')).text).toBe('/a?x=2');
  });

  test('answers only what it itself allows, whatever another allowed since', async () => {
    let variance = 'params=("one")';
    says(() => variance);
    await ask('/a?one=1&two=1');
    variance = 'params=("one" "two")';
    await ask('/a?one=1&two=2', { headers: { 'cache-control': 'no-cache' } });
    expect((await ask('/a?two=3')).text).toBe('/a?one=1&two=2');
    // Without the other parameter both are `a=1`; the stored one never said that `two` does not matter.
    variance = 'params=("one")';
    await ask('/a?a=1&one=1', { headers: { 'cache-control': 'no-cache' } });
    variance = 'params=("two")';
    await ask('/a?b=1', { headers: { 'cache-control': 'no-cache' } });
    expect((await ask('/a?a=1&two=7')).text).toBe('/a?a=1&two=7');
  });
});

describe('requests that wait for the fill of another query', () => {
  /* What is learnt of `/a` from one query has all of these wait for the first of them. */
  const waiters = ['/a?lang=de&utm=1', '/a?lang=de&utm=2', '/a?lang=de&utm=3'];

  test.each<[string, string | undefined, boolean]>([
    ['get its answer, where it says that the difference does not matter', 'params=("utm")', true],
    ['get their own, where it says nothing of queries', undefined, false],
    ['get their own, where it says so of another parameter', 'params=("other")', false],
    ['get its answer, where it says so of more', 'params=("utm" "other")', true],
  ])('%s', async (_what, then, shared) => {
    const [learnt, slow] = ['/a?lang=fr&utm=0', gate()];
    origin.on(
      ({ url }) => url?.startsWith('/a') === true,
      async ({ url }, response) => {
        if (url !== learnt) await slow.pass();
        const said = url === learnt ? 'params=("utm")' : then;
        const field = said === undefined ? {} : { 'No-Vary-Search': said };
        response.writeHead(200, { 'Cache-Control': 'max-age=60', ...field }).end(url);
      },
    );
    await ask(learnt);
    const first = ask(waiters[0] as string);
    await slow.arrived();
    const others = waiters.slice(1).map((path) => ask(path));
    await waitingReads(gateway, others.length);
    slow.release();
    const texts = (await Promise.all([first, ...others])).map(({ text }) => text);
    expect(texts).toEqual(shared ? waiters.map(() => waiters[0]) : waiters);
    // Each is stored under the key of its own.
    for (const [i, path] of waiters.entries())
      expect([await isHitAt(path), (await ask(path)).text]).toEqual([true, texts[i]]);
  });
});
