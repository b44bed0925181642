import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { disturbances, failovers, type Scene } from './disturbances.ts';
import { GatewayProcess } from './nodes.ts';
import { Page } from './page.ts';
import { ClusterRedis, SingleRedis, sizeOf } from './redis.ts';
import { type Seen, Workload } from './workload.ts';
import { rules, World } from './world.ts';

/** For so long clients go on to see enough. What they have not seen by then, the test that asked for it misses. */
const PATIENCE_MS = 20_000;

/** xorshift32. */
function randomFrom(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export interface Resources {
  /** Since the beginning. */
  readonly seconds: number;
  /** Of each gateway's process, resident. */
  readonly gatewayBytes: readonly number[];
  readonly redisKeys: number;
  readonly redisBytes: number;
}

export interface Result {
  readonly disturbance: string;
  readonly seconds: number;
  readonly seen: Seen;
}

export interface SoakOptions {
  readonly nodes: number;
  readonly clients: number;
  readonly seed: number;
  readonly mode: 'strict' | 'eventual';
  /** A Redis Cluster of three primaries in place of one server. */
  readonly cluster?: boolean;
}

/** Gateways, a Redis, an origin and clients, all real, and what was seen while they were disturbed. */
export class Soak {
  readonly resources: Resources[] = [];
  readonly #scene: Omit<Scene, 'mended'>;
  /** One for each gateway. */
  readonly #pages: readonly Page[];
  readonly #floors = new Map<string, { readonly version: number; readonly write: number }>();
  readonly #directory: string;
  readonly #options: SoakOptions;
  readonly #random: (below: number) => number;
  readonly #startedAt = performance.now();

  private constructor(
    scene: Omit<Scene, 'mended'>,
    directory: string,
    options: SoakOptions,
    random: (below: number) => number,
  ) {
    this.#scene = scene;
    this.#pages = scene.gateways.map(({ url }) => new Page(url));
    this.#directory = directory;
    this.#options = options;
    this.#random = random;
  }

  static async start(options: SoakOptions): Promise<Soak> {
    const random = randomFrom(options.seed);
    const [world, redis, directory] = await Promise.all([
      World.start(random),
      options.cluster === true ? ClusterRedis.start() : SingleRedis.start(),
      mkdtemp(join(tmpdir(), 'unstale-soak-')),
    ]);
    const gateways = await Promise.all(
      // The last one is of two processes.
      Array.from({ length: options.nodes }, (_, i) =>
        GatewayProcess.start({
          ...{ originUrl: world.url, redis, directory, rules, mode: options.mode },
          workers: i === options.nodes - 1 ? 2 : 1,
        }),
      ),
    );
    await Promise.all(gateways.map((gateway) => gateway.ready()));
    let next = 0;
    const any = (): GatewayProcess => gateways[next++ % gateways.length] as GatewayProcess;
    return new Soak({ gateways, redis, world, any }, directory, options, random);
  }

  /**
   * Clients go on from before the disturbance until a while after it, and on a busy machine until they have seen
   * enough.
   */
  async play(disturbance: string, enough: (seen: Seen) => boolean = () => true): Promise<Result> {
    const { redis } = this.#scene;
    const failover = failovers[disturbance];
    const act =
      failover !== undefined && redis instanceof SingleRedis
        ? (scene: Scene) => failover({ ...scene, redis })
        : disturbances[disturbance];
    if (act === undefined) throw new Error(`there is no disturbance "${disturbance}"`);
    const startedAt = performance.now();
    const urls = this.#scene.gateways.map(({ url }) => url);
    const workload = new Workload(this.#scene.world, urls, this.#random);
    const running = workload.run(this.#options.clients);
    await pause(300);
    await act({ ...this.#scene, mended: () => workload.mended() });
    await pause(500);
    const patience = performance.now() + PATIENCE_MS;
    const isOver = (): boolean => enough(workload.seen) && workload.hitsAreBack;
    while (!isOver() && performance.now() < patience) await pause(100);
    workload.stop();
    await running;
    for (const [path, floor] of workload.floors) this.#floors.set(path, floor);
    workload.seen.lost.push(...(await this.#lost()));
    return { disturbance, seconds: (performance.now() - startedAt) / 1_000, seen: workload.seen };
  }

  /** That all pages have had. */
  get events(): number {
    return this.#pages.reduce((sum, { events }) => sum + events, 0);
  }

  /** Nothing is written any more: once events have come through, every page shows what is there. */
  async #lost(): Promise<string[]> {
    const behind = (): string[] =>
      this.#pages.flatMap((page, i) => page.behind(this.#floors).map((path) => `page ${i} of ${path}`));
    const patience = performance.now() + PATIENCE_MS;
    while (behind().length > 0 && performance.now() < patience) await pause(50);
    return behind();
  }

  async measure(): Promise<Resources> {
    const { gateways, redis } = this.#scene;
    const { keys, bytes } = await sizeOf(redis);
    const measured = {
      seconds: (performance.now() - this.#startedAt) / 1_000,
      gatewayBytes: await Promise.all(gateways.map(({ pid }) => residentBytes(pid))),
      redisKeys: keys,
      redisBytes: bytes,
    };
    this.resources.push(measured);
    return measured;
  }

  async stop(): Promise<void> {
    const { gateways, redis, world } = this.#scene;
    for (const page of this.#pages) page.close();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await redis.stop();
    await world.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function residentBytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) * 1024;
}
