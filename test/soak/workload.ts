import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { CHILDREN, PARENTS, type World } from './world.ts';

/** What clients saw. */
export interface Seen {
  /** Reads that were answered, and compared with what was acknowledged before they began. */
  reads: number;
  hits: number;
  acknowledged: number;
  /** Writes that were answered with 503 or 504 by the gateways: refused, or not known to have reached every node. */
  refused: number;
  /** Requests that came to nothing: the node was dead, stopped or draining. */
  failed: number;
  readonly stale: string[];
  /** The longest that no read, and no write, succeeded anywhere. */
  longestWithoutReadMs: number;
  longestWithoutWriteMs: number;
  /** After what was broken worked again, the longest that a gateway answered no hit. */
  hitsBackMs: number;
  /**
   * What a page that follows the events of a gateway shows as of before a write, although no event is under way any
   * more.
   */
  readonly lost: string[];
}

const REQUEST_TIMEOUT_MS = 3_000;

/**
 * Clients of several gateways: each goes on with its next request when the last one is answered. No read that began
 * after a write was answered may be as of before it.
 */
export class Workload {
  readonly seen: Seen = {
    ...{ reads: 0, hits: 0, acknowledged: 0, refused: 0, failed: 0, stale: [] },
    ...{ longestWithoutReadMs: 0, longestWithoutWriteMs: 0, hitsBackMs: 0, lost: [] },
  };
  readonly #world: World;
  readonly #urls: readonly string[];
  readonly #random: (below: number) => number;
  readonly floors = new Map<string, { readonly version: number; readonly write: number }>();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  /** Those that have answered no hit since `mended`. */
  #withoutHit = new Set<string>();
  #mendedAt = 0;
  #writes = 0;
  #onces = 0;
  #lastRead = performance.now();
  #lastWrite = performance.now();
  #running = true;

  constructor(world: World, urls: readonly string[], random: (below: number) => number) {
    this.#world = world;
    this.#urls = urls;
    this.#random = random;
  }

  /** Runs until `stop`. */
  async run(clients: number): Promise<void> {
    const client = async (): Promise<void> => {
      while (this.#running) {
        const url = this.#urls[this.#random(this.#urls.length)] ?? '';
        const luck = this.#random(36);
        if (luck < 3) await this.#write(url);
        else if (luck < 6) await this.#once(url, luck === 3);
        else await this.#read(url);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    this.#agent.destroy();
  }

  stop(): void {
    this.#running = false;
  }

  mended(): void {
    this.#mendedAt = performance.now();
    this.#withoutHit = new Set(this.#urls);
  }

  get hitsAreBack(): boolean {
    return this.#withoutHit.size === 0;
  }

  #hit(url: string): void {
    this.seen.hits += 1;
    if (!this.#withoutHit.delete(url)) return;
    this.seen.hitsBackMs = Math.max(this.seen.hitsBackMs, performance.now() - this.#mendedAt);
  }

  async #read(url: string): Promise<void> {
    const path = this.#random(3) === 0 ? `/children/${this.#random(CHILDREN)}` : `/parents/${this.#random(PARENTS)}`;
    const floor = this.floors.get(path);
    const answer = await this.#ask(url, 'GET', path);
    if (answer?.status !== 200) return this.#failed();
    const now = performance.now();
    this.seen.longestWithoutReadMs = Math.max(this.seen.longestWithoutReadMs, now - this.#lastRead);
    this.#lastRead = now;
    this.seen.reads += 1;
    if (/; hit/.test(answer.cacheStatus)) this.#hit(url);
    const { asOf } = JSON.parse(answer.body) as { asOf: number };
    if (floor === undefined || asOf >= floor.version) return;
    this.seen.stale.push(
      `${url}${path} (${answer.cacheStatus}): as of ${asOf}, after write ${floor.write} made ${floor.version}`,
    );
  }

  /** What is asked for, or written, only this once: none of it may be left behind anywhere. */
  async #once(url: string, writes: boolean): Promise<void> {
    const path = `/once/${++this.#onces}`;
    const answer = await (writes ? this.#ask(url, 'PATCH', path, '{}') : this.#ask(url, 'GET', path));
    if (answer === undefined) await this.#failed();
    else if (answer.status >= 500) await this.#backOff();
  }

  async #write(url: string): Promise<void> {
    const write = ++this.#writes;
    const child = this.#random(CHILDREN);
    const body = JSON.stringify({ parent: this.#random(PARENTS), write });
    const answer = await this.#ask(url, 'PATCH', `/children/${child}`, body);
    if (answer === undefined) return this.#failed();
    const problem = /"type":"urn:unstale:problem:([a-z-]+)"/.exec(answer.body)?.[1];
    // These say that it is not done, or that not every node is known to have heard of it.
    if (problem === 'uncoordinated' || problem === 'unconfirmed' || problem === 'draining') {
      this.seen.refused += 1;
      return this.#backOff();
    }
    const done = this.#world.applied.get(write);
    if (answer.status === 200) {
      const now = performance.now();
      this.seen.longestWithoutWriteMs = Math.max(this.seen.longestWithoutWriteMs, now - this.#lastWrite);
      this.#lastWrite = now;
      this.seen.acknowledged += 1;
    }
    // Answered, even if with a 502: if the origin applied it, no later request may get the old state.
    if (done === undefined) return;
    for (const path of [`/children/${child}`, ...done.parents.map((id) => `/parents/${id}`)]) {
      if ((this.floors.get(path)?.version ?? 0) < done.version) this.floors.set(path, { version: done.version, write });
    }
  }

  #failed(): Promise<void> {
    this.seen.failed += 1;
    return this.#backOff();
  }

  /** A node that is away refuses at once: without a pause the clients would do nothing but ask it. */
  #backOff(): Promise<void> {
    return pause(20);
  }

  #ask(
    url: string,
    method: string,
    path: string,
    body?: string,
  ): Promise<{ status: number; cacheStatus: string; body: string } | undefined> {
    return new Promise((resolve) => {
      // As behind a balancer: to the clients they are one host, and what one has stored another may serve.
      const host = { host: 'api.example' };
      const typed = { ...host, 'content-type': 'application/json', 'content-length': body?.length ?? 0 };
      const headers = body === undefined ? host : typed;
      const outgoing = request(url + path, { method, headers, agent: this.#agent, timeout: REQUEST_TIMEOUT_MS });
      const nothing = (): void => {
        outgoing.destroy();
        resolve(undefined);
      };
      outgoing.on('timeout', nothing);
      outgoing.on('error', nothing);
      outgoing.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', nothing);
        response.on('end', () => {
          const cacheStatus = String(response.headers['cache-status'] ?? '');
          resolve({ status: response.statusCode ?? 0, cacheStatus, body: text });
        });
      });
      outgoing.end(body);
    });
  }
}
