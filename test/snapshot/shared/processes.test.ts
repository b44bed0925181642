import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RedisServer } from '../../redis-log/redis-server.ts';
import { GatewayProcess } from '../gateway-process.ts';
import { itemOf } from '../items-api.ts';
import {
  api,
  configOf,
  gateway,
  hits,
  paths,
  readAll,
  root,
  saved,
  start,
  useProcesses,
  writeUntilTaken,
} from '../processes.ts';

useProcesses();

describe('kill -9, and then', () => {
  test('what another node removed over Redis meanwhile is not served, and the rest is', async () => {
    const redis = await RedisServer.start();
    const other = await GatewayProcess.at(root);
    try {
      const more = `, redis: { url: "unix:${redis.socket}", tier: off }`;
      await other.start(configOf('off', 'off', more, join(root, 'other')));
      await saved('trust', more);
      // Killed once more, with the snapshot loaded, and with a write that it has answered.
      await start('trust', more);
      expect(hits(await readAll())).toBe(paths.length);
      await writeUntilTaken(gateway, 3, 'remove');
      await gateway.end('SIGKILL');
      await writeUntilTaken(other, 0, 'remove');
      await writeUntilTaken(other, 1, 'write');
      await start('trust', more);
      expect(gateway.said).toMatch(/"restored":1,"covered":4,.* trusted, 4 invalidated since/);
      expect(hits(await readAll())).toBe(1);
      await readAll(other);
    } finally {
      await gateway.end('SIGKILL');
      await other.end('SIGKILL');
      await redis.stop();
    }
  }, 120_000);

  test('what was removed past the gateway is not served, and the rest is confirmed', async () => {
    await saved('revalidate');
    await start('revalidate');
    await gateway.end('SIGKILL');
    for (const [id, kind] of [[0, 'remove'], [1, 'write']] as const) api.change(id, kind); // biome-ignore format: a table
    api.acknowledge();
    await start('revalidate');
    const said = await readAll();
    expect(said.map((status) => /fwd-status=304/.test(status))).toEqual([false, false, false, true, true]);
  }, 120_000);

  test('with the API down, nothing of the snapshot is served, whatever staleIfError says', async () => {
    await saved('revalidate');
    api.change(0, 'remove');
    api.acknowledge();
    api.down = true;
    await start('revalidate');
    for (const path of paths) expect((await gateway.ask('GET', path))?.status).toBeGreaterThanOrEqual(500);
    api.down = false;
    await readAll();
  }, 120_000);

  test('a removal that the API made and nobody answered is not undone', async () => {
    await saved('trust');
    await start('trust');
    const held = api.hold();
    const answered = gateway.ask('DELETE', itemOf(0));
    await held.arrived();
    await gateway.end('SIGKILL');
    held.release();
    expect(await answered).toBeUndefined();
    api.acknowledge();
    await start('trust');
    expect(gateway.said).toMatch(/to be revalidated: the gateway did not stop cleanly/);
    expect(hits(await readAll())).toBe(0);
  }, 120_000);
});
