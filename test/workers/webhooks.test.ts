import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { RedisServer } from '../redis-log/redis-server.ts';
import { until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import { built } from '../support/shared.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { endpointAt, type Receiver, startReceiver } from '../webhooks/receiver.ts';

/* Webhooks of gateways in processes of their own: several that share a port, and one that is killed. */

const START_PATIENCE_MS = 25_000;

let api: SmallApi;
let receiver: Receiver;
beforeAll(built, 120_000);
beforeEach(async () => {
  [api, receiver] = await Promise.all([smallApi(), startReceiver()]);
});
afterEach(async () => {
  await receiver.close();
  await api.origin.close();
});

interface Running {
  readonly url: string;
  readonly adminUrl: string;
  end(signal: NodeJS.Signals): Promise<void>;
}

async function serve(workers: number, more = ''): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'unstale-webhooks-'));
  const file = join(directory, 'gateway.yaml');
  writeFileSync(
    file,
    `server: { listen: "127.0.0.1:0", workers: ${workers} }
admin: { listen: "127.0.0.1:0" }
origin: { url: "${api.origin.url}" }
webhooks:
  - ${endpointAt(receiver)}
${more}`,
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
  return { url: named('url'), adminUrl: named('adminUrl'), end };
}

const put = async ({ url }: Running, path: string): Promise<void> => {
  const patience = 10_000;
  // A worker that has not joined yet refuses writes.
  await until(async () => (await get(url + path, { method: 'PUT', body: '{}' })).status < 500, `a write`, patience);
};
const paths = (): (string | undefined)[] => receiver.events.map(({ data }) => data.paths?.[0]);

test('one of several workers delivers what all of them have written', async () => {
  const gateway = await serve(3);
  await receiver.until(({ length }) => length > 0);
  const written = Array.from({ length: 20 }, (_, i) => `/items/${i}`);
  for (const path of written) await put(gateway, path);
  await receiver.until(() => paths().length >= 20);
  expect(new Set(paths())).toEqual(new Set(written));
  expect(new Set(receiver.events.map(({ id }) => id)).size).toBe(receiver.events.length);
});

test('what waits outlives the process that was to deliver it', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.stop());
  const more = `store: { redis: { url: "unix:${redis.socket}" } }\ncoherence: { lease: 1s }`;
  const first = await serve(1, more);
  await receiver.until(({ length }) => length > 0);
  receiver.answer(503);
  await put(first, '/a');
  await receiver.until(() => paths().includes('/a'));
  await put(first, '/b');
  // Killed as soon as the write is answered: the log has it, the queue need not.
  await first.end('SIGKILL');
  receiver.answer(204);
  await serve(1, more);
  await receiver.until(() => paths().includes('/b'));
  expect(paths().slice(-2)).toEqual(['/a', '/b']);
});
