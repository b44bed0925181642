import type { Event } from '../events/event.ts';

/** A place in the log that several nodes share. */
export interface LogPosition {
  readonly epoch: string;
  readonly seq: number;
}

/** The log that several nodes share, as far as its records are committed. */
export interface LogFeed {
  /** The last committed record. Undefined while this node is not in the log. */
  end(): LogPosition | undefined;
  /**
   * The events of some records after `after`, the earliest first, up to the committed ones. `lost`: the log does not go
   * back that far. Rejects if it cannot be read now.
   */
  read(after: LogPosition): Promise<{ readonly events: readonly Event[]; readonly to: LogPosition } | 'lost'>;
}

export const textOfPosition = ({ epoch, seq }: LogPosition): string => `${epoch}-${seq}`;

/** Undefined if it is no position of a record. */
export function positionIn(text: string): LogPosition | undefined {
  const [, epoch, seq] = /^(.*)-(\d{1,15})$/.exec(text) ?? [];
  return epoch === undefined ? undefined : { epoch, seq: Number(seq) };
}
