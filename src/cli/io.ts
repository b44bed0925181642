/** Where text goes. `isTTY`: a terminal, with people before it. */
export interface TextOutput {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** What a command needs of its process. */
export interface CliIo {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** Calls the listener for each request to end. @returns the way to stop that */
  onSignal(listener: () => void): () => void;
  /** Ends the process at once, whatever it is doing. */
  exit(code: number): void;
}

export const exitCodes = { fine: 0, failed: 1, usage: 2 } as const;

/** https://no-color.org: any value but the empty one. */
export function wantsColor(output: TextOutput, env: NodeJS.ProcessEnv): boolean {
  return output.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

/** A mistake in how a command is used, or something that it needs and cannot have. Told without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;
  constructor(message: string, exitCode: number = exitCodes.failed, options?: { cause?: unknown }) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

export function processIo(): CliIo {
  return {
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    onSignal: (listener) => {
      const signals = ['SIGTERM', 'SIGINT'] as const;
      for (const signal of signals) process.on(signal, listener);
      return () => {
        for (const signal of signals) process.off(signal, listener);
      };
    },
    exit: (code) => process.exit(code),
  };
}
