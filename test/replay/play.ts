import type { ReplayOptions } from '../../src/replay/replay.ts';
import { replayLog } from '../../src/replay/replay.ts';
import type { ReplayReport } from '../../src/replay/report.ts';
import { configOf } from '../config/parse.ts';

export const START = Date.parse('2026-11-21T10:00:00Z');

export interface Logged {
  readonly status?: number;
  readonly bytes?: number;
  /** In seconds; undefined: the log has none. */
  readonly took?: number;
  readonly user?: string;
  readonly host?: string;
}

/** A line of a log: `10.5` seconds after the start, `GET /steps/7`. */
export function line(endedAt: number, request: string, logged: Logged = {}): string {
  const { status = 200, bytes = 100, took, user = '-', host } = logged;
  const time = new Date(START + endedAt * 1000).toISOString();
  const behind = took === undefined ? '' : ` ${took.toFixed(3)}`;
  const inFront = host === undefined ? '' : `${host}:443 `;
  return `${inFront}10.0.0.1 - ${user} [${time}] "${request} HTTP/1.1" ${status} ${bytes} "-" "-"${behind}`;
}

async function* chunks(text: string, size = 1000): AsyncGenerator<Buffer> {
  const octets = Buffer.from(text);
  for (let i = 0; i < octets.length; i += size) yield octets.subarray(i, i + size);
}

/** Plays lines through a configuration; `origin` is added to it. */
export function replayOf(yaml: string, lines: readonly string[], options: ReplayOptions = {}): Promise<ReplayReport> {
  const config = configOf(`origin: { url: http://api.example }\n${yaml}`);
  return replayLog(chunks(`${lines.join('\n')}\n`), config, options);
}
