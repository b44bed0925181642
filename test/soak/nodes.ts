import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { TcpProxy } from './tcp-proxy.ts';

export const LEASE_MS = 500;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A real redis-server on the loopback. */
export class RedisProcess {
  readonly port: number;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.#directory = directory;
  }

  static async start(): Promise<RedisProcess> {
    const redis = new RedisProcess(await freePort(), await mkdtemp(join(tmpdir(), 'unstale-soak-')));
    await redis.launch();
    return redis;
  }

  async launch(): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#directory, '--save', ''];
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    let said = '';
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (/ready to accept connections/i.test(said)) break;
    }
    child.stdout.resume();
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Keys, and bytes that it holds them in. */
  async size(): Promise<{ keys: number; bytes: number }> {
    return this.#asked(async (redis) => {
      const used = /used_memory:(\d+)/.exec(await redis.info('memory'))?.[1];
      return { keys: await redis.dbsize(), bytes: Number(used) };
    });
  }

  save(): Promise<void> {
    return this.#asked(async (redis) => void (await redis.save()));
  }

  async #asked<T>(ask: (redis: Redis) => Promise<T>): Promise<T> {
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

/** A gateway as users run it: a process of its own. */
export class GatewayProcess {
  readonly url: string;
  readonly adminUrl: string;
  readonly proxy: TcpProxy;
  readonly #file: string;
  #process: ChildProcess | undefined;

  private constructor(ports: { listen: number; admin: number }, file: string, proxy: TcpProxy) {
    this.url = `http://127.0.0.1:${ports.listen}`;
    this.adminUrl = `http://127.0.0.1:${ports.admin}`;
    this.#file = file;
    this.proxy = proxy;
  }

  static async start(options: {
    originUrl: string;
    redis: RedisProcess;
    directory: string;
    rules: string;
    mode: string;
  }) {
    const [listen, admin, proxy] = await Promise.all([freePort(), freePort(), TcpProxy.to(options.redis.port)]);
    const file = join(options.directory, `gateway-${listen}.yaml`);
    const text = `server: { listen: "127.0.0.1:${listen}" }
admin: { listen: "127.0.0.1:${admin}" }
log: { level: warn }
origin: { url: "${options.originUrl}", timeout: 1s }
store: { redis: { url: "redis://127.0.0.1:${proxy.port}" } }
coherence: { lease: ${LEASE_MS}ms, settle: 1500ms, mode: ${options.mode} }
defaults: { cache: { ttl: 1h } }
${options.rules}`;
    await writeFile(file, text);
    const gateway = new GatewayProcess({ listen, admin }, file, proxy);
    gateway.launch();
    return gateway;
  }

  launch(): void {
    this.#process = spawn(process.execPath, ['dist/cli/main.js', 'serve', '-c', this.#file], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    // One that is stopped ends only once it goes on.
    child.kill('SIGCONT');
    await gone;
  }

  async ready(): Promise<void> {
    for (;;) {
      const answer = await fetch(`${this.adminUrl}/readyz`).catch(() => undefined);
      if (answer?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    await this.proxy.close();
  }
}
