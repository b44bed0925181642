import type { Client } from './client.ts';
import type { EventStream } from './event-stream.ts';
import type { Screen } from './screen.ts';

/** What the acts are played on. */
export interface Stage {
  readonly gateway: string;
  /** The API itself, which always has the current state. */
  readonly api: string;
  readonly client: Client;
  readonly events: EventStream;
  readonly screen: Screen;
}

/** Timeout for an event. Normally it is sent before the answer of the write. */
export const EVENT_WAIT_MS = 5_000;
