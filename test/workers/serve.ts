import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { until } from '../support/barrier.ts';

/** Several processes start at once, on what cores the other tests leave. */
const START_PATIENCE_MS = 60_000;

/** A gateway as users run it: one process, or several that share a port. */
export interface Running {
  readonly url: string;
  readonly adminUrl: string;
  /** The processes that it has forked. */
  workers(): number[];
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Resolves once all of its processes listen. It ends with the test. */
export async function serve(originUrl: string, workers: number, yaml: string): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'unstale-serve-'));
  const file = join(directory, 'gateway.yaml');
  writeFileSync(
    file,
    `server: { listen: "127.0.0.1:0", workers: ${workers} }
admin: { listen: "127.0.0.1:0" }
origin: { url: "${originUrl}" }
${yaml}`,
  );
  const child: ChildProcess = spawn(process.execPath, ['dist/cli/main.js', 'serve', '-c', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  onTestFinished(async () => {
    await end('SIGTERM');
    rmSync(directory, { recursive: true });
  });
  const listening = (): number => said.match(/"msg":"listening"/g)?.length ?? 0;
  await until(() => listening() >= workers, 'the gateway to listen', START_PATIENCE_MS);
  const named = (what: string): string => new RegExp(`"${what}":"(http[^"]+)"`).exec(said)?.[1] ?? '';
  const forked = (): number[] =>
    readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number);
  return { url: named('url'), adminUrl: named('adminUrl'), workers: forked, end };
}
