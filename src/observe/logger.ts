import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from '../config/model.ts';
import { commonCredentials, isCredential } from '../http/credentials.ts';

export type { Logger };

/** Further names under which secrets are known. */
const others = new Set(['set-cookie', 'token', 'password']);
/** How deep a logged object is searched: as deep as error objects hold a request and its fields. */
const MAX_DEPTH = 4;

/**
 * Writes JSON lines to standard output, or to `destination`. In any logged object, members are redacted that are named
 * after a field with credentials; `credentials` has those of the configuration.
 */
export function createLogger(
  level: LogLevel,
  destination?: DestinationStream,
  credentials: ReadonlySet<string> = commonCredentials,
): Logger {
  const isSecret = (name: string): boolean => {
    const lower = name.toLowerCase();
    return others.has(lower) || isCredential(lower, credentials);
  };
  // Pino's own redaction takes longer with each name, and made a line of the log ten times as dear.
  const formatters = { log: (logged: object) => redacted(logged, isSecret, MAX_DEPTH) as Record<string, unknown> };
  const options = { level, base: {}, formatters };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** A copy with the prototype: an error stays one, with its message and stack, which are no entries. */
const sameKind = (value: object): object =>
  Object.create(Object.getPrototypeOf(value) as object, Object.getOwnPropertyDescriptors(value)) as object;

/** The value itself if it holds no secret. */
function redacted(value: unknown, isSecret: (name: string) => boolean, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth === 0) return value;
  let copy: object | undefined;
  for (const [name, member] of Object.entries(value)) {
    const shown = isSecret(name) ? '[redacted]' : redacted(member, isSecret, depth - 1);
    if (shown === member) continue;
    copy ??= Array.isArray(value) ? [...value] : sameKind(value);
    Object.defineProperty(copy, name, { value: shown, enumerable: true });
  }
  return copy ?? value;
}
