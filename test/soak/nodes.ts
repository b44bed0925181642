import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../bench/servers/free-port.ts';
import { until } from '../support/barrier.ts';
import type { SharedRedis } from './redis.ts';
import { type Conditions, TcpProxy } from './tcp-proxy.ts';

export const LEASE_MS = 500;
/** How long a gateway may take until it serves: its Redis may be away at first. */
const READY_MS = 60_000;

/** The ways of one gateway to the servers of its Redis. */
class Paths {
  readonly #proxies: ReadonlyMap<number, TcpProxy>;

  private constructor(proxies: ReadonlyMap<number, TcpProxy>) {
    this.#proxies = proxies;
  }

  static async to(redis: SharedRedis): Promise<Paths> {
    const ways = redis.urls.map(async (url, i) => {
      const proxy = await TcpProxy.to(() => redis.servers[i]?.port ?? 0);
      return [Number(new URL(url).port), proxy] as const;
    });
    return new Paths(new Map(await Promise.all(ways)));
  }

  /** By the port that the gateway is configured with. */
  get ports(): [number, number][] {
    return [...this.#proxies].map(([port, proxy]) => [port, proxy.port]);
  }

  make(conditions: Partial<Conditions>): void {
    for (const proxy of this.#proxies.values()) proxy.conditions = { ...proxy.conditions, ...conditions };
  }

  mend(): void {
    for (const proxy of this.#proxies.values()) proxy.mend();
  }

  /** Of the first command that matches, on whichever of them. */
  async interrupt(at: RegExp, meanwhile: () => Promise<void>): Promise<void> {
    let begun: Promise<void> | undefined;
    const once = (): Promise<void> => {
      begun ??= meanwhile();
      return begun;
    };
    await Promise.race([...this.#proxies.values()].map((proxy) => proxy.interrupt(at, once)));
  }

  reset(): void {
    for (const proxy of this.#proxies.values()) proxy.reset();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}

/** A gateway as users run it: a process of its own. */
export class GatewayProcess {
  readonly url: string;
  readonly adminUrl: string;
  readonly paths: Paths;
  readonly #file: string;
  readonly #text: string;
  #process: ChildProcess | undefined;

  private constructor(ports: { listen: number; admin: number }, file: string, paths: Paths, text: string) {
    this.url = `http://127.0.0.1:${ports.listen}`;
    this.adminUrl = `http://127.0.0.1:${ports.admin}`;
    this.#file = file;
    this.#text = text;
    this.paths = paths;
  }

  static async start(options: {
    originUrl: string;
    redis: SharedRedis;
    directory: string;
    rules: string;
    mode: string;
    workers: number;
  }) {
    const [listen, admin, paths] = await Promise.all([freePort(), freePort(), Paths.to(options.redis)]);
    const file = join(options.directory, `gateway-${listen}.yaml`);
    const { urls } = options.redis;
    const text = `server: { listen: "127.0.0.1:${listen}", workers: ${options.workers} }
admin: { listen: "127.0.0.1:${admin}" }
log: { level: warn }
origin: { url: "${options.originUrl}", timeout: 1s }
store: { redis: { url: ${JSON.stringify(urls.length === 1 ? urls[0] : urls)} } }
coherence: { lease: ${LEASE_MS}ms, settle: 1500ms, mode: ${options.mode} }
defaults: { cache: { ttl: 1h } }
${options.rules}`;
    await writeFile(file, text);
    const gateway = new GatewayProcess({ listen, admin }, file, paths, text);
    gateway.launch();
    return gateway;
  }

  launch(): void {
    const args = ['--import', './test/soak/redirect.mjs', 'dist/cli/main.js', 'serve', '-c', this.#file];
    this.#process = spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, UNSTALE_SOAK_PORTS: JSON.stringify(this.paths.ports) },
    });
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Its configuration at the next launch. `changed`: parents have a tag that the other configuration does not know. */
  async reconfigure(changed: boolean): Promise<void> {
    const tagged = this.#text.replace('routes:', 'routes:\n  - { match: "/parents/:id", tags: ["parent:{id}"] }');
    await writeFile(this.#file, changed ? tagged : this.#text);
  }

  /** One of several processes, if it is more than one. */
  killWorker(): void {
    const [worker] = this.#workers();
    if (worker !== undefined) process.kill(worker, 'SIGKILL');
  }

  /** See redirect.mjs. */
  stepClock(): void {
    this.signal('SIGUSR2');
    for (const worker of this.#workers()) process.kill(worker, 'SIGUSR2');
  }

  #workers(): number[] {
    const pid = String(this.#process?.pid);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
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
    const isReady = async (): Promise<boolean> => {
      if (this.#process?.exitCode !== null) throw new Error(`the gateway at ${this.url} has ended`);
      const answer = await fetch(`${this.adminUrl}/readyz`).catch(() => undefined);
      return answer?.status === 200;
    };
    await until(isReady, `the gateway at ${this.url} to serve`, READY_MS);
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    await this.paths.close();
  }
}
