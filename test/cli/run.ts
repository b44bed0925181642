import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { CliIo } from '../../src/cli/io.ts';
import { main } from '../../src/cli/program.ts';

export interface Terminal {
  readonly isTTY?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string;
}

/** A command under way, its output captured. */
export interface Running {
  readonly code: Promise<number>;
  stdout(): string;
  stderr(): string;
  /** Codes that `exit` was called with. */
  readonly exits: readonly number[];
  signal(): void;
  /** Signals are listened to. */
  isListening(): boolean;
  /** Resolves once standard output holds the text; rejects when the command ends without. */
  printed(text: string): Promise<void>;
}

export function start(argv: readonly string[], { isTTY = false, env = {}, stdin = '' }: Terminal = {}): Running {
  const exits: number[] = [];
  const listeners = new Set<() => void>();
  const waiting = new Set<() => void>();
  let stdout = '';
  let stderr = '';
  const io: CliIo = {
    env,
    stdin: Readable.from([stdin]),
    stdout: {
      isTTY,
      write: (text) => {
        stdout += text;
        for (const look of waiting) look();
      },
    },
    stderr: {
      isTTY,
      write: (text) => {
        stderr += text;
      },
    },
    onSignal: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    exit: (code) => {
      exits.push(code);
    },
  };
  const code = main(argv, io);
  return {
    code,
    stdout: () => stdout,
    stderr: () => stderr,
    exits,
    signal: () => {
      for (const listener of listeners) listener();
    },
    isListening: () => listeners.size > 0,
    printed: (text) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if (stdout.includes(text)) resolve();
        };
        waiting.add(look);
        look();
        code.then(() => reject(new Error(`it ended without printing ${text}: ${stdout}${stderr}`)), reject);
      }),
  };
}

export async function run(argv: readonly string[], terminal: Terminal = {}) {
  const running = start(argv, terminal);
  const code = await running.code;
  return { code, stdout: running.stdout(), stderr: running.stderr() };
}

/** A configuration on disk until the test ends. @returns its path */
export function configFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'unstale-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'gateway.yaml');
  writeFileSync(file, text);
  return file;
}
