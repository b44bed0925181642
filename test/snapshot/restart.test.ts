import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import { waitingReads } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { isConfirmed, isHit, isLastUnconditional, SnapshotRig } from './rig.ts';

/** All that serves a stored response in place of the origin. */
const lenient = 'defaults: { cache: { staleIfError: 1h, staleWhileRevalidate: 1h, ttl: 10m, credentials: shared } }';

let rig: SnapshotRig;
beforeEach(async () => {
  rig = await SnapshotRig.open();
  rig.api.documents.set('/a', 'A1').set('/b', 'B1');
});
afterEach(() => rig.close());

const verbose = async (): Promise<string[]> => {
  const { text } = await get(`${rig.gateway.adminUrl}/readyz?verbose`);
  return text.trimEnd().split('\n');
};

describe('a snapshot that was saved at a clean stop', () => {
  beforeEach(async () => {
    await rig.start('save: stop', lenient);
    await rig.warm('/a', '/b');
    await rig.stop();
  });

  test('revalidate: serves nothing before the origin has confirmed it', async () => {
    await rig.startLoaded('load: revalidate', lenient);
    const first = await rig.ask('/a');
    expect(first.text).toBe('A1');
    expect(isConfirmed(first)).toBe(true);
    expect(isHit(await rig.ask('/a'))).toBe(true);
    // Past the gateway.
    rig.api.documents.set('/b', 'B2');
    const changed = await rig.ask('/b');
    expect(changed.text).toBe('B2');
    expect(isHit(changed)).toBe(false);
  });

  const tag = async (): Promise<string> => String((await get(`${rig.api.origin.url}/a`)).headers.etag);
  const reads: readonly [string, () => Promise<RequestOptions & { path?: string }> | RequestOptions][] = [
    ['a plain GET', () => ({})],
    ['a HEAD', () => ({ method: 'HEAD' })],
    ['a range', () => ({ headers: { range: 'bytes=0-0' } })],
    ['a client with the same copy', async () => ({ headers: { 'if-none-match': await tag() } })],
    ['a client with any copy', () => ({ headers: { 'if-none-match': '*' } })],
    ['a client with a date', () => ({ headers: { 'if-modified-since': new Date().toUTCString() } })],
    ['only-if-cached', () => ({ headers: { 'cache-control': 'only-if-cached' } })],
    ['max-stale', () => ({ headers: { 'cache-control': 'max-stale' } })],
    ['with credentials', () => ({ headers: { authorization: 'Bearer x' } })],
  ];

  describe.each(reads)('revalidate: %s', (_, options) => {
    const failures: readonly [string, () => void][] = [
      ['an API that answers 503', () => rig.goDown(503)],
      ['a document that was deleted past the gateway', () => void rig.api.documents.delete('/a')],
    ];

    test.each(failures)('gets nothing of the snapshot from %s', async (_failure, fail) => {
      const asked = await options();
      await rig.startLoaded('load: revalidate', lenient);
      fail();
      const answer = await rig.ask('/a', asked);
      expect([404, 503, 504]).toContain(answer.status);
      expect(answer.text).not.toContain('A');
      expect(isHit(answer)).toBe(false);
    });
  });

  test('revalidate: an API that cannot be reached gets nobody a copy', async () => {
    await rig.startLoaded('load: revalidate', lenient);
    await rig.api.origin.close();
    expect((await rig.ask('/a')).status).toBe(502);
  });

  test('revalidate: readers of one copy share one question to the origin', async () => {
    await rig.startLoaded('load: revalidate', lenient);
    const before = rig.api.origin.requests('GET /a').length;
    const held = gate();
    rig.api.hold = held;
    const readers = Array.from({ length: 5 }, () => rig.ask('/a'));
    await held.arrived();
    await waitingReads(rig.gateway, 4);
    held.release();
    expect((await Promise.all(readers)).map(({ text }) => text)).toEqual(Array(5).fill('A1'));
    expect(rig.api.origin.requests('GET /a').length - before).toBe(1);
  });

  test('revalidate: a 304 that is for another copy is asked about again', async () => {
    await rig.startLoaded('load: revalidate', lenient);
    rig.api.origin.on('GET /a', (request, response) => {
      const isAsked = request.headers['if-none-match'] !== undefined;
      response.writeHead(isAsked ? 304 : 200, { etag: '"another"' }).end(isAsked ? undefined : 'A3');
    });
    expect((await rig.ask('/a')).text).toBe('A3');
  });

  test('revalidate: the origin is asked by the strong tag alone, and a weak one in its 304 confirms nothing', async () => {
    const fields = { 'last-modified': 'Tue, 01 Jan 2019 00:00:00 GMT', date: new Date().toUTCString() };
    rig.api.fields.set('/a', fields);
    await rig.start('save: stop', lenient);
    await rig.warm('/a');
    await rig.stop();
    await rig.startLoaded('load: revalidate', lenient);
    const asked: unknown[] = [];
    rig.api.origin.on('GET /a', (request, response) => {
      const tag = request.headers['if-none-match'];
      asked.push([typeof tag, request.headers['if-modified-since']]);
      response.writeHead(tag === undefined ? 200 : 304, { ...fields, etag: tag === undefined ? '"new"' : `W/${tag}` });
      response.end(tag === undefined ? 'A3' : undefined);
    });
    expect((await rig.ask('/a')).text).toBe('A3');
    expect(asked).toEqual([
      ['string', undefined],
      ['undefined', undefined],
    ]);
  });

  test('trust: serves what was stored at once', async () => {
    await rig.startLoaded('load: trust', lenient);
    expect(isHit(await rig.ask('/a'))).toBe(true);
    rig.api.down = 503;
    expect((await rig.ask('/b')).text).toBe('B1');
  });

  test('off: starts cold', async () => {
    await rig.start('save: stop', lenient);
    expect(isHit(await rig.ask('/a'))).toBe(false);
    expect(isLastUnconditional(rig.api, '/a')).toBe(true);
  });

  test('trust: what a run in between has removed is not there again', async () => {
    await rig.startLoaded('load: trust', lenient);
    await rig.ask('/a', { method: 'DELETE' });
    await rig.stop();
    await rig.startLoaded('load: trust', lenient);
    expect((await rig.ask('/a')).status).toBe(404);
    expect(isHit(await rig.ask('/b'))).toBe(true);
  });

  test('trust: neither is what a run without load and save has removed', async () => {
    await rig.start('load: off', lenient);
    await rig.ask('/a', { method: 'PUT', body: 'A2' });
    await rig.stop();
    await rig.startLoaded('load: trust', lenient);
    expect((await rig.ask('/a')).text).toBe('A2');
  });

  test('trust: a write while it is loaded counts, however soon it comes', async () => {
    await rig.start('load: trust', lenient);
    await rig.ask('/a', { method: 'PUT', body: 'A2' });
    expect((await rig.ask('/a')).text).toBe('A2');
  });

  test('trust: after an unclean end, everything is revalidated', async () => {
    await rig.startLoaded('load: trust', lenient);
    // What a loss of power leaves.
    const copy = rig.copy();
    await rig.stop();
    await rig.startLoaded('load: trust', lenient, copy);
    expect(rig.lines().join('\n')).toMatch(/to be revalidated: the gateway did not stop cleanly/);
    expect(isConfirmed(await rig.ask('/a'))).toBe(true);
  });

  test('trust: a write that the drain deadline has cut off is an unclean end', async () => {
    const short = `server: { listen: "127.0.0.1:0", drain: 50ms }\n${lenient}`;
    await rig.startLoaded('load: trust', short);
    const answering = gate();
    rig.api.origin.on('PUT /a', async (_request, response) => {
      await answering.pass();
      rig.api.documents.set('/a', 'A2');
      response.writeHead(204).end();
    });
    const writing = rig.ask('/a', { method: 'PUT', body: 'A2' }).catch(() => undefined);
    await answering.arrived();
    await rig.stop();
    await writing;
    answering.release();
    await until(() => rig.api.documents.get('/a') === 'A2', 'the write');
    await rig.startLoaded('load: trust', short);
    expect((await rig.ask('/a')).text).toBe('A2');
    expect(rig.lines().join('\n')).toMatch(/to be revalidated: the gateway did not stop cleanly/);
  });

  test('trust: what was in doubt once stays so, over a clean stop', async () => {
    await rig.startLoaded('load: trust', lenient);
    const copy = rig.copy();
    await rig.stop();
    await rig.startLoaded('load: trust, save: stop', lenient, copy);
    await rig.ask('/b');
    await rig.stop();
    rig.api.documents.set('/a', 'A2');
    await rig.startLoaded('load: trust', lenient, copy);
    expect((await rig.ask('/a')).text).toBe('A2');
    expect(isHit(await rig.ask('/b'))).toBe(true);
  });

  test.each([
    ['a route', `${lenient}\nroutes: [{ match: /a, cache: { ttl: 1m } }]`],
    ['a rule', `${lenient}\nrules: [{ name: r, on: PUT /x, invalidate: [/y] }]`],
    ['the defaults', 'defaults: { cache: { ttl: 10m } }'],
    ['the name that the API is asked by', `${lenient}\norigin: { url: "ORIGIN", timeout: 2s, host: other.example }`],
  ])('is not loaded once %s has changed', async (_, yaml) => {
    await rig.startLoaded('load: trust', yaml.replace('ORIGIN', rig.api.origin.url));
    expect(isHit(await rig.ask('/a'))).toBe(false);
    expect(await verbose()).toContain('snapshot: not loaded: routes, rules or origins have changed since it was saved');
  });

  test('is not loaded if it is damaged: one clear line, and the gateway serves', async () => {
    writeFileSync(join(rig.folder, 'snapshot'), 'nonsense');
    await rig.startLoaded('load: revalidate', lenient);
    expect(rig.lines().filter((line) => line.startsWith('snapshot:'))).toEqual([
      'snapshot: not loaded: the file is no snapshot of this gateway',
    ]);
    expect((await rig.ask('/a')).text).toBe('A1');
  });
});

describe('responses of single users', () => {
  const routes = 'routes: [{ match: /a, cache: { ttl: 10m, credentials: perUser, userKey: [authorization] } }]';
  const asUser = (path: string): Promise<Answer> => rig.ask(path, { headers: { authorization: 'Bearer ann' } });
  /** What the log says of the last save. */
  let said: string | undefined;
  const saved = async (snapshot: string): Promise<void> => {
    const { logs } = await rig.start(snapshot, routes);
    await asUser('/a');
    expect(isHit(await asUser('/a'))).toBe(true);
    await rig.stop();
    [said] = logs.map(({ msg }) => msg).filter((msg) => msg.startsWith('snapshot: saved'));
  };

  test('are left out without a key, and counted', async () => {
    await saved('save: stop');
    expect(said).toMatch(
      /^snapshot: saved 0 responses .*, 1 of single users left out for want of store\.snapshot\.key$/,
    );
    await rig.startLoaded('load: trust', routes);
    expect(isHit(await asUser('/a'))).toBe(false);
  });

  test('are saved with one, each for its user', async () => {
    const key = `key: ${'k'.repeat(44)}`;
    await saved(`save: stop, ${key}`);
    await rig.startLoaded(`load: trust, ${key}`, routes);
    expect(isHit(await asUser('/a'))).toBe(true);
    expect(isHit(await rig.ask('/a', { headers: { authorization: 'Bearer bob' } }))).toBe(false);
  });
});

describe('the folder', () => {
  test.each(['load: off', 'save: stop', 'load: revalidate'])(
    '%s: without it the gateway refuses to start',
    async (keys) => {
      const file = join(rig.folder, 'file');
      writeFileSync(file, '');
      await expect(rig.start(keys, '', join(file, 'state'))).rejects.toThrow(
        /store\.snapshot\.path cannot be used: .*ENOTDIR/,
      );
    },
  );

  test('has one gateway at a time', async () => {
    await rig.start('save: stop');
    await expect(rig.start('save: stop')).rejects.toThrow(/process \d+ on \S+ uses it: give each gateway a folder/);
  });
});

test('readyz?verbose says what is on, what was loaded and what was saved', async () => {
  await rig.startLoaded('load: revalidate, save: 1h');
  expect((await verbose()).filter((line) => !line.startsWith('origin '))).toEqual([
    'ready',
    'staleIfError: off',
    'snapshots: load revalidate, save every 3600000 ms, and at stop',
    'snapshot: nothing loaded: there is no snapshot',
    'snapshot: nothing saved yet',
  ]);
  expect((await get(`${rig.gateway.adminUrl}/readyz`)).text).toBe('ready\n');
  expect((await get(`${rig.gateway.adminUrl}/metrics`)).text).toContain('unstale_unconfirmed_responses 0');
});
