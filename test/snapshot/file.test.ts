import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Fence } from '../../src/coherence/fence.ts';
import type { MissedUntil } from '../../src/coherence/missed.ts';
import { everything } from '../../src/coherence/record.ts';
import { parseCacheControl } from '../../src/http/cache-control.ts';
import { Fields } from '../../src/http/fields.ts';
import { keysByUse } from '../../src/snapshot/by-use.ts';
import { entryOf } from '../../src/snapshot/entry.ts';
import {
  BEGINS,
  encodeFooter,
  encodeHeader,
  FRAME_BYTES,
  type SnapshotHeader,
  words,
} from '../../src/snapshot/format.ts';
import { type LoadOptions, loadSnapshot } from '../../src/snapshot/load.ts';
import { Pace } from '../../src/snapshot/pace.ts';
import { SnapshotFile } from '../../src/snapshot/read-file.ts';
import { Seal } from '../../src/snapshot/seal.ts';
import { FILE_NAME, writeSnapshot } from '../../src/snapshot/write-file.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { type StoredResponse, UNCONFIRMED } from '../../src/store/stored-response.ts';
import { random } from '../support/random.ts';
import { stored } from '../support/stored.ts';

const bounds = { maxBytes: 64 * 1024 * 1024, maxEntryBytes: 8 * 1024 * 1024, maxVariants: 8 };
const pace = new Pace(systemClock, 1_000);
const anyRequest = new Fields([]);
const nothing: MissedUntil = { known: true, coverages: [], asOf: 0 };
const secret = Buffer.alloc(32, 7);
const header: SnapshotHeader = { savedAt: '2026-01-01T00:00:00.000Z', fingerprint: 'f', mark: { segment: 's' } };

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unstale-file-'));
  path = join(folder, FILE_NAME);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As an API with entity tags fills it. */
const response = (name: string, part: Parameters<typeof stored>[1] = {}): StoredResponse =>
  stored(name, { headers: new Fields(['ETag', `"${name}"`, 'Content-Type', 'text/plain']), ...part });

async function save(
  responses: readonly StoredResponse[],
  { key, ...changed }: Partial<SnapshotHeader> & { key?: Buffer; maxBytes?: number } = {},
) {
  const seal = key && new Seal(key);
  const { maxBytes = bounds.maxBytes, ...said } = changed;
  const byKey = new Map(responses.map((each) => [each.key, [each]]));
  const source = {
    keys: byKey.keys(),
    variantsOf: (each: string) => byKey.get(each) ?? [],
    judge: () => 'keep' as const,
  };
  const whole = { ...header, ...said, ...(seal && { cipher: seal.cipher }) };
  return writeSnapshot(source, { folder, nonce: 'n', header: whole, seal, maxBytes, pace });
}

async function load(options: Partial<LoadOptions> = {}) {
  const store = new MemoryStore(bounds, new Fence());
  const loaded = await loadSnapshot(path, {
    mode: 'trust',
    store,
    maxBytes: bounds.maxBytes,
    fingerprint: 'f',
    secret: undefined,
    missedSince: () => Promise.resolve(nothing),
    clock: systemClock,
    signal: new AbortController().signal,
    ...options,
  });
  return { store, loaded };
}

describe('what is saved is loaded', () => {
  test('all of a response but what only its process knows', async () => {
    const saved = response('/a', {
      named: ['step:7'],
      body: Buffer.from([0, 255, 1, 254]),
      vary: ['accept-language'],
      selecting: ['de'],
      codings: ['br'],
      etag: '"own"',
      uses: 12,
      asOf: 9,
    });
    await save([saved]);
    const { store } = await load();
    const [loaded] = store.variantsOf(saved.key);
    const { body, headers, directives, ...rest } = saved;
    expect(loaded).toMatchObject({ ...rest, asOf: 0, uses: 6, since: 1, touched: undefined });
    expect(loaded?.body.equals(body)).toBe(true);
    expect(loaded?.headers.lines).toEqual(headers.lines);
    // JSON has no undefined.
    expect({ ...parseCacheControl(''), ...loaded?.directives }).toEqual(directives);
  });

  test.each([0, 1, FRAME_BYTES - 40, FRAME_BYTES, 3 * FRAME_BYTES + 17])('a body of %i bytes', async (length) => {
    // Not to be made smaller.
    const next = random(7);
    const body = Buffer.from(Array.from({ length }, () => next(256)));
    await save([response('/before'), response('/a', { body }), response('/after')]);
    const { store } = await load();
    expect(store.size).toBe(3);
    expect(store.variantsOf(response('/a').key)[0]?.body.equals(body)).toBe(true);
  });

  test('bodies of any lengths, one after the other', async () => {
    const next = random(11);
    const lengths = Array.from({ length: 300 }, () => next(next(9) === 0 ? 2 * FRAME_BYTES : FRAME_BYTES / 8));
    const all = lengths.map((length, i) => response(`/a/${i}`, { body: Buffer.alloc(length, i) }));
    await save(all);
    const { store } = await load();
    for (const each of all) expect(store.variantsOf(each.key)[0]?.body.equals(each.body), each.key).toBe(true);
  });

  test('a response that fills its frame to the last octet, and one that does not quite', async () => {
    const lengthOf = (each: StoredResponse): number => entryOf(each).reduce((sum, { length }) => sum + length, 0);
    const without = lengthOf(response('/a/0', { body: Buffer.alloc(0) }));
    for (const more of [-1, 0, 1]) {
      const all = [0, 1, 2].map((i) => response(`/a/${i}`, { body: Buffer.alloc(FRAME_BYTES - without + more, 'x') }));
      await save(all);
      const { store } = await load();
      for (const each of all) expect(store.variantsOf(each.key)[0]?.body.equals(each.body)).toBe(true);
    }
  });

  test('frames that are as long as earlier versions have written them', async () => {
    const all = Array.from({ length: 150 }, (_, i) => response(`/a/${i}`, { body: Buffer.alloc(1_000, i) }));
    const entries = Buffer.concat(all.flatMap(entryOf));
    expect(entries.length).toBeGreaterThan(3 * FRAME_BYTES);
    const frame = deflateRawSync(entries);
    const head = encodeHeader(header);
    const frames = Buffer.concat([words(frame.length, crc32(frame)), frame]);
    const checksum = crc32(words(crc32(frame)), crc32(head));
    const left = { 'per-user': 0, 'no-room': 0 };
    const footer = { responses: 150, unconfirmed: 0, bytes: head.length + frames.length, checksum, left };
    writeFileSync(path, Buffer.concat([head, frames, encodeFooter(footer)]));
    expect((await load()).store.size).toBe(150);
  });

  test('with a key, nothing of it can be read in the file', async () => {
    const body = Buffer.from('a secret of one user, '.repeat(3));
    await save([response('/a', { body })], { key: secret });
    expect(readFileSync(path).includes('secret of one')).toBe(false);
    const { store } = await load({ secret });
    expect(store.variantsOf(response('/a').key)[0]?.body.equals(body)).toBe(true);
  });

  test('what was unconfirmed is so again, however much is trusted', async () => {
    await save([response('/a'), response('/b', { asOf: UNCONFIRMED })]);
    const { store, loaded } = await load();
    expect(loaded).toMatchObject({ kind: 'loaded', confirmed: 1 });
    expect(store.select(response('/a').key, anyRequest)).toBeDefined();
    expect(store.select(response('/b').key, anyRequest)).toBeUndefined();
    expect(store.unconfirmed(response('/b').key, anyRequest)).toBeDefined();
  });

  const date = ['Last-Modified', 'Tue, 01 Jan 2019 00:00:00 GMT', 'Date', 'Wed, 01 Jan 2020 00:00:00 GMT'];
  const unsure: readonly [string, StoredResponse][] = [
    ['no validator', stored('/x')],
    ['a weak tag', stored('/x', { headers: new Fields(['ETag', 'W/"1"']) })],
    ['a date', stored('/x', { headers: new Fields(date) })],
    ['a tag that is none', stored('/x', { headers: new Fields(['ETag', '1']) })],
    ['a method that cannot be conditional', response('/x', { key: 'digest http://host\n/x\n' })],
  ];
  const doubted: MissedUntil = { known: false, why: 'it is so', coverages: [], asOf: 0 };
  const doubts: readonly [string, Partial<LoadOptions>][] = [
    ['revalidate', { mode: 'revalidate' }],
    ['trust, in doubt', { missedSince: () => Promise.resolve(doubted) }],
  ];

  describe.each(doubts)('%s: nothing is confirmed', (_, options) => {
    test.each(unsure)('and a response with %s is left out', async (_reason, other) => {
      await save([response('/a'), other]);
      const { store, loaded } = await load(options);
      expect(loaded).toMatchObject({ confirmed: 0, counts: { restored: 1, untagged: 1 } });
      expect(store.unconfirmedSize).toBe(1);
    });
  });

  test('a response of a time after the save is left out: the clock was ahead', async () => {
    const at = Date.parse(header.savedAt);
    await save([response('/a', { respondedAt: at }), response('/b', { respondedAt: at + 1 })]);
    const { store, loaded } = await load();
    expect(loaded).toMatchObject({ counts: { restored: 1, later: 1 } });
    expect(store.variantsOf(response('/b').key)).toEqual([]);
  });

  test('what was used most is evicted last', async () => {
    const body = Buffer.alloc(10_000);
    const all = Array.from({ length: 10 }, (_, i) => response(`/${i}`, { body }));
    await save(all);
    const store = new MemoryStore({ ...bounds, maxBytes: 110_000 + 20_000 }, new Fence());
    await load({ store, maxBytes: bounds.maxBytes });
    for (let i = 0; i < 5; i++) store.put(response(`/new/${i}`, { body }));
    const left = all.map(({ key }) => store.variantsOf(key).length);
    expect(left[0]).toBe(1);
    expect(left.at(-1)).toBe(0);
    expect([...left].sort().reverse()).toEqual(left);
  });

  test('in doubt, nothing is confirmed, and what is known to be covered is dropped', async () => {
    await save([response('/a'), response('/b', { named: ['gone'] })]);
    const coverages = [{ tags: new Set(['t:gone']), patterns: [], tagPatterns: [] }];
    const missed: MissedUntil = { known: false, why: 'it is so', coverages, asOf: 0 };
    const { store, loaded } = await load({ missedSince: () => Promise.resolve(missed) });
    expect(loaded).toMatchObject({ confirmed: 0, doubt: 'it is so', counts: { restored: 1, covered: 1 } });
    expect(store.unconfirmed(response('/b').key, anyRequest)).toBeUndefined();
  });

  test('what was missed is asked of the mark in the file', async () => {
    await save([response('/a')], { mark: { epoch: 'e', seq: 7 } });
    const marks: unknown[] = [];
    const missedSince = (mark: unknown) => {
      marks.push(mark);
      return Promise.resolve({ ...nothing, coverages: [everything] });
    };
    const { store } = await load({ missedSince });
    expect(marks).toEqual([{ epoch: 'e', seq: 7 }]);
    expect(store.size).toBe(0);
  });
});

describe('a file that cannot be used is a cold start, with one reason', () => {
  const responses = Array.from({ length: 40 }, (_, i) => response(`/documents/${i}`));
  const why = async (options: Partial<LoadOptions> = {}): Promise<string> => {
    const { store, loaded } = await load(options);
    expect(store.size).toBe(0);
    expect(readdirSync(folder)).toEqual([FILE_NAME]);
    return loaded.kind === 'cold' ? loaded.why : loaded.kind;
  };

  test('there is none', async () => {
    expect((await load()).loaded).toEqual({ kind: 'none' });
  });

  test('it is cut short anywhere', async () => {
    await save(responses);
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(path, whole.subarray(0, length));
      expect(await why(), `${length} bytes`).toMatch(/cut short|no snapshot|damaged/);
    }
  });

  test('it is changed anywhere', async () => {
    await save(responses);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 5) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ 0x55;
      writeFileSync(path, changed);
      expect(await why(), `byte ${at}`).toMatch(/damaged|cut short|no snapshot|version|checksum/);
    }
  });

  test('something was added to it', async () => {
    await save(responses);
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('more')]));
    expect(await why()).toMatch(/cut short/);
  });

  test.each<[string, () => Buffer, RegExp]>([
    ['is empty', () => Buffer.alloc(0), /no snapshot/],
    ['is another file', () => Buffer.from('{"hello":"world"}'.repeat(9)), /no snapshot/],
    ['is of a newer version', () => withFormat(2), /newer version of the gateway \(format 2, not 1\)/],
    ['is of an older version', () => withFormat(0), /older version/],
  ])('it %s', async (_, content, reason) => {
    writeFileSync(path, content());
    expect(await why()).toMatch(reason);
  });

  test('it is of another configuration', async () => {
    await save(responses, { fingerprint: 'another' });
    expect(await why()).toBe('routes, rules or origins have changed since it was saved');
  });

  test('it is of the future: the clock has jumped', async () => {
    await save(responses, { savedAt: '2999-01-01T00:00:00.000Z' });
    expect(await why()).toMatch(/the clock has jumped/);
    await save(responses, { savedAt: 'no date' });
    expect(await why()).toMatch(/the clock has jumped/);
  });

  test.each<[string, Buffer | undefined, Buffer | undefined, RegExp]>([
    ['is encrypted, and there is no key', secret, undefined, /store\.snapshot\.key is not set/],
    ['was encrypted with another key', secret, Buffer.alloc(32, 8), /another store\.snapshot\.key/],
  ])('it %s', async (_, key, mine, reason) => {
    await save(responses, key === undefined ? {} : { key });
    expect(await why({ secret: mine })).toMatch(reason);
  });

  test('a folder stands in its place', async () => {
    mkdirSync(path);
    expect(await why()).toMatch(/cannot be read/);
  });
});

function withFormat(format: number): Buffer {
  const octets = Buffer.concat([encodeHeader(header), Buffer.alloc(100)]);
  octets.writeUInt32BE(format, BEGINS.length);
  return octets;
}

describe('writing', () => {
  test('nothing is left of one that fails, and the last one stays', async () => {
    await save([response('/a')]);
    const before = readFileSync(path);
    const source = {
      keys: ['k'],
      variantsOf: (): readonly StoredResponse[] => {
        throw new Error('the disk is full');
      },
      judge: () => 'keep' as const,
    };
    const options = { folder, nonce: 'n', header, seal: undefined, maxBytes: bounds.maxBytes, pace };
    await expect(writeSnapshot(source, options)).rejects.toThrow('the disk is full');
    expect(readdirSync(folder)).toEqual([FILE_NAME]);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('only its owner can read it', async () => {
    await save([response('/a')]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test.each([
    ['large', 12, 600_000],
    ['small', 3_000, 2_000],
  ])('its size is bounded, and what is left out is counted: %s bodies', async (_, count, length) => {
    const maxBytes = 4 * 1024 * 1024;
    // Nothing that could be compressed.
    const noise = (i: number): Buffer => createHash('shake256', { outputLength: length }).update(`${i}`).digest();
    const all = Array.from({ length: count }, (_each, i) => response(`/each/${i}`, { body: noise(i) }));
    const { responses, left } = await save(all, { maxBytes });
    expect(statSync(path).size).toBeLessThanOrEqual(maxBytes);
    expect(left['no-room']).toBeGreaterThan(0);
    expect(responses + left['no-room']).toBe(count);
    expect((await load()).store.size).toBe(responses);
  });

  test('the most used come first, and what is loaded into little room is what was used', async () => {
    const store = new MemoryStore(bounds, new Fence());
    for (let i = 0; i < 20; i++) store.put(response(`/documents/${i}`));
    for (const [i, times] of [
      [3, 1_000],
      [17, 100],
      [8, 10],
    ] as const)
      for (let n = 0; n < times; n++) store.select(response(`/documents/${i}`).key, anyRequest);
    const keys = [...(await keysByUse(store, pace))];
    expect(keys).toHaveLength(20);
    expect(keys.slice(0, 3)).toEqual([3, 17, 8].map((i) => response(`/documents/${i}`).key));
    const source = { keys, variantsOf: (key: string) => store.variantsOf(key), judge: () => 'keep' as const };
    await writeSnapshot(source, { folder, nonce: 'n', header, seal: undefined, maxBytes: bounds.maxBytes, pace });
    const file = await SnapshotFile.open(path);
    const paths: string[] = [];
    for await (const each of file.responses(undefined, 0)) paths.push(each.path);
    await file.close();
    expect(paths.slice(0, 3)).toEqual(['/documents/3', '/documents/17', '/documents/8']);
    const { store: small, loaded } = await load({ maxBytes: 6_000 });
    expect(small.variantsOf(response('/documents/3').key)).toHaveLength(1);
    expect(small.size).toBeLessThan(20);
    expect(loaded).toMatchObject({ counts: { restored: small.size, 'no-room': 20 - small.size } });
  });

  test('every key comes once, confirmed or not, however many there are', async () => {
    const store = new MemoryStore(bounds, new Fence());
    const names = Array.from({ length: 2_500 }, (_, i) => `/documents/${i}`);
    for (const [i, name] of names.entries()) {
      if (i % 5 !== 0) store.put(response(name));
      if (i % 5 < 2)
        store.restore(response(name, { asOf: UNCONFIRMED, vary: ['a'], selecting: ['b'] }), 0, bounds.maxBytes);
    }
    expect(store.unconfirmedSize).toBe(1_000);
    const keys = [...(await keysByUse(store, new Pace(systemClock, 0)))];
    expect(keys.toSorted()).toEqual(names.map((name) => response(name).key).sort());
  });

  test('what is removed while it is written is not in it', async () => {
    const store = new MemoryStore(bounds, new Fence());
    for (let i = 0; i < 3; i++) store.put(response(`/documents/${i}`));
    const keys = await keysByUse(store, pace);
    store.invalidate(everything);
    const source = { keys, variantsOf: (key: string) => store.variantsOf(key), judge: () => 'keep' as const };
    const options = { folder, nonce: 'n', header, seal: undefined, maxBytes: bounds.maxBytes, pace };
    expect(await writeSnapshot(source, options)).toMatchObject({ responses: 0 });
  });
});
