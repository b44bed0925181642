import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../bench/servers/free-port.ts';
import { until } from '../support/barrier.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** How long what a server starts may take on a busy machine. */
const START_MS = 30_000;

/** A real redis-server on the loopback. */
export class RedisProcess {
  readonly port: number;
  readonly #directory: string;
  #more: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, directory: string, more: readonly string[]) {
    this.port = port;
    this.#directory = directory;
    this.#more = more;
  }

  static async start(more: (port: number) => readonly string[] = () => []): Promise<RedisProcess> {
    const [port, directory] = [await freePort(), await mkdtemp(join(tmpdir(), 'unstale-soak-'))];
    const redis = new RedisProcess(port, directory, more(port));
    await redis.launch();
    return redis;
  }

  /** With the data of the last `save`, unless that is to be gone. */
  async launch(options: { empty?: boolean } = {}): Promise<void> {
    if (options.empty === true) await rm(join(this.#directory, 'dump.rdb'), { force: true });
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#directory, '--save', ''];
    args.push('--enable-debug-command', 'local');
    const child = spawn('redis-server', [...args, ...this.#more], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    let said = '';
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (/ready to accept connections/i.test(said)) break;
    }
    child.stdout.resume();
  }

  /** From a replica to a server that stands by itself, also when it is started again. */
  async promote(): Promise<void> {
    await this.ask((redis) => redis.replicaof('NO', 'ONE'));
    this.#more = [];
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async ask<T>(ask: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.port, '127.0.0.1', { maxRetriesPerRequest: 1 });
    redis.on('error', () => undefined);
    try {
      return await ask(redis);
    } finally {
      redis.disconnect();
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** What the gateways share: one server, or a Redis Cluster. */
export interface SharedRedis {
  /** The URL that gateways are configured with. They connect to proxies: see `Paths`. */
  readonly urls: readonly string[];
  /** The servers that these lead to now. */
  readonly servers: readonly RedisProcess[];
  /** The server to disturb, a different one each time if there are several. */
  any(): RedisProcess;
  stop(): Promise<void>;
}

/** One server, which a replica may replace. */
export class SingleRedis implements SharedRedis {
  readonly urls: readonly string[];
  #current: RedisProcess;

  private constructor(redis: RedisProcess) {
    this.#current = redis;
    this.urls = [`redis://127.0.0.1:${redis.port}`];
  }

  static async start(): Promise<SingleRedis> {
    return new SingleRedis(await RedisProcess.start());
  }

  get servers(): readonly RedisProcess[] {
    return [this.#current];
  }

  any(): RedisProcess {
    return this.#current;
  }

  /**
   * Its address comes to mean a replica, which lags behind by `lagMs`. `planned`: the old server goes on as a replica
   * of the new one, and keeps its connections; else it is killed, and with it what the replica had not received.
   */
  async failOver({ lagMs, planned }: { lagMs: number; planned: boolean }): Promise<void> {
    const old = this.#current;
    const way = await TcpProxy.to(() => old.port);
    const replica = await RedisProcess.start(() => ['--replicaof', '127.0.0.1', String(way.port)]);
    const isIn = async (): Promise<boolean> =>
      (await replica.ask((redis) => redis.info('replication'))).includes('master_link_status:up');
    await until(isIn, 'a replica in sync', START_MS);
    way.conditions.delayMs = { up: 0, down: lagMs };
    await pause(5 * lagMs);
    if (!planned) await old.kill();
    await replica.promote();
    this.#current = replica;
    if (planned) await old.ask((redis) => redis.replicaof('127.0.0.1', replica.port));
    await way.close();
    if (planned) await pause(1_500);
    await old.stop();
  }

  stop(): Promise<void> {
    return this.#current.stop();
  }
}

const PRIMARIES = 3;
/**
 * A node listens for the others on its port and so much more: a port of the system's choosing leaves no room for that.
 */
const BUS_OFFSET = 10_000;

/** A Redis Cluster of three primaries. */
export class ClusterRedis implements SharedRedis {
  readonly servers: readonly RedisProcess[];
  #next = 0;

  private constructor(servers: readonly RedisProcess[]) {
    this.servers = servers;
  }

  static async start(): Promise<ClusterRedis> {
    const asNode = (port: number): string[] => [
      ...['--cluster-enabled', 'yes', '--cluster-port', String(port - BUS_OFFSET)],
      // What the others hold is served while one is away.
      ...['--cluster-require-full-coverage', 'no', '--cluster-node-timeout', '1000'],
    ];
    const servers = await Promise.all(Array.from({ length: PRIMARIES }, () => RedisProcess.start(asNode)));
    const nodes = servers.map(({ port }) => `127.0.0.1:${port}`);
    execFileSync('redis-cli', ['--cluster', 'create', ...nodes, '--cluster-replicas', '0', '--cluster-yes']);
    const isWhole = async (server: RedisProcess): Promise<boolean> =>
      String(await server.ask((redis) => redis.cluster('INFO'))).includes('cluster_state:ok');
    for (const server of servers) await until(() => isWhole(server), 'a whole Redis Cluster', START_MS);
    return new ClusterRedis(servers);
  }

  get urls(): string[] {
    return this.servers.map(({ port }) => `redis://127.0.0.1:${port}`);
  }

  any(): RedisProcess {
    return this.servers[this.#next++ % this.servers.length] as RedisProcess;
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}

/** Keys, and bytes that they are held in. */
export async function sizeOf({ servers }: SharedRedis): Promise<{ keys: number; bytes: number }> {
  const sizes = await Promise.all(
    servers.map((server) =>
      server.ask(async (redis) => {
        const used = /used_memory:(\d+)/.exec(await redis.info('memory'))?.[1];
        return { keys: await redis.dbsize(), bytes: Number(used) };
      }),
    ),
  );
  return {
    keys: sizes.reduce((sum, { keys }) => sum + keys, 0),
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
