import type { Soon } from '../clock.ts';
import type { Bus, Seq } from './bus.ts';
import type { Lease } from './lease.ts';
import type { SharedLogListener } from './log.ts';
import type { Membership } from './membership.ts';
import type { OutboxOptions } from './outbox.ts';
import type { Publish } from './publisher.ts';

export interface ClusterLogOptions extends OutboxOptions {
  readonly bus: Bus;
  /** When the steps of concurrent writes leave together (group-commit.ts). */
  readonly soon?: Soon | undefined;
  readonly leaseMs: number;
  readonly listener: SharedLogListener;
  /** Undefined: the nodes share no tier. */
  readonly publish?: Publish | undefined;
  /** Names a new epoch: letters, digits and "_". */
  nonce(): string;
  /** Replaced in tests that take a check out. */
  readonly lease?: Lease;
  readonly membership?: Membership;
}

/**
 * - `joining`: has no epoch, or has not joined it
 * - `catching-up`: has renewed its lease, and has yet to apply the records that the lease requires
 * - `fenced`: holds no lease
 * - `undelivered`: has acknowledged writes whose records have not reached the bus
 * - `serving`: may serve from memory
 */
export type ClusterState = 'joining' | 'catching-up' | 'fenced' | 'undelivered' | 'serving';

export interface ClusterStatus {
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

export function stateOf(node: {
  readonly joined: boolean;
  readonly serving: boolean;
  readonly hasUndelivered: boolean;
  readonly catchingUp: boolean;
}): ClusterState {
  if (!node.joined) return 'joining';
  if (node.serving) return 'serving';
  if (node.hasUndelivered) return 'undelivered';
  return node.catchingUp ? 'catching-up' : 'fenced';
}
