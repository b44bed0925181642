import { formatProblems } from '../config/format-problems.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { ConfigError, type Problem } from '../config/problem.ts';
import { type CliIo, wantsColor } from './io.ts';

/** The option of every command that reads a configuration. */
export const configOption = ['-c, --config <file>', 'the configuration file', 'gateway.yaml'] as const;

/** Of the same commands. */
export const profileOption = [
  '--profile <name>',
  'the profile to lay over the configuration (UNSTALE_PROFILE)',
] as const;

/** Options of every command that reads a configuration. */
export interface ConfigurationOptions {
  readonly config: string;
  readonly profile?: string | undefined;
}

/** The configuration, or its problems. */
export function readConfiguration(
  { config, profile }: ConfigurationOptions,
  io: CliIo,
): LoadedConfig | { readonly problems: readonly Problem[] } {
  try {
    return loadConfig(config, io.env, profile);
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems };
    throw error;
  }
}

/** Prints problems on standard error, for people. */
export function showProblems(problems: readonly Problem[], io: CliIo): void {
  if (problems.length > 0) io.stderr.write(formatProblems(problems, { color: wantsColor(io.stderr, io.env) }));
}

/** `1 error`, `2 warnings`. */
export function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}
