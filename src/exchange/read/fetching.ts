import type { Position } from '../../coherence/record.ts';
import type { Reply } from '../ports.ts';
import type { Forward } from './decide.ts';
import type { Flight } from './flights.ts';
import type { Read } from './read-ports.ts';

/** A read that is to be forwarded to the origin. */
export interface Asked {
  readonly read: Read;
  readonly decision: Forward;
  /** The key under which other requests may wait for the answer. */
  readonly flightKey: string | undefined;
  /** Undefined if no client asked. */
  readonly reply: Reply | undefined;
  /** It is not of a client, and does not count as one of its requests to the origin. */
  readonly isOwn?: boolean | undefined;
}

/** A read that is being forwarded: its position, and the flight that other requests may wait for. */
export interface Fetching extends Asked {
  readonly asOf: Position;
  readonly flight: Flight | undefined;
}
