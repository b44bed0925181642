import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';
import { measured, worlds } from './measured/worlds.ts';

/*
 * Drafts of published descriptions, in use, against what a careful person says is stale after each write. Descriptions
 * that are too large for this repository are looked for in the folder UNSTALE_DESCRIPTIONS.
 */

const folders = ['test/openapi/published', ...(process.env.UNSTALE_DESCRIPTIONS ?? '').split(':')];
const fileOf = (name: string): string | undefined =>
  folders.map((folder) => join(folder, name)).find((file) => file !== name && existsSync(file));

for (const world of worlds) {
  const file = fileOf(world.description);
  test.skipIf(file === undefined)(`${world.name}: no write leaves a stale response`, { timeout: 120_000 }, async () => {
    const read = (path: string): string => readFileSync(join(dirname(file ?? ''), path), 'utf8');
    const text = writeDraft(draftConfig(readFileSync(file ?? '', 'utf8'), { read }), world.description);
    const { right, missed, needless, unstored } = await measured(world, text);
    const recall = right / (right + missed.length);
    const precision = right / (right + needless.length);
    const figures = `recall ${recall.toFixed(2)}, precision ${precision.toFixed(2)}`;
    const counts = `${right} dropped, ${needless.length} needlessly; ${unstored.size} not stored`;
    process.stdout.write(`${world.name}: ${figures} (${counts})\n`);
    if (process.env.UNSTALE_NEEDLESS !== undefined)
      process.stdout.write(needless.map((each) => `  needless: ${each}\n`).join(''));
    expect(missed).toEqual([]);
    expect(right).toBeGreaterThan(20);
  });
}
