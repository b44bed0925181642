import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Fence } from '../../src/coherence/fence.ts';
import type { MissedUntil } from '../../src/coherence/missed.ts';
import { everything } from '../../src/coherence/record.ts';
import type { SnapshotConfig } from '../../src/config/model.ts';
import { Fields } from '../../src/http/fields.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { FolderInUse, SnapshotFolder } from '../../src/snapshot/folder.ts';
import { NodeSnapshots, type SnapshotLog, type SnapshotParts } from '../../src/snapshot/snapshots.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { StoredResponse } from '../../src/store/stored-response.ts';
import { deferred, until } from '../support/barrier.ts';
import { bundled } from '../support/shared.ts';
import { stored } from '../support/stored.ts';

const bounds = { maxBytes: 64 * 1024 * 1024, maxEntryBytes: 8 * 1024 * 1024, maxVariants: 8 };
const anyRequest = new Fields([]);
const joined = Promise.resolve();

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'unstale-snapshots-'));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

const response = (name: string): StoredResponse => stored(name, { headers: new Fields(['ETag', `"${name}"`]) });

/** A node with its own memory, over the folder of the test. */
class Node {
  readonly store = new MemoryStore(bounds, new Fence());
  readonly lines: string[] = [];
  readonly steps: string[] = [];
  readonly snapshots: NodeSnapshots;

  constructor(
    config: Partial<SnapshotConfig>,
    {
      saves = true,
      forgetEverywhere = () => Promise.resolve(0),
      ...log
    }: Partial<SnapshotLog> & Partial<Pick<SnapshotParts, 'saves' | 'forgetEverywhere'>> = {},
  ) {
    const write = (line: string): void => void this.lines.push((JSON.parse(line) as { msg: string }).msg);
    this.snapshots = new NodeSnapshots({
      config: { path, load: 'off', save: 'off', maxBytes: 2 ** 30, key: undefined, ...config },
      store: this.store,
      maxBytes: bounds.maxBytes,
      fingerprint: 'f',
      log: {
        mark: () => Promise.resolve(this.steps.push('mark')),
        missedSince: () => Promise.resolve({ known: true, coverages: [], asOf: 0 }),
        release: (mark) => void this.steps.push(`release ${mark}`),
        ...log,
      },
      saves,
      forgetEverywhere,
      isPerUser: ({ path: resource }) => resource.startsWith('/me'),
      clock: systemClock,
      logger: createLogger('info', { write }),
    });
  }

  put(...names: string[]): this {
    for (const name of names) this.store.put(response(name));
    return this;
  }

  get paths(): string[] {
    return [...this.store.keys(), ...this.store.unconfirmedKeys()].map((key) => key.split('\n')[1] ?? '').sort();
  }
}

/** What a node that trusts it finds in the snapshot. */
async function found(config: Partial<SnapshotConfig> = {}): Promise<string[]> {
  const node = new Node({ load: 'trust', ...config });
  node.snapshots.start(joined);
  await until(() => node.snapshots.status().loaded !== 'nothing loaded yet');
  return node.paths;
}

describe('a save', () => {
  test('notes where the log stands before it reads, and releases the log once the file is in its place', async () => {
    const node = new Node({ save: 'stop' }).put('/a');
    const saved = await node.snapshots.save();
    expect(node.steps).toEqual(['mark', 'release 1']);
    expect(saved).toMatchObject({ path: join(path, 'snapshot'), responses: 1, left: { 'per-user': 0, 'no-room': 0 } });
    expect(node.snapshots.status().saved).toMatch(/^saved 1 responses in \d+ bytes at 20/);
  });

  test('what is invalidated while the log is asked is not in it', async () => {
    const asked = deferred();
    const answer = deferred();
    const mark = (): Promise<unknown> => {
      asked.resolve();
      return answer.promise;
    };
    const node = new Node({ save: 'stop' }, { mark }).put('/a', '/b');
    const saving = node.snapshots.save();
    await asked.promise;
    node.store.invalidate({ ...everything, patterns: ['/a'], tagPatterns: [] });
    answer.resolve();
    await saving;
    expect(await found()).toEqual(['/b']);
  });

  test('leaves out errors, parts, and what is of single users without a key', async () => {
    const node = new Node({ save: 'stop' }).put('/a', '/me/1', '/me/2');
    node.store.put(stored('/gone', { status: 404 }));
    const part = { start: 0, size: 9, saidEnd: 3, asked: 'bytes=0-3' };
    node.store.put(stored('/part', { status: 206, part }));
    expect(await node.snapshots.save()).toMatchObject({ responses: 1, left: { 'per-user': 2 } });
    expect(node.snapshots.status().saved).toMatch(/2 of single users left out for want of store\.snapshot\.key/);
    expect(await found()).toEqual(['/a']);
    const key = Buffer.alloc(32, 1).toString('base64url');
    await new Node({ save: 'stop', key }).put('/a', '/me/1').snapshots.save();
    expect(await found({ key })).toEqual(['/a', '/me/1']);
  });

  test('waits for the load, and keeps what that has brought', async () => {
    await new Node({}).put('/a', '/b').snapshots.save();
    const joining = deferred();
    const node = new Node({ load: 'revalidate' });
    node.snapshots.start(joining.promise);
    const saving = node.snapshots.save();
    joining.resolve();
    expect(await saving).toMatchObject({ responses: 2 });
  });

  test('of another process than the first is refused', async () => {
    await expect(new Node({ save: 'stop' }, { saves: false }).snapshots.save()).rejects.toThrow(/another process/);
  });

  test('is made in each interval, and at the stop', async () => {
    const node = new Node({ save: 5 }).put('/a');
    node.snapshots.start(joined);
    await until(() => node.steps.length >= 4);
    node.put('/b');
    await node.snapshots.stop();
    expect(await found()).toEqual(['/a', '/b']);
  });
});

describe('a stop', () => {
  test('saves, where it is to', async () => {
    const off = new Node({ load: 'revalidate' }).put('/a');
    off.snapshots.start(joined);
    await off.snapshots.stop();
    expect(readdirSync(path)).toEqual([]);
    const on = new Node({ save: 'stop' }).put('/a');
    on.snapshots.start(joined);
    await on.snapshots.stop();
    expect(await found()).toEqual(['/a']);
  });

  test('before the load has ended keeps the last snapshot, which has more than memory', async () => {
    await new Node({}).put('/a', '/b').snapshots.save();
    const node = new Node({ load: 'revalidate', save: 'stop' });
    node.snapshots.start(new Promise(() => {}));
    // `verify` must not say that nothing is stored.
    expect(node.snapshots.isLoading).toBe(true);
    await node.snapshots.stop();
    expect(node.snapshots.isLoading).toBe(false);
    expect(node.snapshots.status().saved).toMatch(/is kept/);
    expect(await found()).toEqual(['/a', '/b']);
  });

  const never = new Promise<void>(() => {});
  test.each([
    ['there is none, which is no reason not to save', [], joined, ['/b']],
    ['there is one', ['/a'], joined, ['/a']],
    ['the node has not joined, and does not know where the log stands', [], never, []],
  ])('before the load has looked for a snapshot: %s', async (_, earlier, joins, paths) => {
    if (earlier.length > 0) await new Node({}).put(...earlier).snapshots.save();
    const node = new Node({ load: 'revalidate', save: 'stop' });
    node.snapshots.start(joins);
    node.put('/b');
    await node.snapshots.stop();
    expect(await found()).toEqual(paths);
  });

  test('after a failed start keeps it, too', async () => {
    await new Node({}).put('/a').snapshots.save();
    await new Node({ load: 'revalidate', save: 'stop' }).snapshots.stop();
    expect(await found()).toEqual(['/a']);
  });
});

test('what waits to be loaded until the node has joined is not waited for by a save', async () => {
  await new Node({}).put('/a').snapshots.save();
  const node = new Node({ load: 'trust' });
  const joining = deferred();
  node.snapshots.start(joining.promise);
  await expect(node.snapshots.save()).rejects.toMatchObject({ code: 'notServing' });
  joining.resolve();
  await until(() => node.paths.length === 1);
  expect(await node.snapshots.save()).toMatchObject({ responses: 1 });
});

describe('a drop', () => {
  test('removes the file, what was loaded and not confirmed, and what the log keeps for it', async () => {
    await new Node({}).put('/a', '/b').snapshots.save();
    const node = new Node({ load: 'revalidate' });
    node.snapshots.start(joined);
    await until(() => node.store.unconfirmedSize === 2);
    node.put('/a');
    expect(await node.snapshots.drop()).toEqual({ removed: true, unanswered: 0 });
    expect(existsSync(join(path, 'snapshot'))).toBe(false);
    expect(node.paths).toEqual(['/a']);
    expect(node.store.select(response('/a').key, anyRequest)).toBeDefined();
    expect(node.steps).toEqual(['mark', 'release 1']);
    expect(await node.snapshots.drop()).toEqual({ removed: false, unanswered: 0 });
  });

  test('without room for its journal removes all the same what was loaded, and says what others have kept', async () => {
    await new Node({}).put('/a').snapshots.save();
    const mark = (): Promise<never> => Promise.reject(new Error('ENOSPC'));
    const node = new Node({ load: 'revalidate' }, { mark, forgetEverywhere: () => Promise.resolve(2) });
    node.snapshots.start(joined);
    await until(() => node.store.unconfirmedSize === 1);
    expect(await node.snapshots.drop()).toEqual({ removed: true, unanswered: 2 });
    expect(node.store.unconfirmedSize).toBe(0);
  });

  test('of another process removes what this one has loaded, and leaves the file to it', async () => {
    await new Node({}).put('/a').snapshots.save();
    const node = new Node({ load: 'revalidate' }, { saves: false });
    node.snapshots.start(joined);
    await until(() => node.store.unconfirmedSize === 1);
    await node.snapshots.forget();
    expect(node.store.unconfirmedSize).toBe(0);
    expect(existsSync(join(path, 'snapshot'))).toBe(true);
  });

  test('ends a load that has not used anything yet', async () => {
    await new Node({}).put('/a', '/b').snapshots.save();
    const asked = deferred();
    const told = deferred();
    const missedSince = async (): Promise<MissedUntil> => {
      asked.resolve();
      await told.promise;
      return { known: true, coverages: [], asOf: 0 };
    };
    const node = new Node({ load: 'trust' }, { missedSince });
    node.snapshots.start(joined);
    await asked.promise;
    const dropping = node.snapshots.drop();
    told.resolve();
    expect(await dropping).toEqual({ removed: true, unanswered: 0 });
    expect([node.paths, existsSync(join(path, 'snapshot'))]).toEqual([[], false]);
  });

  test('does not wait for a node that does not join', async () => {
    await new Node({}).put('/a').snapshots.save();
    const node = new Node({ load: 'trust' });
    node.snapshots.start(new Promise(() => {}));
    expect(await node.snapshots.drop()).toEqual({ removed: true, unanswered: 0 });
    expect(node.paths).toEqual([]);
  });
});

describe('what is said of it', () => {
  test.each<[string, Partial<SnapshotConfig>, string]>([
    ['both off', {}, 'snapshots: load off, save off'],
    ['stop', { load: 'trust', save: 'stop' }, 'snapshots: load trust, save at stop'],
    ['interval', { load: 'revalidate', save: 30_000 }, 'snapshots: load revalidate, save every 30000 ms, and at stop'],
  ])('at the start: %s', async (_, config, line) => {
    const node = new Node(config);
    node.snapshots.start(joined);
    expect(node.lines[0]).toBe(line);
    await node.snapshots.stop();
  });

  test('what was loaded, and why something was not', async () => {
    const node = new Node({ load: 'trust' });
    node.snapshots.start(joined);
    await until(() => node.lines.length > 1);
    expect(node.lines[1]).toBe('snapshot: nothing loaded: there is no snapshot');
    writeFileSync(join(path, 'snapshot'), 'x');
    const cold = new Node({ load: 'trust' });
    cold.snapshots.start(joined);
    await until(() => cold.lines.length > 1);
    expect(cold.lines[1]).toBe('snapshot: not loaded: the file is no snapshot of this gateway');
  });
});

describe('a disk that is full', () => {
  test('fails the save, says so, and keeps the last good snapshot', async () => {
    const script = await bundled('test/snapshot/full-disk.mjs');
    const command = `ulimit -f 1024; exec ${process.execPath} ${script} ${path}`;
    const { stdout, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      failure: { code: 'notSaved', cause: 'EFBIG' },
      files: ['snapshot'],
      kept: true,
      released: 1,
      saved: expect.stringMatching(/EFBIG.*; the last good snapshot is kept$/),
    });
  });
});

describe('a folder', () => {
  test('is made, and has one user', async () => {
    const folder = await SnapshotFolder.open(join(path, 'deep/er'));
    await expect(SnapshotFolder.open(join(path, 'deep/er'))).rejects.toThrow(FolderInUse);
    await folder.close();
    await (await SnapshotFolder.open(join(path, 'deep/er'))).close();
  });

  test.each([
    ['of a process that is gone', { pid: 2 ** 22 + 1, started: '' }, true],
    ['of an earlier process with this pid, as in a container', { pid: process.pid, started: 'earlier' }, true],
    ['of another machine, a moment ago', { pid: 1, host: 'another', started: '' }, false],
    ['that was cut short long ago', 0, true],
    ['that was cut short four seconds ago, and waits for its process a little longer', 'just now', true],
  ])('a lock %s', async (_, holder, isTaken) => {
    writeFileSync(
      join(path, 'lock'),
      typeof holder === 'object' ? JSON.stringify({ host: hostname(), ...holder }) : '{',
    );
    const cutAt = holder === 'just now' ? Date.now() / 1_000 - 4 : holder;
    if (typeof cutAt === 'number') utimesSync(join(path, 'lock'), cutAt, cutAt);
    const opened = SnapshotFolder.open(path);
    if (isTaken) await (await opened).close();
    else await expect(opened).rejects.toThrow(/process 1 on another uses it/);
  });

  test('of several that find the lock of a process that is gone, one has it', async () => {
    for (let round = 0; round < 20; round++) {
      const dead = { pid: 2 ** 22 + 1, host: hostname(), started: '', nonce: String(round) };
      writeFileSync(join(path, 'lock'), JSON.stringify(dead));
      const opened = await Promise.allSettled(Array.from({ length: 6 }, () => SnapshotFolder.open(path)));
      const got = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      expect(got).toHaveLength(1);
      await got[0]?.close();
      expect(readdirSync(path)).toEqual([]);
    }
  });

  test('a process that died while it replaced a lock keeps nobody from it', async () => {
    const dead = JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), started: '', nonce: 'a' });
    const claim = `lock.${createHash('sha256').update(dead).digest('hex').slice(0, 16)}`;
    writeFileSync(join(path, 'lock'), dead);
    writeFileSync(join(path, claim), dead);
    await (await SnapshotFolder.open(path)).close();
    expect(readdirSync(path)).toEqual([]);
  });

  test('a lock of another process is left alone at the end', async () => {
    const folder = await SnapshotFolder.open(path);
    writeFileSync(join(path, 'lock'), '{}');
    await folder.close();
    expect(readdirSync(path)).toEqual(['lock']);
  });

  test('what an unfinished save has left is removed', async () => {
    writeFileSync(join(path, 'snapshot.0123.tmp'), 'x');
    writeFileSync(join(path, 'snapshot'), 'x');
    const folder = await SnapshotFolder.open(path);
    expect(readdirSync(path).sort()).toEqual(['lock', 'snapshot']);
    await folder.close();
  });
});
