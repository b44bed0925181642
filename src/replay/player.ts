import type { GatewayConfig } from '../config/model.ts';
import { proposedRequest } from '../exchange/inspect/proposed-write.ts';
import type { ClientRequest, Origin, RouteTable } from '../exchange/ports.ts';
import { compileRoutes } from '../exchange/routes.ts';
import { isRead, safeMethods } from '../http/methods.ts';
import { TargetError } from '../route/path.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import type { Entry } from './entry.ts';
import { Heap } from './heap.ts';
import type { Ordered } from './order.ts';
import { ReadTally, RuleTally } from './tally.ts';
import { VirtualCache, type VirtualRead } from './virtual-cache.ts';
import { type Recorded, VirtualWrites } from './virtual-writes.ts';

/** Sizes of representations that are remembered, for 304s. */
const MAX_SIZES = 100_000;

/** Something that happens later in the time of the log. */
interface Pending {
  readonly at: number;
  readonly line: number;
  readonly run: () => void | Promise<void>;
}

/** A gateway in virtual time, and beside it a cache with the same lifetimes that ignores writes. */
export class Player {
  readonly total = new ReadTally();
  /** By route; `undefined` is what matches none. */
  readonly routes = new Map<string | undefined, ReadTally>();
  /** By rule; `null` is the written resource itself. */
  readonly rules = new Map<string | null, RuleTally>();
  readonly writes = { requests: 0, recorded: 0, dropped: 0 };
  /** Requests that are neither reads nor writes: `OPTIONS`, or what `reads` declares. */
  passed = 0;
  /** Targets that the gateway answers with 400. */
  refused = 0;
  /** Reads whose response is stored with tags that the log does not tell. */
  tagsUnknown = 0;
  /** Reads that were answered 304. */
  notModified = 0;
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  readonly cache: VirtualCache;
  readonly #ttlOnly: VirtualCache;
  readonly #table: RouteTable;
  readonly #written: VirtualWrites;
  /** Lifetime of responses whose route leaves it to the API, if the log has no header fields. */
  readonly #assumedTtlMs: number | undefined;
  readonly #clock = { now: Number.NEGATIVE_INFINITY };
  readonly #pending = new Heap<Pending>((a, b) => a.at < b.at || (a.at === b.at && a.line < b.line));
  readonly #sizes = new Map<string, number>();
  /** Responses in the cache that ignores writes, and the rule that makes them stale. */
  readonly #stale = new WeakMap<StoredResponse, string | null>();

  constructor(config: GatewayConfig, assumedTtlMs: number | undefined) {
    this.#assumedTtlMs = assumedTtlMs;
    this.#table = compileRoutes(config, new Map(Object.keys(config.origins).map((name) => [name, noOrigin])));
    const { memory } = config.store;
    this.cache = new VirtualCache({ memory, clock: this.#clock });
    this.#ttlOnly = new VirtualCache({ memory, clock: this.#clock });
    this.#written = new VirtualWrites(config, this.#table, this.#clock);
    for (const { match } of config.routes) this.routes.set(match, new ReadTally());
    for (const name of [null, ...config.rules.map((rule) => rule.name)]) this.rules.set(name, new RuleTally());
  }

  async play({ entry, line }: Ordered): Promise<void> {
    await this.#until(entry.startedAt);
    this.first = Math.min(this.first, entry.startedAt);
    this.last = Math.max(this.last, entry.endedAt);
    const request = requestOf(entry);
    if (request === undefined) this.refused += 1;
    else if (isRead(entry)) this.#read(entry, request, line);
    else if (safeMethods.has(entry.method) || this.#written.said.declaredRead(request) !== undefined) this.passed += 1;
    else await this.#write(entry, request, line);
  }

  /** Plays what is still under way at the end of the log. */
  async end(): Promise<void> {
    await this.#until(Number.POSITIVE_INFINITY);
  }

  async #until(time: number): Promise<void> {
    for (let next = this.#pending.peek(); next !== undefined && next.at <= time; next = this.#pending.peek()) {
      this.#pending.pop();
      this.#clock.now = Math.max(this.#clock.now, next.at);
      await next.run();
    }
    if (Number.isFinite(time)) this.#clock.now = Math.max(this.#clock.now, time);
  }

  #later(at: number, line: number, run: Pending['run']): void {
    this.#pending.push({ at: Math.max(at, this.#clock.now), line, run });
  }

  #read(logged: Entry, request: ClientRequest, line: number): void {
    const entry = this.#answerOf(logged);
    const found = this.#table.find(request.target.resource);
    const read = this.cache.read(entry, request, found);
    const ttlOnly = this.#ttlOnly.read(entry, request, found);
    this.#land(this.cache, read, entry.endedAt, line);
    this.#land(this.#ttlOnly, ttlOnly, entry.endedAt, line);
    if (read.tagsUnknown === true) this.tagsUnknown += 1;
    const stale = ttlOnly.served === undefined ? undefined : this.#stale.get(ttlOnly.served);
    if (stale !== undefined) this.#ruleOf(stale).staleHits += 1;
    for (const tally of [this.total, this.#routeOf(found.route.name)]) {
      tally.add(read, logged.bytes);
      tally.addTtlOnly(ttlOnly, stale !== undefined);
    }
  }

  #land(cache: VirtualCache, { fill }: VirtualRead, at: number, line: number): void {
    if (fill !== undefined) this.#later(at, line, () => cache.land(fill));
  }

  async #write(entry: Entry, request: ClientRequest, line: number): Promise<void> {
    this.writes.requests += 1;
    const before = await this.#written.before(entry, request, this.cache.store);
    this.#later(entry.endedAt, line, async () => {
      const { recorded, skipped } = await this.#written.play(entry, request, before);
      for (const rule of skipped) this.#ruleOf(rule).skipped += 1;
      if (recorded !== undefined) this.#record(recorded, line);
    });
  }

  #record({ coverage, quarantineMs, rules, certain }: Recorded, line: number): void {
    this.writes.recorded += 1;
    for (const effect of rules) {
      this.#ruleOf(effect.rule).add(effect, this.cache.store.coveredBy(effect.coverage).size);
    }
    const { position, removed } = this.cache.record(coverage, quarantineMs > 0);
    this.writes.dropped += removed;
    if (quarantineMs > 0) {
      this.#later(this.#clock.now + quarantineMs, line, () => this.cache.settle(coverage, position));
    }
    for (const { rule, coverage: covered } of certain) {
      for (const response of this.#ttlOnly.store.coveredBy(covered)) {
        if (!this.#stale.has(response)) this.#stale.set(response, rule);
      }
    }
  }

  /** The answer that the gateway would have got: it asks without the client's conditions. */
  #answerOf(entry: Entry): Entry {
    const assumedTtlMs = this.#assumedTtlMs;
    const assumed = entry.bodies === undefined && assumedTtlMs !== undefined;
    const responseHeaders = assumed
      ? ['Cache-Control', `max-age=${Math.floor(assumedTtlMs / 1000)}`]
      : entry.responseHeaders;
    const name = `${entry.host ?? ''} ${entry.target}`;
    if (entry.status === 304) {
      this.notModified += 1;
      return { ...entry, responseHeaders, status: 200, bytes: this.#sizes.get(name) ?? 0 };
    }
    if (entry.status === 200 && entry.method === 'GET') {
      this.#sizes.delete(name);
      this.#sizes.set(name, entry.bytes);
      for (const oldest of this.#sizes.size > MAX_SIZES ? this.#sizes.keys() : []) {
        this.#sizes.delete(oldest);
        break;
      }
    }
    return assumed ? { ...entry, responseHeaders } : entry;
  }

  #routeOf(name: string | undefined): ReadTally {
    const known = this.routes.get(name);
    if (known !== undefined) return known;
    const made = new ReadTally();
    this.routes.set(name, made);
    return made;
  }

  #ruleOf(name: string | null): RuleTally {
    return this.rules.get(name) as RuleTally;
  }
}

/** Nothing is ever asked of it. */
const noOrigin: Origin = {
  fetch: () => Promise.reject(new Error('a replay asks no origin')),
  serverErrors: 'unknown',
};

/** Undefined: the gateway refuses the target. */
function requestOf({ method, target, host, requestHeaders }: Entry): ClientRequest | undefined {
  try {
    const request = proposedRequest({ method, target, requestHeaders });
    return host === undefined ? request : { ...request, host };
  } catch (error) {
    if (error instanceof TargetError) return undefined;
    throw error;
  }
}
