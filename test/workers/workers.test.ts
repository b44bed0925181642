import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Workload } from '../soak/workload.ts';
import { rules, World } from '../soak/world.ts';
import { until } from '../support/barrier.ts';
import { program } from '../support/shared.ts';

/* One gateway in several processes that share its port, without a Redis. */

const WORKERS = 3;
/** Four processes start at once, on what cores the other tests leave. */
const START_PATIENCE_MS = 60_000;
const random = (below: number): number => Math.floor(Math.random() * below);

let world: World;
beforeAll(program, 120_000);
beforeAll(async () => {
  world = await World.start(random);
});
afterAll(() => world.stop());

interface Settings {
  /** Further settings of `server`. */
  readonly server?: string;
  readonly yaml?: string;
}

/** A gateway of several processes in front of the world. */
class Gateway {
  readonly process: ChildProcess;
  readonly #directory = mkdtempSync(join(tmpdir(), 'unstale-workers-'));
  said = '';

  private constructor(main: string, { server = '', yaml = '' }: Settings) {
    const file = join(this.#directory, 'gateway.yaml');
    const text = `server: { listen: "127.0.0.1:0", workers: ${WORKERS}${server} }
admin: { listen: "127.0.0.1:0" }
origin: { url: "${world.url}", timeout: 1s }
coherence: { lease: 500ms, settle: 1500ms }
defaults: { cache: { ttl: 1h } }
${rules}
writes: [{ on: POST /keyed, idempotency: { key: required } }]
${yaml}
`;
    writeFileSync(file, text);
    this.process = spawn(process.execPath, [main, 'serve', '-c', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
  }

  static async start(settings: Settings = {}): Promise<Gateway> {
    const gateway = new Gateway(await program(), settings);
    try {
      await gateway.saidTimes(/"msg":"joined the other nodes"/g, WORKERS);
      await gateway.saidTimes(/"msg":"listening"/g, WORKERS);
    } catch (error) {
      await gateway.stop();
      throw error;
    }
    return gateway;
  }

  get url(): string {
    return /"url":"(http[^"]+)"/.exec(this.said)?.[1] ?? '';
  }

  get adminUrl(): string {
    return /"adminUrl":"(http[^"]+)"/.exec(this.said)?.[1] ?? '';
  }

  async saidTimes(what: RegExp, times: number): Promise<void> {
    await until(() => (this.said.match(what)?.length ?? 0) >= times, `${what} ${times} times`, START_PATIENCE_MS);
  }

  /** The processes that it has forked. */
  workers(): number[] {
    const { pid } = this.process;
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  }

  /** With its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const gone = once(this.process, 'exit');
    this.process.kill(signal);
    return (await gone)[0];
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.end('SIGTERM');
    rmSync(this.#directory, { recursive: true });
  }
}

/** Waits until `writes` more are acknowledged, and so many reads more have hit. */
async function more({ seen }: Workload, writes: number): Promise<void> {
  const [acknowledged, hits] = [seen.acknowledged + writes, seen.hits + writes];
  await until(() => seen.acknowledged >= acknowledged && seen.hits >= hits, `${writes} writes and hits more`, 20_000);
}

/** Readers and writers while `meanwhile` runs. No read is stale. */
async function underLoad({ url }: Gateway, meanwhile: (workload: Workload) => Promise<void>): Promise<void> {
  const workload = new Workload(world, [url], random);
  const running = workload.run(16);
  try {
    await meanwhile(workload);
  } finally {
    workload.stop();
    await running;
  }
  expect(workload.seen.stale).toEqual([]);
}

async function suspend(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  // Not a wait for something: so long it stands still, which is longer than a lease.
  await pause(1_500);
  process.kill(pid, 'SIGCONT');
}

describe('a gateway of three workers', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start();
  });
  afterAll(() => gateway.stop());

  test('metrics cover all of them', async () => {
    const reads = 40;
    for (let i = 0; i < reads; i++) {
      await fetch(`${gateway.url}/parents/${i % 12}`, { headers: { connection: 'close' } });
    }
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    const counted = [...text.matchAll(/^unstale_reads_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(reads);
    expect(/^unstale_cluster_serving (\d+)$/m.exec(text)?.[1]).toBe(String(WORKERS));
    // The barrier of the first epoch may be one of them still.
    expect(Number(/^unstale_cluster_members (\d+)$/m.exec(text)?.[1])).toBeLessThanOrEqual(WORKERS + 1);
  });

  test('the admin port reaches all of them', async () => {
    const readers = (): Promise<Response[]> =>
      Promise.all(
        Array.from({ length: 12 }, () => fetch(`${gateway.url}/parents/1`, { headers: { connection: 'close' } })),
      );
    await readers();
    const done = await fetch(`${gateway.adminUrl}/invalidate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ paths: ['/parents/1'] }),
    });
    expect(done.status).toBe(200);
    // Each of them asked the origin at most once more, or waited for one that did: none had kept it.
    const statuses = (await readers()).map(({ headers }) => headers.get('cache-status') ?? '');
    expect(statuses.filter((status) => /fwd=uri-miss/.test(status)).length).toBeGreaterThanOrEqual(WORKERS - 1);
  });

  test('an idempotency key is one for all of them', async () => {
    const post = (): Promise<Response> =>
      fetch(`${gateway.url}/keyed`, {
        method: 'POST',
        body: '{}',
        headers: { 'Idempotency-Key': 'k', connection: 'close' },
      });
    const first = await Promise.all(Array.from({ length: 24 }, post));
    const again = await Promise.all(Array.from({ length: 24 }, post));
    const carriedOut = [...first, ...again].filter(
      ({ status, headers }) => status !== 409 && !headers.has('idempotency-replayed'),
    );
    expect(carriedOut).toHaveLength(1);
    expect(again.map(({ headers }) => headers.get('idempotency-replayed'))).toEqual(again.map(() => 'true'));
    const bodies = await Promise.all([carriedOut[0], ...again].map((answer) => answer?.text()));
    expect(new Set(bodies).size).toBe(1);
  });

  test('no worker serves what a write through another has made stale', { timeout: 30_000 }, () =>
    underLoad(gateway, (workload) => more(workload, 60)),
  );

  test(
    'a worker that is stopped for longer than a lease serves nothing old when it goes on',
    {
      timeout: 30_000,
    },
    () =>
      underLoad(gateway, async (workload) => {
        await more(workload, 20);
        await suspend(gateway.workers()[1] as number);
        await more(workload, 50);
      }),
  );

  test(
    'one that dies is replaced, and nothing is served that its unpublished writes changed',
    {
      timeout: 30_000,
    },
    () =>
      underLoad(gateway, async (workload) => {
        await more(workload, 20);
        const joined = gateway.said.match(/"msg":"joined the other nodes"/g)?.length ?? 0;
        process.kill(gateway.workers()[1] as number, 'SIGKILL');
        await gateway.saidTimes(/"msg":"joined the other nodes"/g, joined + 1);
        await more(workload, 20);
        expect(gateway.said).toContain('a worker has died');
        expect(gateway.workers()).toHaveLength(WORKERS);
      }),
  );

  test(
    'the first process that is stopped for longer than a lease serves nothing old when it goes on',
    {
      timeout: 30_000,
    },
    () =>
      underLoad(gateway, async (workload) => {
        await more(workload, 20);
        await suspend(gateway.process.pid as number);
        await more(workload, 50);
      }),
  );

  test('SIGTERM ends all of them, and is a clean end', async () => {
    const children = gateway.workers();
    expect(await gateway.end('SIGTERM')).toBe(0);
    for (const pid of children) expect(() => process.kill(pid, 0)).toThrow();
  });
});

test('when the first process dies, the others end', async () => {
  const gateway = await Gateway.start();
  const children = gateway.workers().map(runOf);
  await gateway.end('SIGKILL');
  await until(() => !children.some(isAlive), 'the end of the others');
  await gateway.stop();
});

describe('a stop while workers hang', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unstale-saved-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    { saves: 'no worker', yaml: '', hang: [1] },
    { saves: 'not even the first one', yaml: '', hang: [0] },
    { saves: 'the first one', yaml: `store: { snapshot: { path: ${folder}, save: stop } }`, hang: [0, 1] },
  ])('kills them, where $saves saves a snapshot', { timeout: 90_000 }, async ({ yaml, hang }) => {
    const gateway = await Gateway.start({ server: ', drain: 200ms', yaml });
    const pids = gateway.workers();
    const hung = hang.map((i) => runOf(pids[i] as number));
    const isEnded = (): boolean => gateway.process.exitCode !== null;
    try {
      for (const { pid } of hung) process.kill(pid, 'SIGSTOP');
      gateway.process.kill('SIGTERM');
      await until(() => !isAlive(hung.at(-1) as Run), 'the end of a worker that hangs', 10_000);
      const saving = hung.slice(0, -1);
      expect(saving.filter(isAlive)).toEqual(saving);
      for (const { pid } of saving) process.kill(pid, 'SIGCONT');
      await until(isEnded, 'the end of the first process', 10_000);
      expect(gateway.process.exitCode).toBe(1);
      if (saving.length > 0) expect(readdirSync(folder)).toContain('snapshot');
    } finally {
      for (const { pid } of hung.filter(isAlive)) process.kill(pid, 'SIGCONT');
      await gateway.stop();
    }
  });
});

/** A process, and when it began: its number is given to others once it has ended. */
interface Run {
  readonly pid: number;
  readonly began: string;
}

/** Of proc_pid_stat(5): the fields behind the name. Undefined: there is no such process. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return undefined;
  }
}

const beganAt = (stat: readonly string[] | undefined): string => stat?.[19] ?? '';
const runOf = (pid: number): Run => ({ pid, began: beganAt(statOf(pid)) });

/** One letter; undefined: it has ended, and its parent knows. */
function stateOf({ pid, began }: Run): string | undefined {
  const stat = statOf(pid);
  return beganAt(stat) === began ? stat?.[0] : undefined;
}

/** A zombie has ended: its parent has not asked yet. */
const isAlive = (run: Run): boolean => !['Z', undefined].includes(stateOf(run));
