import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/servers/free-port.ts';
import { until } from '../support/barrier.ts';
import { program } from '../support/shared.ts';

/** Several processes start at once, on what cores the other tests leave. */
const START_PATIENCE_MS = 60_000;

/** A gateway as users run it: one process, or several that share a port. */
export interface Running {
  readonly url: string;
  readonly adminUrl: string;
  /** The processes that it has forked. */
  workers(): number[];
  /** All that it has printed. */
  said(): string;
  end(signal: NodeJS.Signals): Promise<void>;
  /** SIGKILL to all its processes, so that none outlives another. */
  killAll(): Promise<void>;
}

/**
 * Resolves once all of its processes listen. Whoever has started it ends it.
 * @param script of the command. Default: of the sources.
 */
export async function serve(originUrl: string, workers: number, yaml: string, script?: string): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'unstale-serve-'));
  const file = join(folder, 'gateway.yaml');
  writeFileSync(
    file,
    // A port of its own: once all workers have died, "any port" would be another one.
    `server: { listen: "127.0.0.1:${await freePort()}", workers: ${workers} }
admin: { listen: "127.0.0.1:0" }
origin: { url: "${originUrl}" }
${yaml}`,
  );
  const child: ChildProcess = spawn(process.execPath, [script ?? (await program()), 'serve', '-c', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    rmSync(folder, { recursive: true, force: true });
    if (hasEnded()) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  const listening = (): number => said.match(/"msg":"listening"/g)?.length ?? 0;
  try {
    await until(() => hasEnded() || listening() >= workers, 'the gateway to listen', START_PATIENCE_MS);
    if (hasEnded()) throw new Error(`the gateway ended before it listened:\n${said}`);
  } catch (error) {
    await end('SIGTERM');
    throw error;
  }
  const named = (what: string): string => new RegExp(`"${what}":"(http[^"]+)"`).exec(said)?.[1] ?? '';
  const forked = (): number[] =>
    readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number);
  const killAll = async (): Promise<void> => {
    // Stopped, the first one does not start the others again.
    child.kill('SIGSTOP');
    for (const worker of forked()) process.kill(worker, 'SIGKILL');
    await end('SIGKILL');
  };
  return { url: named('url'), adminUrl: named('adminUrl'), workers: forked, said: () => said, end, killAll };
}
