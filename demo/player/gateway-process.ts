import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface GatewayProcess {
  readonly url: string;
  readonly adminUrl: string;
  /** Rejects if the gateway exits without having been asked to. */
  readonly failed: Promise<never>;
  /** Stops the gateway gracefully, as a supervisor would. */
  stop(): Promise<void>;
}

interface GatewayProcessOptions {
  /** The built checkout, which also has the configuration. */
  readonly root: string;
  readonly config: string;
  /** Variables that the configuration reads. */
  readonly env: Readonly<Record<string, string>>;
  /** Called for warnings and errors in the gateway's log, and for its standard error. */
  readonly onComplaint: (line: string) => void;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Longer than the gateway's own drain deadline. After it, the process is killed. */
const STOP_DEADLINE_MS = 12_000;
/** pino's level number of `warn`. */
const WARN = 40;

/** Starts the gateway as users run it: `unstale serve -c …`. Resolves once it listens. @throws if it exits before */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const program = join(options.root, 'dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [program, 'serve', '--json', '-c', options.config], {
    cwd: options.root,
    // The line with the addresses is logged at "info".
    env: { ...process.env, ...options.env, UNSTALE_LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A separate process group: otherwise Ctrl-C would reach the gateway directly, and it would treat our SIGTERM as a
    // second signal and exit at once.
    detached: true,
  });
  // If the demo itself crashes, the gateway must not keep the ports.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = endOf(child).finally(() => process.off('exit', kill));
  let stopping = false;
  const failed = ended.then((how) => {
    // A requested exit is not a failure, so the promise stays pending.
    if (stopping) return new Promise<never>(() => {});
    throw new Error(`the gateway exited unexpectedly (${how})`);
  });
  // Callers race against it. Between two races it has no listener, which must not be an unhandled rejection.
  failed.catch(() => {});
  const stop = async () => {
    stopping = true;
    child.kill('SIGTERM');
    const timer = setTimeout(kill, STOP_DEADLINE_MS);
    await ended;
    clearTimeout(timer);
  };
  try {
    return { ...(await Promise.race([listening(child, options.onComplaint), failed])), failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function endOf(child: Child): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

/** Reads the log until it ends. Resolves with the addresses once the gateway listens. */
function listening(child: Child, onComplaint: (line: string) => void): Promise<{ url: string; adminUrl: string }> {
  createInterface({ input: child.stderr }).on('line', onComplaint);
  return new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { level, msg, url, adminUrl }: Record<string, unknown> = logged(line);
      if (msg === 'listening' && typeof url === 'string' && typeof adminUrl === 'string') resolve({ url, adminUrl });
      else if (typeof level !== 'number' || level >= WARN) onComplaint(line);
    });
  });
}

/** Parses a log line; empty for other lines, such as Node's own warnings. */
function logged(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
