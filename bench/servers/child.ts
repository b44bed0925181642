import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';

/** How much of the end of stderr is kept for the message if the process fails. */
const keptStderr = 4096;
/** A process that has not exited this long after it was asked to stop is killed. */
const stopDeadlineMs = 5_000;

export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The kept end of stderr. */
  stderr(): string;
  /** Rejects if the process exits before it was asked to. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

export interface ChildOptions {
  /** Core to pin the process to, or a list of cores as `taskset` takes it; undefined does not pin it. */
  readonly core: number | string | undefined;
  /** Opens a channel for `process.send`. */
  readonly ipc?: boolean;
  /** A temporary working directory, removed when the process is stopped. */
  readonly scratch?: string;
}

const living = new Set<Child>();

/** Starts a program. `taskset` executes it in the same process, so the pid is the program's own. */
export function startChild(command: string, args: readonly string[], options: ChildOptions): Child {
  const pinned = options.core === undefined ? [] : ['taskset', '-c', String(options.core)];
  const [program = command, ...rest] = [...pinned, command, ...args];
  const child = spawn(program, rest, {
    stdio: ['ignore', 'ignore', 'pipe', ...(options.ipc === true ? (['ipc'] as const) : [])],
    cwd: options.scratch,
  });
  let kept = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    kept = (kept + text).slice(-keptStderr);
  });
  let stopping = false;
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (!stopping) reject(new Error(`${command} ${args.join(' ')} ended (${signal ?? code})\n${kept}`));
    });
  });
  // Callers race against this promise, but not at all times: it must not become an unhandled rejection.
  failed.catch(() => undefined);
  const self: Child = {
    process: child,
    pid: child.pid ?? 0,
    stderr: () => kept,
    failed,
    async stop() {
      stopping = true;
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        const left = once(child, 'exit');
        child.kill('SIGTERM');
        const deadline = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
        await left;
        clearTimeout(deadline);
      }
      living.delete(self);
      if (options.scratch !== undefined) rmSync(options.scratch, { recursive: true, force: true });
    },
  };
  living.add(self);
  return self;
}

/** Stops all remaining processes after a failure or an interruption. */
export async function stopAll(): Promise<void> {
  await Promise.all([...living].map((child) => child.stop()));
}
