import { randomBytes } from 'node:crypto';
import { type Clock, isoTime } from '../clock.ts';
import type { Appended, AppendOptions, Conflicting, Log, LogListener, Note, SharedTurn } from './log.ts';
import { type Invalidation, recordOf } from './record.ts';
import { parseToken } from './token.ts';

/** Writes in flight on this node are in its own index (in-flight.ts), and there are no other nodes. */
const none: Conflicting = { known: true, writes: [] };

/** There is nobody else to take it. */
const onlyNode: SharedTurn = { holds: () => true, end: () => {} };

/** The log of a single gateway: a counter. A record that is applied here is applied everywhere. */
export class MemoryLog implements Log {
  /** A nonce for each start: positions from before a restart are void. */
  readonly epoch = randomBytes(6).toString('base64url').replaceAll('-', '_');
  readonly #clock: Clock;
  readonly #listener: LogListener;
  #position = 0;

  constructor(clock: Clock, listener: LogListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  // Not an async function: the record must be effective when append returns, before anything else can run.
  append(invalidation: Invalidation, { local, keepsNote = false }: AppendOptions = {}): Promise<Appended> {
    const position = ++this.#position;
    const record = recordOf(invalidation, { position, id: undefined, at: isoTime(this.#clock.wall()) });
    local?.applying();
    const removed = this.#listener.applied(record);
    local?.applied(record);
    this.#listener.committed(record);
    return Promise.resolve({ record, removed, applied: true, held: keepsNote, conflicting: [] });
  }

  /** Nothing to do: there is no node that could take the write over. */
  note(): Promise<Note> {
    return Promise.resolve({ id: '' });
  }

  withdraw(): void {}

  abandon(): void {}

  conflicting(): Promise<Conflicting> {
    return Promise.resolve(none);
  }

  ended(): Promise<boolean> {
    return Promise.resolve(true);
  }

  turn(): SharedTurn {
    return onlyNode;
  }

  serving(): boolean {
    return true;
  }

  tokenOf(): string {
    return `${this.epoch}-${this.#position}`;
  }

  reached(token: string): Promise<boolean> {
    const at = parseToken(token);
    return Promise.resolve(at !== undefined && at.epoch === this.epoch && at.seq <= this.#position);
  }
}
