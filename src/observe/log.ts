import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from '../config/model.ts';

export type { Logger };

/** Fields whose values are credentials: whatever object they are logged in, they are not written. */
const secrets = ['authorization', 'cookie', 'set-cookie', 'proxy-authorization', 'x-api-key', 'token', 'password'];

/** JSON lines on standard output, or on `destination`. */
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
