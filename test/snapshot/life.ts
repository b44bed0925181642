import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../src/config/load.ts';
import type { GatewayConfig } from '../../src/config/model.ts';
import { createGateway } from '../../src/gateway.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { RedisServer } from '../redis-log/redis-server.ts';
import { until } from '../support/barrier.ts';
import { type Answer, get } from '../support/request.ts';
import { ItemsApi, itemOf, LIST } from './items-api.ts';

export interface Switches {
  readonly load: 'off' | 'revalidate' | 'trust';
  readonly save: 'off' | 'stop' | 'often';
  readonly staleIfError: boolean;
  readonly redis: boolean;
  /** Whether requests are held back from an API that is down. Absent: they are not. */
  readonly circuit?: boolean;
}

/** With other routes and rules, which come to the same. */
export type Rules = 'by path' | 'by tag';

const ITEMS = 4;
/** Of `save: often`. The schema allows a second at least. */
const OFTEN_MS = 10;
const LEASE_MS = 1_000;

const rulesOf = (rules: Rules): string =>
  rules === 'by path'
    ? `routes: [{ match: "${LIST}" }]
rules: [{ name: item, on: "PUT|DELETE /items/:id", invalidate: ["/items/{id}", "${LIST}"] }]`
    : `routes: [{ match: "${LIST}", tags: [all-items] }]
rules: [{ name: item, on: "PUT|DELETE /items/:id", invalidate: ["/items/{id}", { tag: all-items }] }]`;

/** The configuration includes none. */
const noFiles = { readFile: () => '', readFolder: () => [] };

/** The configuration of the gateway that was started last. */
export const launched: { config: GatewayConfig | undefined } = { config: undefined };

interface Running {
  readonly url: string;
  readonly adminUrl: string;
  readonly logs: readonly string[];
  stop(): Promise<void>;
}

/** What reads came to: lives.ts sees by it whether it has tested anything. */
export interface Counts {
  hits: number;
  confirmed: number;
  stale: number;
  failed: number;
  /** Loads that have trusted something, and that have not. */
  trusted: number;
  doubted: number;
}

/** The gateway with the snapshot through its starts and ends, the API behind it, and the other node if there is one. */
export class Life {
  readonly api: ItemsApi;
  readonly switches: Switches;
  readonly trace: string[] = [];
  readonly violations: string[] = [];
  readonly counts: Counts = { hits: 0, confirmed: 0, stale: 0, failed: 0, trusted: 0, doubted: 0 };
  readonly #redis: RedisServer | undefined;
  readonly #folders: string[] = [];
  readonly #abandoned: Promise<void>[] = [];
  #folder: string;
  #backup: Buffer | undefined;
  #savesOften = false;
  #gateway: Running | undefined;
  #other: Running | undefined;

  private constructor(api: ItemsApi, switches: Switches, redis: RedisServer | undefined) {
    this.api = api;
    this.switches = switches;
    this.#redis = redis;
    this.#folder = this.#makeFolder();
  }

  static async begin(switches: Switches): Promise<Life> {
    const [api, redis] = await Promise.all([ItemsApi.start(ITEMS), switches.redis ? RedisServer.start() : undefined]);
    const life = new Life(api, switches, redis);
    if (redis !== undefined) life.#other = await life.#launch(life.#configOf('by path'));
    await life.start();
    return life;
  }

  async start(
    rules: Rules = 'by path',
    { load, save }: Pick<Switches, 'load' | 'save'> = this.switches,
  ): Promise<void> {
    this.#tell(`starts, load ${load}, save ${save}, rules ${rules}`);
    this.#savesOften = save === 'often';
    launched.config = this.#configOf(rules, { load, save });
    this.#gateway = await this.#launch(launched.config);
  }

  /** Ends as at a signal. */
  async stop(): Promise<void> {
    this.#tell('stops');
    const gateway = this.#gateway;
    this.#gateway = undefined;
    await gateway?.stop();
    this.#note(gateway);
  }

  /** Ends as at SIGKILL: from now on there is what the disk has now. */
  crash(): void {
    this.#tell('crashes');
    const folder = this.#makeFolder();
    copyFiles(this.#folder, folder);
    this.#folder = folder;
    const gateway = this.#gateway;
    this.#gateway = undefined;
    // In another folder it does no harm. To the other node it is one that has left.
    if (gateway !== undefined) this.#abandoned.push(gateway.stop().then(() => this.#note(gateway)));
  }

  /** While no gateway has the folder. */
  damage(how: 'cut' | 'flip' | 'gap' | 'old', at: (below: number) => number): void {
    this.#tell(`damage: ${how}`);
    const path = join(this.#folder, 'snapshot');
    const content = existsSync(path) ? readFileSync(path) : undefined;
    const journals = readdirSync(this.#folder).filter((name) => /^journal-\d+$/.test(name));
    journals.sort((a, b) => Number(a.slice(8)) - Number(b.slice(8)));
    const any = journals.length > 0 && at(2) === 0 ? join(this.#folder, journals[at(journals.length)] ?? '') : path;
    const changed = existsSync(any) ? readFileSync(any) : Buffer.alloc(0);
    if (how === 'old') {
      if (this.#backup !== undefined) writeFileSync(path, this.#backup);
      this.#backup = content;
    } else if (changed.length === 0) return;
    else if (how === 'cut') writeFileSync(any, changed.subarray(0, at(changed.length)));
    else if (how === 'flip') {
      const octet = at(changed.length);
      changed[octet] = (changed[octet] ?? 0) ^ (1 << at(8));
      writeFileSync(any, changed);
    } else if (journals.length > 1) rmSync(join(this.#folder, journals[at(journals.length - 1)] ?? ''));
  }

  /** Waits until what there was has been loaded. */
  async loaded(): Promise<void> {
    const { logs = [] } = this.#gateway ?? {};
    const isLoading = logs.some((line) => /^snapshots: load (?:revalidate|trust)/.test(line));
    if (isLoading) await until(() => logs.some((line) => /^snapshot: (?:nothing |not )?loaded/.test(line)), 'a load');
  }

  /** Waits until the gateways know that the API is up. */
  async recovered(): Promise<void> {
    for (const by of this.#other === undefined ? (['own'] as const) : (['own', 'other'] as const))
      await until(async () => (await this.#ask('GET', LIST, by)).status !== 503, 'the circuit to close');
  }

  async saved(): Promise<void> {
    if (!this.#savesOften) return;
    const { logs = [] } = this.#gateway ?? {};
    const from = logs.length;
    await until(() => logs.slice(from).some((line) => /^snapshot: (?:not )?saved/.test(line)), 'a save');
    this.#tell('has saved');
  }

  async read(path: string, by: 'own' | 'other' = 'own'): Promise<void> {
    const start = this.api.tick();
    const wasDown = this.api.down;
    const answer = await this.#ask('GET', path, by);
    const status = String(answer.headers['cache-status']);
    this.#tell(`${by} GET ${path} ${answer.status} ${answer.text} (${status})`);
    if (answer.status >= 500) {
      this.counts.failed += 1;
      // While the circuit is open, that the API is up again is not known yet.
      const isHeldBack = this.switches.circuit === true && answer.status === 503;
      if (!wasDown && !this.api.down && !isHeldBack) this.#violate(`GET ${path} was answered ${answer.status}`);
      return;
    }
    if (/unstale; hit/.test(status)) this.counts[wasDown ? 'stale' : 'hits'] += 1;
    if (/fwd=uri-miss; fwd-status=304/.test(status)) this.counts.confirmed += 1;
    const content = answer.status === 404 ? undefined : answer.text;
    if (!this.api.allows(path, content, start))
      this.#violate(`GET ${path} was answered ${answer.text}, and ${this.api.current(path)} is current`);
  }

  /** A write that the API may apply and not answer. */
  async write(id: number, kind: 'write' | 'remove', by: 'own' | 'other' = 'own'): Promise<void> {
    const answer = await this.#ask(kind === 'write' ? 'PUT' : 'DELETE', itemOf(id), by);
    this.#tell(`${by} ${kind} ${id}: ${answer.status}`);
    this.api.acknowledge();
  }

  /** The API applies a write, and the gateway is killed before it can say so. */
  async writeAndCrash(id: number, kind: 'write' | 'remove'): Promise<void> {
    const held = this.api.hold();
    this.#tell(`${kind} ${id}, not answered`);
    const answered = this.#ask(kind === 'write' ? 'PUT' : 'DELETE', itemOf(id), 'own');
    // An open circuit holds the write back and answers it: then this is a plain crash.
    await Promise.race([held.arrived(), answered]);
    this.crash();
    held.release();
    this.api.holds = undefined;
    // Over Redis, it is by its record that the others know. A single one that was killed makes none.
    await answered.catch(() => undefined);
    this.api.acknowledge();
  }

  /** A change that no gateway sees. */
  changeByHand(id: number, kind: 'write' | 'remove'): void {
    this.#tell(`by hand: ${kind} ${id}`);
    this.api.change(id, kind);
    this.api.acknowledge();
  }

  async end(): Promise<void> {
    await this.#gateway?.stop();
    await this.#other?.stop();
    await Promise.all(this.#abandoned);
    await this.#redis?.stop();
    await this.api.close();
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }

  #ask(method: string, path: string, by: 'own' | 'other'): Promise<Answer> {
    const { url } = (by === 'other' ? this.#other : this.#gateway) ?? {};
    // To a client, each start is the same host.
    return get(`${url}${path}`, { method, headers: { host: 'api.example' } });
  }

  #configOf(rules: Rules, uses?: Pick<Switches, 'load' | 'save'>): GatewayConfig {
    const { staleIfError, circuit = false } = this.switches;
    const { load, save } = uses ?? {};
    const redis = this.#redis === undefined ? '' : `redis: { url: "unix:${this.#redis.socket}", tier: off }, `;
    const saves = save === 'often' ? '1s' : save;
    const snapshot = `snapshot: { path: ${JSON.stringify(this.#folder)}, load: ${load}, save: ${saves} }`;
    const text = `server: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
origin: { url: "${this.api.origin.url}", timeout: 2s, circuit: ${circuit ? '{ failures: 2, probe: { first: 10ms, most: 20ms } }' : 'off'} }
store: { ${redis}${uses === undefined ? '' : snapshot} }
coherence: { settle: 20ms${this.#redis === undefined ? '' : `, lease: ${LEASE_MS}ms`} }
defaults: { cache: { staleIfError: ${staleIfError ? '10m' : '0s'} } }
${rulesOf(rules)}`;
    const { config } = parseConfig(text, { file: '/gateway.yaml', env: {}, ...noFiles });
    if (config.store.snapshot === undefined || save !== 'often') return config;
    return { ...config, store: { ...config.store, snapshot: { ...config.store.snapshot, save: OFTEN_MS } } };
  }

  async #launch(config: GatewayConfig): Promise<Running> {
    const logs: string[] = [];
    const log = createLogger('info', { write: (line) => void logs.push((JSON.parse(line) as { msg: string }).msg) });
    const gateway = await createGateway(config, { log });
    const { url, adminUrl } = await gateway.start();
    if (this.#redis !== undefined)
      await until(async () => (await get(`${adminUrl}/readyz`)).status === 200, 'a node to be ready');
    return { url, adminUrl, logs, stop: () => gateway.stop() };
  }

  #note(gateway: Running | undefined): void {
    const line = gateway?.logs.find((each) => each.startsWith('snapshot: loaded'));
    if (line !== undefined) this.#tell(line);
    if (line !== undefined && !/loaded 0 /.test(line)) this.counts[/trusted/.test(line) ? 'trusted' : 'doubted'] += 1;
  }

  #makeFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'unstale-life-'));
    this.#folders.push(folder);
    return folder;
  }

  #tell(what: string): void {
    this.trace.push(what);
  }

  #violate(what: string): void {
    this.violations.push(what);
    this.#tell(`VIOLATION ${what}`);
  }
}

/** All but the lock of a process that is gone. One that is removed or renamed meanwhile may be copied or not. */
function copyFiles(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    try {
      if (name !== 'lock') copyFileSync(join(from, name), join(to, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

export { ITEMS };
