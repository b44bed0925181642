import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { until } from '../support/barrier.ts';
import { testClient } from '../support/request.ts';
import { gateway, json, restart, says, store, useVerifyRig, verify } from './verify-rig.ts';

/* POST /verify of several copies: of a pattern, of hosts, and after a warm restart. */

useVerifyRig();

describe('a pattern', () => {
  test('stands for every path and query that it matches, as in a purge', async () => {
    for (const path of ['/inns/42', '/inns/42?lang=de', '/inns/43', '/inns/43/rooms', '/trips/1']) {
      says[path] = json({ path });
      await store(path);
    }
    delete says['/inns/42'];
    const host = new URL(gateway.url).host;
    const found = async (pattern: string) => {
      const [verified] = await verify(pattern);
      return [
        verified?.outcome,
        verified?.copies.map(({ of, outcome }) => `${of.slice(host.length)} ${outcome}`).sort(),
      ];
    };
    const ones = ['/inns/42 differs', '/inns/42?lang=de same', '/inns/43 same'];
    expect(await found('/inns/*')).toEqual(['differs', ones]);
    expect(await found('/inns/**')).toEqual(['differs', [...ones, '/inns/43/rooms same'].sort()]);
    expect(await found(`http://${host}/inns/*/rooms`)).toEqual(['same', ['/inns/43/rooms same']]);
    expect(await found('/steps/*')).toEqual(['not-stored', []]);
  });

  test('has a bound, and what is beyond it is unknown', async () => {
    const client = testClient();
    const many = Array.from({ length: 1010 }, (_, i) => `/many/${i}`);
    for (const path of many) says[path] = json({});
    for (const path of many) await client.get(gateway.url + path);
    client.close();
    expect((await verify('/many/*')).map(({ outcome, left, copies }) => [outcome, left, copies.length])).toEqual([
      ['unknown', 10, 1000],
    ]);
  });

  test('is given up after so long, and what is left is unknown', async () => {
    const many = Array.from({ length: 6 }, (_, i) => `/many/${i}`);
    let laterMs = 0;
    for (const path of many) {
      says[path] = json({});
      await store(path);
      says[path] = () => {
        laterMs = 8 * 60_000;
        return json({});
      };
    }
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + laterMs);
    onTestFinished(() => void vi.restoreAllMocks());
    expect((await verify('/many/*')).map(({ outcome, left, copies }) => [outcome, left, copies.length])).toEqual([
      ['unknown', 2, 4],
    ]);
  });
});

test.each([
  [['b.example', 'c.example:81'], 'b.example, c.example:81'],
  [['b.example', 'c.example', 'd.example', 'e.example', 'f.example'], 'b.example, c.example, d.example, e.example, …'],
])(
  'a URL of a host that no client asked is unknown, and those that they did ask are named: %j',
  async (hosts, named) => {
    says['/a'] = json({});
    for (const host of hosts) await store('/a', { host });
    expect(await verify('http://another.example/a')).toEqual([
      {
        ...{ url: 'http://another.example/a', outcome: 'unknown', copies: [], left: 0, lookedIn: ['memory'] },
        why: `it is stored for another host: ${named}`,
      },
    ]);
  },
);

describe('after a warm restart', () => {
  const host = { host: 'api.example' };
  beforeEach(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'unstale-verify-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const yaml = `store: { snapshot: { path: "${folder}", load: revalidate, save: stop } }`;
    await restart(yaml);
    says['/a'] = { headers: { ETag: '"1"' }, body: '{"v":1}' };
    await store('/a', host);
    await restart(yaml);
    await until(() => gateway.logs.some(({ msg }) => msg.startsWith('snapshot: loaded 1 ')), 'the load');
  });

  test('what is not confirmed is compared, too, and named so', async () => {
    const copies = async () => (await verify('/a'))[0]?.copies.map((copy) => [copy.in, copy.outcome]);
    expect(await copies()).toEqual([['unconfirmed', 'same']]);
    // An API whose validator says that nothing has changed would bring it back.
    says['/a'] = { headers: { ETag: '"1"' }, body: '{"v":2}' };
    expect(await copies()).toEqual([['unconfirmed', 'differs']]);
    says['/a'] = { headers: { ETag: '"1"' }, body: '{"v":1}' };
    await store('/a', host);
    expect(await copies()).toEqual([['memory', 'same']]);
  });
});
