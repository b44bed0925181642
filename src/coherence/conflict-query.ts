import type { Timers } from '../clock.ts';
import type { Seq } from './bus.ts';
import type { Commits } from './commits.ts';
import type { MemberSteps } from './group-commit.ts';
import { surelyOverMs } from './lease.ts';
import type { Conflicting, Note } from './log.ts';
import type { PositionWaiters } from './position-waiters.ts';
import type { LogStanding } from './standing.ts';
import { encodeTerms, type Term } from './write-set.ts';

export interface ConflictQueryOptions {
  readonly steps: MemberSteps;
  readonly timers: Timers;
  readonly mode: 'strict' | 'eventual';
  readonly commits: Commits;
  readonly positionWaiters: PositionWaiters;
  /** An answer is void if the standing changes before it arrives. */
  readonly standing: LogStanding;
  epochMismatch(sent: string, epoch: string | null): void;
}

const unknown: Conflicting = { known: false, writes: [] };

/**
 * Asks the bus which writes conflict with one that has nothing to record. Then waits until every record in the log at
 * that time is effective: committed under `strict`, applied on this node under `eventual`.
 */
export async function askConflicting(
  { steps, timers, mode, commits, positionWaiters, standing, epochMismatch }: ConflictQueryOptions,
  { id }: Note,
  probes: ReadonlySet<Term>,
): Promise<Conflicting> {
  const { epoch, generation, leaseMs } = standing;
  try {
    // Only then has every node noted its writes in this epoch, and none serves what it held before.
    if (commits.barrierMs > 0) await new Promise<void>((over) => timers.after(commits.barrierMs, over));
    const answer = await steps.conflicting(epoch, id, encodeTerms(probes));
    if (!answer.ok) epochMismatch(epoch, answer.epoch);
    if (!answer.ok || generation !== standing.generation) return unknown;
    const { seq, conflicting: writes } = answer;
    const isEffective =
      mode === 'eventual'
        ? await positionWaiters.wait(seq, standing.applied, leaseMs)
        : await isCommitted(commits, timers, { seq, leaseMs, isApplied: () => standing.applied >= seq });
    return isEffective && generation === standing.generation ? { known: true, writes } : unknown;
  } catch {
    return unknown;
  }
}

/** A node that has not applied the record can only hold a lease granted before now. It runs out during this wait. */
function isCommitted(
  commits: Commits,
  timers: Timers,
  { seq, leaseMs, isApplied }: { seq: Seq; leaseMs: number; isApplied: () => boolean },
): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = timers.after(surelyOverMs(leaseMs), () => resolve(isApplied()));
    commits.when(seq, () => {
      cancel();
      resolve(true);
    });
  });
}
