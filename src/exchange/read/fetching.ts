import type { Position } from '../../coherence/record.ts';
import type { Reply } from '../ports.ts';
import type { Forward } from './decide.ts';
import type { Flight } from './flights.ts';
import type { Read } from './read-ports.ts';

/** What is to be asked of the origin. */
export interface Asked {
  readonly read: Read;
  readonly decision: Forward;
  /** Under which others may wait for the answer. */
  readonly flightKey: string | undefined;
  /** Of the client that asked; undefined where none did. */
  readonly reply: Reply | undefined;
}

/** It is being asked: as of when, and who else waits for it. */
export interface Fetching extends Asked {
  readonly asOf: Position;
  readonly flight: Flight | undefined;
}
