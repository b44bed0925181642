import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isConfirmed, isHit, SnapshotRig } from './rig.ts';

let rig: SnapshotRig;
beforeEach(async () => {
  rig = await SnapshotRig.open();
  rig.api.documents.set('/a', 'A1').set('/b', 'B1');
});
afterEach(() => rig.close());

describe('a snapshot that was saved at a clean stop', () => {
  beforeEach(async () => {
    await rig.start('save: stop');
    await rig.warm('/a', '/b');
    await rig.stop();
  });

  test('revalidate: serves nothing before the origin has confirmed it', async () => {
    await rig.startLoaded('load: revalidate');
    const first = await rig.ask('/a');
    expect(first.text).toBe('A1');
    expect(isConfirmed(first)).toBe(true);
    expect(isHit(await rig.ask('/a'))).toBe(true);
    rig.api.documents.set('/b', 'B2');
    const changed = await rig.ask('/b');
    expect(changed.text).toBe('B2');
    expect(isHit(changed)).toBe(false);
  });

  test('trust: serves what was stored at once', async () => {
    await rig.startLoaded('load: trust');
    expect(isHit(await rig.ask('/a'))).toBe(true);
  });

  test('off: starts cold', async () => {
    await rig.start('save: stop');
    expect(isHit(await rig.ask('/a'))).toBe(false);
    expect(rig.api.origin.requests('GET /a').at(-1)?.rawHeaders).not.toContain('If-None-Match');
  });

  test('trust: what a run in between has removed is not there again', async () => {
    await rig.startLoaded('load: trust');
    await rig.ask('/a', { method: 'DELETE' });
    await rig.stop();
    await rig.startLoaded('load: trust');
    expect((await rig.ask('/a')).status).toBe(404);
    expect(isHit(await rig.ask('/b'))).toBe(true);
  });
});
