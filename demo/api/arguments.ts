import { parseArgs } from 'node:util';
import { defaultLatencyMs } from './travel-api.ts';

export interface Arguments {
  readonly host: string;
  readonly port: number;
  readonly latencyMs: readonly [number, number];
}

export const usage = 'usage: main.js [--host 127.0.0.1] [--port 4000] [--latency 30-80 (milliseconds)]';

/** Slow answers are a purpose of this API, but not beyond a minute. */
const MAX_LATENCY_MS = 60_000;

/** @throws Error that says which argument is wrong */
export function parseArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: { host: { type: 'string' }, port: { type: 'string' }, latency: { type: 'string' } },
  });
  return {
    host: values.host ?? '127.0.0.1',
    port: values.port === undefined ? 4000 : portIn(values.port),
    latencyMs: values.latency === undefined ? defaultLatencyMs : latencyIn(values.latency),
  };
}

function portIn(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new Error(`--port must be a number from 0 to 65535, not "${text}"`);
}

/** `30-80`, or `50` for exactly that. */
function latencyIn(text: string): readonly [number, number] {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const least = Number(found?.[1]);
  const most = Number(found?.[2] ?? found?.[1]);
  if (least <= most && most <= MAX_LATENCY_MS) return [least, most];
  throw new Error(`--latency must be like 30-80, at most ${MAX_LATENCY_MS}, not "${text}"`);
}
