import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A gateway that has not come up by then will not. */
const START_PATIENCE_MS = 15_000;

const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface GatewayProcess {
  stop(): Promise<void>;
}

/** Starts the built gateway, as `unstale serve` would be started, on the example configuration. */
export async function startGatewayProcess(listen: string, admin: string, origin: string): Promise<GatewayProcess> {
  const child = spawn(process.execPath, ['dist/cli/main.js', 'serve', '-c', 'gateway.example.yaml'], {
    cwd: root,
    // Warnings and errors are shown; the play itself says what else there is to say.
    env: {
      ...process.env,
      UNSTALE_LISTEN: listen,
      UNSTALE_ADMIN_LISTEN: admin,
      UNSTALE_ORIGIN: origin,
      UNSTALE_LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
    // Ctrl-C goes to the whole group: the demo ends the gateway itself, in order.
    detached: true,
  });
  const exited = once(child, 'exit');
  await ready(`http://${admin}/readyz`, child);
  return {
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_PATIENCE_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null)
      throw new Error('the gateway did not start, see above; --port and --admin-port choose other ports');
    const isReady = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  throw new Error(`the gateway was not ready within ${START_PATIENCE_MS / 1000} s`);
}
