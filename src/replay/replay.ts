import type { GatewayConfig } from '../config/model.ts';
import { Player } from './player.ts';
import { LogFacts, type ReadOptions, readLog } from './read-log.ts';
import { type ReplayReport, reportOf } from './report.ts';

export interface ReplayOptions extends ReadOptions {
  /** Lifetime of responses whose route leaves it to the API, in an access log, which has no header fields. */
  readonly assumedTtlMs?: number | undefined;
  /** Called now and then with the number of lines read. */
  readonly progress?: (lines: number) => void;
}

/** Plays a log through a configuration, in the time of the log. Opens no socket. @throws ReplayError */
export async function replayLog(
  input: AsyncIterable<Buffer | string>,
  config: GatewayConfig,
  options: ReplayOptions = {},
): Promise<ReplayReport> {
  const facts = new LogFacts();
  const player = new Player(config, options.assumedTtlMs);
  for await (const due of readLog(input, options, facts)) {
    for (const each of due) await player.play(each);
    options.progress?.(facts.lines);
  }
  await player.end();
  return reportOf({ facts, player, config, assumedTtlMs: options.assumedTtlMs });
}
