import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { budget } from '../support/budget.ts';
import type { Disturbance } from './gateway-process.ts';
import {
  api,
  configOf,
  folder,
  gateway,
  ITEMS,
  loaded,
  paths,
  readAll,
  root,
  saved,
  start,
  useProcesses,
  warm,
  write,
} from './processes.ts';

useProcesses();

describe('a gateway that is killed, or out of space, at each step of a load and of a save', () => {
  /** A life that has a snapshot behind it: loads, writes, removes, and saves as it stops. */
  async function life(disturbed: Disturbance): Promise<void> {
    await gateway.start(configOf('trust', 'stop'), folder, disturbed);
    await loaded();
    await warm();
    await write(gateway, 0, 'remove');
    await write(gateway, 1, 'write');
    for (const path of paths) await gateway.ask('GET', path);
    await write(gateway, 2, 'remove');
    await gateway.end('SIGTERM');
  }

  let template: string;
  let steps: readonly string[];

  beforeEach(async () => {
    await saved('off');
    template = join(root, 'template');
    cpSync(folder, template, { recursive: true });
    const log = join(root, 'steps');
    await life({ at: 0, how: 'kill', log });
    steps = readFileSync(log, 'utf8').trim().split('\n');
  }, 120_000);

  test('what was removed is not served, nor are the lists that held it', { timeout: 1_800_000 }, async () => {
    const all = steps.flatMap((step, i): Disturbance[] => [
      { at: i + 1, how: 'kill' },
      { at: i + 1, how: 'full' },
      ...(/write/i.test(step) ? [{ at: i + 1, how: 'torn' } as const] : []),
    ]);
    // An odd number, so that each way is played: SNAPSHOT_STEPS=all for every one.
    const most = process.env.SNAPSHOT_STEPS === 'all' ? all.length : budget({ local: 4, ci: 60 });
    const every = Math.ceil(all.length / most) | 1;
    let killed = 0;
    for (const disturbed of all.filter((_, i) => i % every === 0)) {
      rmSync(folder, { recursive: true, force: true });
      cpSync(template, folder, { recursive: true });
      api.reset(ITEMS);
      await life(disturbed);
      killed += gateway.said.includes('"stopped"') ? 0 : 1;
      // A write that was under way was not answered, and is not confirmed by anything.
      api.acknowledge();
      await start('trust');
      await readAll();
      await gateway.end('SIGKILL');
    }
    expect(killed).toBeGreaterThan(0);
    expect(steps.length).toBeGreaterThan(30);
  });
});
