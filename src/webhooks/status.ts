import { idOf } from './message.ts';
import type { Queue } from './queue.ts';

/** How an endpoint stands, as operators see it. It shows no secret: neither the URL nor what is sent. */
export interface EndpointStatus {
  readonly name: string;
  /** `unknown`: no node delivers to it now. */
  readonly state: 'enabled' | 'failing' | 'disabled' | 'unknown';
  readonly waiting: number;
  /** Of the message that is next. */
  readonly attempts: number;
  /** Why the last attempt has failed. */
  readonly reason?: string;
  /** ISO 8601: when the next attempt is due. Absent if nothing waits. */
  readonly nextAttemptAt?: string;
  /** The id of the last event that was looked at. */
  readonly position?: string;
  readonly dead: readonly {
    readonly id: string;
    readonly type: string;
    readonly failedAt: string;
    readonly reason: string;
  }[];
}

export function statusOf(name: string, queue: Queue | undefined): EndpointStatus {
  if (queue === undefined) return { name, state: 'unknown', waiting: 0, attempts: 0, dead: [] };
  const { disabled, failure, waiting, attempts, dueAt, position, dead } = queue;
  return {
    name,
    state: disabled ? 'disabled' : failure !== null ? 'failing' : 'enabled',
    waiting: waiting.length,
    attempts,
    ...(failure !== null && { reason: failure }),
    ...(waiting.length > 0 && { nextAttemptAt: new Date(dueAt).toISOString() }),
    position,
    dead: dead.map(({ message, failedAt, reason }) => ({
      id: idOf(message),
      type: message.kind === 'event' ? message.event.type : 'resync',
      failedAt,
      reason,
    })),
  };
}
