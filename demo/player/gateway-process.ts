import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface GatewayProcess {
  readonly url: string;
  readonly adminUrl: string;
  /** Rejects when the gateway ends without having been asked to. */
  readonly failed: Promise<never>;
  /** Lets it drain, as a supervisor would. */
  stop(): Promise<void>;
}

interface GatewayProcessOptions {
  /** The built checkout; the configuration is looked for in it too. */
  readonly root: string;
  readonly config: string;
  /** What the configuration reads. */
  readonly env: Readonly<Record<string, string>>;
  /** Told of warnings and errors in the gateway's log, and of what it writes to standard error. */
  readonly onComplaint: (line: string) => void;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Above the gateway's own drain deadline; after it the process is killed. */
const STOP_DEADLINE_MS = 12_000;
/** pino's number of `warn`. */
const WARN = 40;

/** The gateway as its users run it: `unstale serve -c …`. Resolves once it listens. @throws when it ends before */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const program = join(options.root, 'dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [program, 'serve', '--json', '-c', options.config], {
    cwd: options.root,
    // The line that tells where it listens is at "info".
    env: { ...process.env, ...options.env, UNSTALE_LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C reaches every process of the terminal's group, and the gateway takes a second signal,
    // which would be ours, for impatience.
    detached: true,
  });
  // Should the demo itself be at fault, nothing is left that holds the ports.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = endOf(child).finally(() => process.off('exit', kill));
  let stopping = false;
  const failed = ended.then((how) => {
    // Asked to, it ends as it should: then there is nothing to tell, and whoever still waits waits for good.
    if (stopping) return new Promise<never>(() => {});
    throw new Error(`the gateway ended by itself (${how})`);
  });
  // Heard by those who race against it; between two races nobody listens, and that is no unhandled rejection.
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

/** Reads the log for as long as there is one. */
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

/** Empty for a line that is none of the log's: Node's own warnings, say. */
function logged(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
