import { MissedRecords } from '../../src/coherence/missed-records.ts';
import { shapeOf, snapshotFingerprint } from '../../src/fingerprints.ts';
import { FileJournal } from '../../src/snapshot/journal.ts';
import { Lineage } from '../../src/snapshot/lineage.ts';
import { Matcher } from '../../src/snapshot/matcher.ts';
import { SnapshotFile } from '../../src/snapshot/read-file.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { launched, type Switches } from './life.ts';

/** One check taken out. */
export interface Mutant {
  readonly name: string;
  /** Under which it shows. */
  readonly switches: Partial<Switches>;
  /** A life that has shown it, tried first: it may be another one after a change, or on a slower machine. */
  readonly seed: number;
  /** Returns a function that puts the check back. */
  take(): () => void;
}

type Methods<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T];

function replaced<T, K extends Methods<T>>(of: { prototype: T }, name: K, by: (original: T[K]) => T[K]): () => void {
  const original = of.prototype[name];
  of.prototype[name] = by(original);
  return () => {
    of.prototype[name] = original;
  };
}

/** Opens each file as one of the present configuration. */
function withoutFingerprint(): () => void {
  const { open } = SnapshotFile;
  SnapshotFile.open = async (path) => {
    const file = await open.call(SnapshotFile, path);
    const { config } = launched;
    const fingerprint = config && snapshotFingerprint(shapeOf(config), config);
    Object.defineProperty(file, 'header', { value: { ...file.header, fingerprint } });
    return file;
  };
  return () => {
    SnapshotFile.open = open;
  };
}

function believingAnyRun(): () => void {
  return replaced(Lineage, 'id', () => async () => 'the same');
}

export const mutants: readonly Mutant[] = [
  {
    name: 'the journal is not read',
    seed: 2,
    switches: { load: 'trust', save: 'stop', redis: false },
    take: () => replaced(FileJournal, 'since', () => async () => ({ known: true, coverages: [] })),
  },
  {
    name: 'the journal is not written',
    seed: 16,
    switches: { load: 'trust', save: 'stop', redis: false },
    take: () => replaced(FileJournal, 'append', () => () => {}),
  },
  {
    name: 'a run that did not end is believed to have ended',
    seed: 4,
    switches: { load: 'trust', save: 'stop', redis: false },
    take: () =>
      replaced(
        FileJournal,
        'since',
        (since) =>
          async function (this: FileJournal, segment) {
            const { coverages } = await since.call(this, segment);
            return { known: true, coverages };
          },
      ),
  },
  {
    name: 'the records of the other nodes are not read back',
    seed: 1,
    switches: { load: 'trust', save: 'stop', redis: true },
    take: () =>
      replaced(
        MissedRecords,
        'since',
        (since) =>
          async function (this: MissedRecords, mark) {
            const { asOf } = await since.call(this, mark);
            return { known: true, coverages: [], asOf };
          },
      ),
  },
  {
    name: 'what was missed is not compared with',
    seed: 16,
    switches: { load: 'trust', save: 'stop', redis: false },
    take: () => replaced(Matcher, 'covers', () => () => false),
  },
  {
    name: 'what the origin has to confirm is served',
    seed: 1,
    switches: { load: 'revalidate', save: 'stop', redis: false },
    take: () =>
      replaced(
        MemoryStore,
        'restore',
        (restore) =>
          function (this: MemoryStore, response, loadedAt, maxBytes) {
            return restore.call(this, response.with({ asOf: loadedAt }), loadedAt, maxBytes);
          },
      ),
  },
  {
    // Nearly always, either check is enough. Each alone: restart.test.ts, lineage.test.ts.
    name: 'a snapshot of other rules is loaded, and their runs taken for these',
    seed: 30,
    switches: { load: 'trust', save: 'stop', redis: false },
    take: () => {
      const putBack = [withoutFingerprint(), believingAnyRun()];
      return () => {
        for (const each of putBack) each();
      };
    },
  },
];
