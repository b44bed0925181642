import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Missed } from '../../src/coherence/missed.ts';
import { type Coverage, pathTag } from '../../src/coherence/tag.ts';
import { FileJournal, type FileJournalOptions } from '../../src/snapshot/journal.ts';

/* Journals in a folder of the test. */

export let folder: string;

/** Called by each file that uses this: the folder is made anew for each of its tests. */
export function useJournalRig(): void {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'unstale-journal-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
}

export const covering = (...paths: string[]): Coverage => ({
  tags: new Set(paths.map(pathTag)),
  patterns: [],
  tagPatterns: [],
});
export const open = (bounds?: FileJournalOptions['bounds']): FileJournal =>
  FileJournal.open(folder, { failed: () => {}, ...(bounds && { bounds }) });
export const files = (): string[] => readdirSync(folder).sort();
export const pathOf = (number: number): string => join(folder, `journal-${number}`);
export const pathsIn = ({ coverages }: Missed): string[] =>
  coverages.flatMap(({ tags, patterns }) => [...[...tags].map((tag) => tag.slice(2)), ...patterns]).sort();
export const told = (missed: Missed): unknown => ({ why: missed.known ? 'known' : missed.why, paths: pathsIn(missed) });

/** A run that began a snapshot and went on. */
export function runWith(
  paths: readonly string[],
  before: readonly string[] = [],
): { journal: FileJournal; segment: string } {
  const journal = open();
  for (const path of before) journal.append(covering(path));
  const segment = journal.rotate();
  for (const path of paths) journal.append(covering(path));
  return { journal, segment };
}
