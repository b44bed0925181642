import type { Timers } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Commits } from './commits.ts';
import type { MemberSteps } from './group-commit.ts';
import type { Intents } from './intents.ts';
import type { SharedTurn } from './log.ts';
import type { PositionWaiters } from './position-waiters.ts';
import type { LogStanding } from './standing.ts';
import { turnTerm } from './write-set.ts';

export interface SharedTurnParts {
  readonly timers: Timers;
  readonly monotonic: () => number;
  readonly intents: Intents;
  readonly steps: MemberSteps;
  readonly commits: Commits;
  readonly positionWaiters: PositionWaiters;
  readonly standing: LogStanding;
  /** Changes when this node was evicted and has become a member again. */
  membership(): number;
  holdsLease(): boolean;
  epochMismatch(sent: string, epoch: string | null): void;
  /** Withdraws an intent, and tells the bus. */
  withdraw(id: string): void;
}

/**
 * Takes a turn among the nodes. A node that wants a turn notes an intent, and asks in the same step which intents came
 * before: so of two nodes, one waits for the other. An intent ends when it is withdrawn, or when its node is evicted,
 * which is after the lease of that node has surely run out.
 *
 * So a node may send in its turn only while its lease holds and it has not been evicted. If it dies, what it has sent
 * is in quarantine, and its successor has applied the record of that before it begins.
 */
export async function takeSharedTurn(parts: SharedTurnParts, resource: string, waitMs: number): Promise<SharedTurn> {
  const { commits, standing, timers, monotonic, intents, positionWaiters, steps } = parts;
  const until = monotonic() + waitMs;
  const leftMs = (): number => Math.max(0, until - monotonic());
  // Behind the barrier, a node of the epoch before may hold a turn that the bus has forgotten.
  if (commits.barrierMs > 0) await new Promise<void>((over) => timers.after(commits.barrierMs, over));
  const { epoch, generation } = standing;
  const membership = parts.membership();
  if (!standing.joined) throw uncoordinated();
  const term = turnTerm(resource);
  const { id, answer } = intents.queue(term, epoch);
  const isVoid = (): boolean => generation !== standing.generation || membership !== parts.membership();
  try {
    const told = await answer;
    if (!told.ok) parts.epochMismatch(epoch, told.epoch);
    if (!told.ok || isVoid()) throw uncoordinated();
    const isOver = await within(intents.allEnded(told.conflicting), leftMs(), timers);
    if (isOver === undefined) throw new GatewayError('busy', 'another node is writing this resource');
    // The holder of an earlier turn may have died: the quarantine of its write has to be applied here first.
    const now = told.conflicting.length === 0 ? told : await steps.conflicting(epoch, id, term);
    if (!now.ok) parts.epochMismatch(epoch, now.epoch);
    const isApplied = now.ok && (await positionWaiters.wait(now.seq, standing.applied, leftMs()));
    if (!isOver || !isApplied || isVoid()) throw uncoordinated();
  } catch (error) {
    // The bus may have it all the same.
    intents.withdraw(id, true);
    parts.withdraw(id);
    throw error instanceof GatewayError ? error : uncoordinated(error);
  }
  return { holds: () => !isVoid() && parts.holdsLease(), end: () => parts.withdraw(id) };
}

function uncoordinated(cause?: unknown): GatewayError {
  return new GatewayError('uncoordinated', 'the write was not forwarded', { cause });
}

/** What a promise resolves with, or undefined after `ms`. */
function within<T>(promise: Promise<T>, ms: number, timers: Timers): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = timers.after(ms, () => resolve(undefined));
    promise.then(resolve, reject).finally(cancel);
  });
}
