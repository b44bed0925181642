import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundled } from '../support/shared.ts';
import { files, folder, open, pathsIn, runWith, told, useJournalRig } from './journal-rig.ts';

useJournalRig();

describe('a process that is disturbed at any step', () => {
  const steps = Array.from({ length: 27 }, (_, i) => i + 1);

  let script: string;
  beforeAll(async () => {
    script = await bundled('test/snapshot/journal-process.mjs');
  });

  interface Told {
    readonly said: readonly string[];
    /** The segment of a snapshot that was in place before. */
    readonly old: string;
    /** The segment of the snapshot that the process put in place, if it came so far. */
    readonly own: string | undefined;
  }

  function play(at: number, how: string, log?: string): Told {
    const { journal, segment: old } = runWith(['/0']);
    journal.end();
    const { stdout } = spawnSync(process.execPath, ['--import', './test/snapshot/disturb-at.mjs', script, folder], {
      encoding: 'utf8',
      env: {
        ...process.env,
        ...{ DISTURB_IN: folder, DISTURB_AT: String(at), DISTURB_HOW: how },
        ...(log !== undefined && { DISTURB_LOG: log }),
      },
    });
    const said = stdout.trim().split('\n');
    const own = said.find((line) => line.startsWith('snapshot '))?.slice('snapshot '.length);
    return { said, old, own };
  }

  const answered = (said: readonly string[]): string[] =>
    said.flatMap((line) => (line.startsWith('answered ') ? line.slice('answered '.length) : []));

  test.each(['kill', 'torn', 'full'].flatMap((how) => steps.map((at): [string, number] => [how, at])))(
    '%s, step %i: nothing that was answered is missing, or that is known',
    async (how, at) => {
      const { said, old, own } = play(at, how);
      const writes = answered(said);
      const wroteEnd = readFileSync(join(folder, files().at(-1) ?? ''), 'utf8').endsWith(' end \n');
      const next = open();
      const missed = { old: await next.since(old), own: own === undefined ? undefined : await next.since(own) };
      const served = said.includes('serves');
      if (missed.old.known) expect(pathsIn(missed.old)).toEqual(['/0', ...writes].sort());
      if (served && how !== 'full') expect(missed.old.known).toBe(said.includes('ended') && own === undefined);
      const since = writes.filter((path) => path !== '/a');
      if (missed.own?.known) expect(pathsIn(missed.own)).toEqual(since);
      // Of a process that was killed, each write that it had answered is in the journal.
      if (missed.own !== undefined && how !== 'full')
        expect(pathsIn(missed.own)).toEqual(expect.arrayContaining(since));
      if (how !== 'full') expect(missed.own?.known ?? false).toBe(own !== undefined && wroteEnd);
    },
  );

  test('not at all: what the snapshot missed is known, and no step is left out above', async () => {
    const log = join(folder, 'steps');
    const { said, own } = play(0, 'kill', log);
    expect(said.at(-1)).toBe('ended');
    expect(readFileSync(log, 'utf8').trim().split('\n')).toHaveLength(steps.length);
    expect(told(await open().since(String(own)))).toEqual({ why: 'known', paths: ['/b', '/c', '/d'] });
  });
});
