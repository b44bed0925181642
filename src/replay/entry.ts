import type { FieldLines } from '../http/fields.ts';
import type { Json } from '../rules/types.ts';

/** One exchange of a log, as far as the log tells it. Times are wall clock, in milliseconds since 1970. */
export interface Entry {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly method: string;
  /** As in a request line: path and query. */
  readonly target: string;
  /** In lower case; undefined if the log names none. */
  readonly host: string | undefined;
  readonly status: number;
  /** Octets of the response's body as sent; 0 for a 304. */
  readonly bytes: number;
  readonly requestHeaders: FieldLines;
  readonly responseHeaders: FieldLines;
  /** Undefined: the log has no bodies, and no header fields of responses. */
  readonly bodies: Bodies | undefined;
}

export interface Bodies {
  readonly request: Json;
  /** Undefined: the log left it out. */
  readonly response: Buffer | undefined;
}

/** A problem of one line or of one entry of a HAR, for people. */
export interface Unreadable {
  /** Counted from 1. */
  readonly at: number;
  readonly reason: string;
  /** The beginning of the line. */
  readonly excerpt: string;
}

/** A log that cannot be replayed at all. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError';
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}
