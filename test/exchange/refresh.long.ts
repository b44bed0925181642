import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Gate, gate, until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, testClient } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/**
 * What `refresh` may ask of an origin: eight at a time, a hundred for one write, a thousand waiting; the most used
 * first.
 */

let origin: ScriptedOrigin;
let gateway: TestGateway;
let client: ReturnType<typeof testClient>;
/** The refreshes as they came to the origin. */
let refreshed: string[];
/** Where each stops; undefined while the store is filled. */
let stop: ((url: string) => Promise<void>) | undefined;
let underway = 0;
let most = 0;

beforeEach(async () => {
  [refreshed, stop, underway, most] = [[], undefined, 0, 0];
  origin = await scriptedOrigin();
  origin.on(
    () => true,
    async (request, response) => {
      const url = request.url ?? '';
      if (request.method === 'GET' && stop !== undefined) {
        refreshed.push(url);
        most = Math.max(most, ++underway);
        await stop(url);
        underway -= 1;
      }
      response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=600' }).end('{}');
    },
  );
  client = testClient({ connections: 8 });
  gateway = await startGateway(
    origin.url,
    [
      `origin: { url: "${origin.url}", timeout: 30s }`,
      'rules: [{ name: r, on: "PUT /writes/:id", refresh: ["/lists/{id}"] }]',
    ].join('\n'),
  );
});
afterEach(async () => {
  client.close();
  await gateway.stop();
  await origin.close();
});

const query = (list: number, n: number): string => `/lists/${list}?n=${n}`;
const count = (length: number): number[] => Array.from({ length }, (_, n) => n);
const ask = (path: string, method = 'GET'): Promise<Answer> => client.get(gateway.url + path, { method });

/** Queries of a list, each asked for as often as `uses` says. */
async function fill(list: number, length: number, uses: (n: number) => number = () => 1): Promise<void> {
  await Promise.all(count(length).map((n) => ask(query(list, n))));
  const more = count(length).flatMap((n) => count(uses(n) - 1).map(() => ask(query(list, n))));
  await Promise.all(more);
}

const write = (list: number): Promise<Answer> => ask(`/writes/${list}`, 'PUT');
const refreshes = (length: number): Promise<void> => until(() => refreshed.length >= length);

/** All that was waiting has been asked for: this was, which came last. */
async function drained(): Promise<void> {
  await ask(`/writes/999`, 'PUT');
  await until(() => refreshed.includes(query(999, 0)));
}

test('eight at a time, of all writes, the most used of each first', async () => {
  // The later ones are the more used.
  await fill(1, 11, (n) => n + 1);
  await fill(2, 2);
  const gates = new Map<string, Gate>();
  const gateOf = (url: string): Gate => {
    const known = gates.get(url) ?? gate();
    gates.set(url, known);
    return known;
  };
  stop = (url) => gateOf(url).pass();
  await write(1);
  await write(2);
  await refreshes(8);
  // Whatever else had been asked for would have come before this.
  await ask('/writes/nothing', 'PUT');
  expect([...refreshed].sort()).toEqual(
    count(8)
      .map((n) => query(1, 10 - n))
      .sort(),
  );
  // One comes in the place of each that is done.
  const next = [query(1, 2), query(1, 1), query(1, 0), query(2, 0), query(2, 1)];
  for (const [i, url] of next.entries()) {
    gateOf(refreshed[i] as string).release();
    await refreshes(9 + i);
    expect(refreshed.at(-1)).toBe(url);
  }
  expect(most).toBe(8);
  for (const url of refreshed) gateOf(url).release();
});

test('a hundred of one write, the least used left to their next readers', async () => {
  await fill(1, 105, (n) => (n < 5 ? 1 : 2));
  await fill(999, 1);
  stop = () => Promise.resolve();
  await write(1);
  await drained();
  const expected = count(105)
    .slice(5)
    .map((n) => query(1, n));
  expect(refreshed.filter((url) => url.startsWith('/lists/1?')).sort()).toEqual(expected.sort());
});

test('a thousand waiting, of all writes', async () => {
  for (const list of count(11)) await fill(list, 100);
  await fill(999, 1);
  const held = gate();
  stop = () => held.pass();
  for (const list of count(11)) await write(list);
  held.release();
  await refreshes(1_008);
  await drained();
  expect(refreshed).toHaveLength(1_009);
  expect(most).toBe(8);
});
