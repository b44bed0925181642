import type { Timers } from '../clock.ts';
import type { Inheritance, WriteInFlight } from './in-flight.ts';
import type { Beside, Committed, Intent, Log } from './log.ts';
import type { Invalidation } from './record.ts';

/** How long a write waits for others to the same resource, which may be slow uploads, before it widens what it hits. */
const MAX_WAIT_BESIDE_MS = 2_000;

export interface WriteToRecord {
  readonly intent: Intent | undefined;
  readonly beside?: Beside | undefined;
  /** Resources, its own among them, that its targets were selected from. */
  readonly dependsOn?: readonly string[] | undefined;
  /** Of a write whose targets depend on what its resource was before. */
  readonly inFlight: WriteInFlight | undefined;
  readonly timers: Timers;
  /** What it made wrong, with what it takes over from writes beside it. */
  invalidation(inherited: Inheritance | undefined): Invalidation;
  /** Called when its own record is made, whatever else there is to wait for. */
  made?(committed: Committed): void;
  /** What it may have made wrong, where it is not known what the resources that it depends on were before. */
  widened(): Invalidation;
}

/**
 * Appends the record of a write, and whatever else has to be in the log before its client is answered (invariants 3 and 5):
 * what the records say that came before it while it was on its way, and the records of those that it may have overtaken.
 */
export async function recordWrite(log: Log, write: WriteToRecord): Promise<Committed> {
  const { intent, inFlight } = write;
  const invalidation = write.invalidation(inFlight?.inherited());
  const { beside, dependsOn } = write;
  inFlight?.dependsOn(dependsOn ?? []);
  const asks = inFlight === undefined ? {} : { dependsOn };
  const committed = await log.append(invalidation, { intent, ...asks, beside });
  write.made?.(committed);
  if (inFlight === undefined) return committed;
  const missed = inFlight.missed(invalidation.hits);
  if (missed !== undefined)
    await log.append({ hits: missed.hits, announcements: write.invalidation(missed).announcements });
  inFlight.recorded();
  if (!committed.applied || !(await othersRecorded(write, inFlight, committed))) await log.append(write.widened());
  return committed;
}

/** False where one of them was not recorded within the bound: where it may have put the resource is not known. */
function othersRecorded({ timers }: WriteToRecord, inFlight: WriteInFlight, committed: Committed): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = timers.after(MAX_WAIT_BESIDE_MS, () => resolve(false));
    Promise.all([inFlight.othersRecorded(), committed.othersRecorded()])
      .then(([, known]) => resolve(known), reject)
      .finally(cancel);
  });
}
