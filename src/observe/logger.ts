import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from '../config/model.ts';

export type { Logger };

/** Fields that hold credentials. They are redacted in any logged object. */
const secrets = ['authorization', 'cookie', 'set-cookie', 'proxy-authorization', 'x-api-key', 'token', 'password'];

/** Writes JSON lines to standard output, or to `destination`. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: {},
    redact: {
      paths: secrets.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
      censor: '[redacted]',
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
