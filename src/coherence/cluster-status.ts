import type { Seq } from './bus.ts';
import type { Lease } from './lease.ts';
import type { SharedLogListener } from './log.ts';
import type { Membership } from './membership.ts';
import type { OutboxOptions } from './outbox.ts';
import type { Publish } from './publisher.ts';

export interface ClusterLogOptions extends OutboxOptions {
  readonly leaseMs: number;
  readonly listener: SharedLogListener;
  /** Undefined: the nodes share no tier. */
  readonly publish?: Publish | undefined;
  /** Names a new epoch: letters, digits and "_". */
  nonce(): string;
  failed(error: unknown): void;
  /** Replaced in tests that take a check out. */
  readonly lease?: Lease;
  readonly membership?: Membership;
}

export type ClusterState = 'joining' | 'catching-up' | 'fenced' | 'undelivered' | 'serving';

export interface ClusterStatus {
  /** What it waits for: the bus, records, a lease, or to tell others what it has acknowledged. */
  readonly state: ClusterState;
  readonly epoch: string;
  readonly applied: Seq;
  readonly committed: Seq;
  readonly members: readonly string[];
  readonly intents: number;
  readonly queued: number;
  readonly resets: number;
  readonly evictions: number;
}

export function stateOf(
  log: { readonly joined: boolean; serving(): boolean },
  owes: boolean,
  catchingUp: boolean,
): ClusterState {
  if (!log.joined) return 'joining';
  if (log.serving()) return 'serving';
  if (owes) return 'undelivered';
  return catchingUp ? 'catching-up' : 'fenced';
}
