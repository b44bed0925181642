import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isHit, isLastUnconditional, SnapshotRig } from '../snapshot/rig.ts';
import { get } from '../support/request.ts';
import { run } from './run.ts';

/* `unstale snapshot`, `GET`, `POST` and `DELETE /snapshot`, and what `unstale purge --all` leaves of a snapshot. */

let rig: SnapshotRig;
let file: string;
beforeEach(async () => {
  rig = await SnapshotRig.open();
  file = join(rig.folder, 'snapshot');
  rig.api.documents.set('/a', 'A1').set('/b', 'B1');
});
afterEach(() => rig.close());

const unstale = (...argv: string[]) => run(argv, { env: { UNSTALE_ADMIN_URL: rig.gateway.adminUrl } });
const json = async (...argv: string[]): Promise<Record<string, unknown>> =>
  JSON.parse((await unstale(...argv, '--json')).stdout) as Record<string, unknown>;

describe('unstale snapshot', () => {
  it('saves what a running gateway has, whatever save says', async () => {
    await rig.start('save: off');
    await rig.warm('/a', '/b');
    const { code, stdout } = await unstale('snapshot', 'save');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^saved 2 responses \(\d+ bytes\) in \d+ ms: .*\/snapshot\n$/);
    expect(await json('snapshot', 'save')).toMatchObject({ path: file, responses: 2, left: { 'per-user': 0 } });
    await rig.stop();
    await rig.startLoaded('load: trust');
    expect(isHit(await rig.ask('/a'))).toBe(true);
  });

  it('says what it leaves out', async () => {
    await rig.start('save: off', 'defaults: { cache: { credentials: perUser, userKey: [authorization] } }');
    await rig.ask('/a', { headers: { authorization: 'Bearer ada' } });
    expect((await unstale('snapshot', 'save')).stdout).toContain(
      'left out 1 response of single users, because store.snapshot.key is not set\n',
    );
  });

  it('drops the file, and what was loaded of it', async () => {
    await rig.start('save: stop');
    await rig.warm('/a');
    await rig.stop();
    await rig.startLoaded('load: revalidate');
    expect(await unstale('snapshot', 'drop')).toEqual({ code: 0, stdout: 'the snapshot is removed\n', stderr: '' });
    await rig.ask('/a');
    expect(isLastUnconditional(rig.api, '/a')).toBe(true);
    expect(await json('snapshot', 'drop')).toEqual({ removed: false, unanswered: 0 });
    expect((await unstale('snapshot', 'drop')).stdout).toBe('there was no snapshot\n');
  });

  it.each(['save', 'drop'])('%s: exits 1 where none is configured', async (command) => {
    await rig.start('save: off');
    await rig.stop();
    const gateway = await rig.startWithout();
    const { code, stdout, stderr } = await run(['snapshot', command], { env: { UNSTALE_ADMIN_URL: gateway.adminUrl } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('answered 409: store.snapshot is not configured: set its path\n');
    const { status, text } = await get(`${gateway.adminUrl}/snapshot`);
    expect([status, (JSON.parse(text) as { type: string }).type]).toEqual([409, 'urn:unstale:problem:no-snapshot']);
  });

  it('GET /snapshot tells what has become of it', async () => {
    await rig.start('save: 1h, load: revalidate');
    const { text } = await get(`${rig.gateway.adminUrl}/snapshot`);
    expect(JSON.parse(text)).toMatchObject({ load: 'revalidate', save: 3_600_000, saved: 'nothing saved yet' });
  });
});

describe('unstale snapshot inspect', () => {
  const inspect = (path: string, ...more: string[]) => run(['snapshot', 'inspect', path, ...more], {});
  beforeEach(async () => {
    await rig.start('save: stop');
    await rig.warm('/a', '/b');
    await rig.stop();
  });

  it('reads the file without a gateway', async () => {
    const { code, stdout } = await inspect(file);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^.*\/snapshot: \d+ bytes, saved at 20\d\d-.*Z\n2 responses, 0 of them not confirmed since an earlier load\nevery checksum is right\n$/,
    );
    expect((await inspect(rig.folder)).stdout).toBe(stdout);
    const told = JSON.parse((await inspect(rig.folder, '--json')).stdout) as object;
    expect(told).toMatchObject({ path: file, responses: 2, unconfirmed: 0, encrypted: false });
    expect(told).not.toHaveProperty('fault');
  });

  it.each<[string, (octets: Buffer) => Buffer, RegExp]>([
    ['cut short', (octets) => octets.subarray(0, -1), /the snapshot is cut short/],
    ['foreign', () => Buffer.from('another program wrote this, and it is long enough'), /no snapshot of this gateway/],
    [
      'damaged',
      (octets) => {
        octets.writeUInt8(octets.readUInt8(octets.length >> 1) ^ 1, octets.length >> 1);
        return octets;
      },
      /damaged|wrong/,
    ],
  ])('exits 1 for one that is %s', async (_, spoil, says) => {
    writeFileSync(file, spoil(readFileSync(file)));
    const { code, stdout } = await inspect(file);
    expect(code).toBe(1);
    expect(stdout).toMatch(says);
    expect(JSON.parse((await inspect(file, '--json')).stdout)).toMatchObject({ fault: expect.stringMatching(says) });
  });

  it('exits 2 where there is none', async () => {
    const { code, stdout, stderr } = await inspect(join(rig.folder, 'nothing'));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/nothing cannot be read: ENOENT/);
  });
});

describe('unstale purge --all', () => {
  it('--dry-run: counts all of it, and leaves it', async () => {
    rig.api.documents.set('/', 'root');
    await rig.start('save: off');
    await rig.warm('/', '/a', '/b?x=1');
    const { stdout } = await unstale('purge', '--all', '--dry-run');
    expect(stdout).toContain('would remove 3 stored responses on this node; nothing was changed\n');
    expect(isHit(await rig.ask('/'))).toBe(true);
  });

  it.each(['trust', 'revalidate'])('load: %s brings nothing of it back, though the snapshot is older', async (load) => {
    rig.api.documents.set('/', 'root');
    await rig.start('save: off');
    await rig.warm('/', '/a', '/b');
    await unstale('snapshot', 'save');
    const { code, stdout } = await unstale('purge', '--all');
    expect(code).toBe(0);
    expect(stdout).toMatch(/removed 3 stored responses on this node; effective on every node/);
    for (const path of ['/', '/a', '/b']) expect(isHit(await rig.ask(path))).toBe(false);
    await rig.stop();
    await rig.startLoaded(`load: ${load}`);
    for (const path of ['/', '/a', '/b']) {
      expect(isHit(await rig.ask(path))).toBe(false);
      expect(isLastUnconditional(rig.api, path)).toBe(true);
    }
  });

  it('removes what was loaded and not confirmed', async () => {
    await rig.start('save: stop');
    await rig.warm('/a');
    await rig.stop();
    await rig.startLoaded('load: revalidate');
    await unstale('purge', '--all');
    expect(isHit(await rig.ask('/a'))).toBe(false);
    expect(isLastUnconditional(rig.api, '/a')).toBe(true);
  });
});
