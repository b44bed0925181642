import { type DestinationStream, type Logger, pino, type SerializedError } from 'pino';
import type { LogLevel } from '../config/model.ts';
import { OriginError } from '../errors.ts';

export type { Logger };

/** Lines are written in batches of this size (pino takes less than 16 KiB), and at least this often. */
const BATCH_BYTES = 8 * 1024;
const FLUSH_MS = 100;

/**
 * Writes JSON lines to standard output, or to `destination`. Whoever logs a line picks its members. None of them holds
 * header fields, queries or bodies, so nothing has to be redacted.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = { level, base: {}, serializers: { err: described } };
  const stdout = (): DestinationStream =>
    pino.destination({ dest: 1, sync: false, minLength: BATCH_BYTES, periodicFlush: FLUSH_MS });
  return pino(options, destination ?? stdout());
}

/**
 * An error without its other members: those of libraries hold header fields, or the arguments of an AUTH command. What
 * an origin does wrong has no stack either: it is that of the library, and the same each time.
 */
function described(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { type, message, stack, code }: SerializedError = pino.stdSerializers.err(error);
  const shown = error instanceof OriginError ? undefined : stack;
  return { type, message, stack: shown, ...(code !== undefined && { code: code as unknown }) };
}
