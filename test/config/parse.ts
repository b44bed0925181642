import { parseConfig } from '../../src/config/load.ts';
import type { GatewayConfig } from '../../src/config/model.ts';
import { ConfigError, type Problem } from '../../src/config/problem.ts';

export interface Given {
  readonly env?: NodeJS.ProcessEnv;
  /** Path → text of the files that may be included. */
  readonly files?: Readonly<Record<string, string>>;
}

function load(text: string, { env = {}, files = {} }: Given) {
  return parseConfig(text, {
    file: 'gateway.yaml',
    env,
    readFile: (path) => {
      const found = files[path];
      if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return found;
    },
    readFolder: (folder) => {
      const prefix = folder === '.' ? '' : `${folder}/`;
      const below = Object.keys(files).filter((path) => path.startsWith(prefix));
      return [...new Set(below.map((path) => path.slice(prefix.length).split('/')[0] ?? ''))].reverse();
    },
  });
}

export function configOf(text: string, given: Given = {}): GatewayConfig {
  return load(text, given).config;
}

export function warningsOf(text: string, given: Given = {}): readonly Problem[] {
  return load(text, given).warnings;
}

/** What is wrong with a configuration that must be refused. */
export function problemsOf(text: string, given: Given = {}): readonly Problem[] {
  try {
    load(text, given);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

/** `file:line:column message | hint`, one for each problem. */
export function lines(problems: readonly Problem[]): string[] {
  return problems.map(
    ({ file, line, column, message, hint, severity }) =>
      `${file}:${line}:${column} ${severity === 'warning' ? 'warning: ' : ''}${message} | ${hint}`,
  );
}
