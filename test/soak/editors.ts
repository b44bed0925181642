import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { random } from '../support/random.ts';
import { DOCUMENT, DocumentServer, documentRules, type Member, valuesOf } from './document.ts';
import { GatewayProcess, LEASE_MS } from './nodes.ts';
import { SingleRedis } from './redis.ts';

/** Of a thousand requests to the API so many fail while it is disturbed. */
const FAILING = 8;
/** Edits of a round, after which two equal-tagged writes contend. */
const ROUND_EDITS = 100;
/** Between two nodes that are killed, up to so many edits are acknowledged. */
const MOST_EDITS_BETWEEN = 100;
/** An edit takes a few milliseconds, and after a fault a few seconds. */
const PATIENCE_EACH_MS = 2_000;
const REQUEST_TIMEOUT_MS = 15_000;

export interface EditorsOptions {
  /** To be acknowledged, of both editors together. */
  readonly edits: number;
  readonly seed: number;
  /** Whether the API has strong entity tags; then a third editor goes past the gateways. */
  readonly etags: boolean;
}

export interface Edited {
  acknowledged: number;
  refused: number;
  killed: number;
  stopped: number;
  /** Contests that somebody has won, and those that more than one has. */
  won: number;
  wonTwice: number;
  /** Writes that the API has applied. */
  applied: number;
  /** Reads through a gateway that lacked an edit of their reader's own. */
  readonly stale: string[];
  readonly lost: readonly string[];
  /** Before the first of them. */
  readonly story: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly text: string;
}

/**
 * Two editors, each of which sends its own members of one document, through three gateways, of which one after the
 * other is killed and started again, to an API that is slow, breaks off and fails.
 */
export class Editors {
  readonly seen: Edited;
  readonly #options: EditorsOptions;
  readonly #random: (below: number) => number;
  readonly #api: DocumentServer;
  readonly #gateways: readonly GatewayProcess[];
  readonly #redis: SingleRedis;
  readonly #directory: string;
  /** The last edit of each member that was sent, and that was acknowledged. */
  readonly #sent = new Map<Member, number>();
  readonly #done = new Map<Member, number>();

  private constructor(
    options: EditorsOptions,
    choices: (below: number) => number,
    real: { api: DocumentServer; gateways: readonly GatewayProcess[]; redis: SingleRedis; directory: string },
  ) {
    this.#options = options;
    this.#random = choices;
    this.#api = real.api;
    this.#gateways = real.gateways;
    this.#redis = real.redis;
    this.#directory = real.directory;
    this.seen = {
      ...{ acknowledged: 0, refused: 0, killed: 0, stopped: 0, won: 0, wonTwice: 0, applied: 0, stale: [] },
      lost: real.api.lost,
      story: real.api.story,
    };
  }

  static async start(options: EditorsOptions): Promise<Editors> {
    const choices = random(options.seed);
    const [api, redis, directory] = await Promise.all([
      DocumentServer.start(options.etags, choices),
      SingleRedis.start(),
      mkdtemp(join(tmpdir(), 'unstale-editors-')),
    ]);
    const of = { originUrl: api.url, redis, directory, rules: documentRules, mode: 'strict', workers: 1 };
    const gateways = await Promise.all(Array.from({ length: 3 }, () => GatewayProcess.start(of)));
    await Promise.all(gateways.map((gateway) => gateway.ready()));
    return new Editors(options, choices, { api, gateways, redis, directory });
  }

  /** Rejects if the edits are not acknowledged in time. */
  async play(): Promise<Edited> {
    const { edits, etags } = this.#options;
    this.#api.failing = FAILING;
    const over = new AbortController();
    const disturbed = this.#disturb(over.signal);
    // It is awaited in the end, and must not end the process before that.
    disturbed.catch(() => {});
    const deadline = performance.now() + 60_000 + edits * PATIENCE_EACH_MS;
    try {
      while (this.seen.acknowledged < edits) {
        const until = Math.min(edits, this.seen.acknowledged + ROUND_EDITS);
        const isOver = (): boolean => {
          if (performance.now() > deadline) throw new Error(`only ${this.seen.acknowledged} edits were acknowledged`);
          return this.seen.acknowledged >= until;
        };
        const past = etags ? [this.#editPast('c', isOver)] : [];
        await Promise.all([this.#edit('a', isOver), this.#edit('b', isOver), ...past]);
        await this.#contend();
      }
    } finally {
      over.abort();
      this.#api.failing = 0;
      await disturbed;
    }
    this.seen.applied = this.#api.writes;
    if (this.seen.lost.length === 0) this.#api.story.length = 0;
    return this.seen;
  }

  async #edit(member: Member, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const edit = this.#next(member);
      const method = this.#random(3) === 0 ? 'PATCH' : 'PUT';
      const answer = await this.#ask(this.#any(), method, bodyOf(member, edit));
      if (answer?.status === 200) {
        this.seen.acknowledged += 1;
        this.#acknowledged(member, edit);
      } else {
        this.seen.refused += 1;
        // As a user who tries again, and not a flood of refusals.
        await pause(20 + this.#random(50));
      }
      if (this.#random(3) === 0) await this.#look(member);
      // So that the editors meet at every point of each other's writes.
      if (this.#random(2) === 0) await pause(this.#random(10));
    }
  }

  /** Somebody who knows the API's entity tags, and does without a gateway. */
  async #editPast(member: Member, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const read = await this.#ask(this.#api.url, 'GET');
      if (read?.status === 200 && read.etag !== undefined) {
        const edit = this.#next(member);
        const document = JSON.parse(read.text) as { deep: object };
        const body = JSON.stringify({ ...document, [member]: edit, deep: { ...document.deep, [member]: edit } });
        const answer = await this.#ask(this.#api.url, 'PUT', body, read.etag);
        if (answer?.status === 200) this.#acknowledged(member, edit);
      }
      // Seldom: the gateway gives way to whoever never stops.
      await pause(50 + this.#random(200));
    }
  }

  /** Two writes with the same tag, through different nodes. */
  async #contend(): Promise<void> {
    const { url } = this.#gateways[this.#random(3)] as GatewayProcess;
    const etag = (await this.#ask(url, 'GET'))?.etag;
    if (etag === undefined) return;
    const rivals = this.#gateways.slice(this.#random(2)).slice(0, 2);
    const edits = rivals.map(() => this.#next('contest'));
    const answers = await Promise.all(
      rivals.map((rival, i) => this.#ask(rival.url, 'PUT', bodyOf('contest', edits[i] as number), etag)),
    );
    const winners = edits.filter((_, i) => answers[i]?.status === 200);
    if (winners.length > 0) this.seen.won += 1;
    if (winners.length > 1) this.seen.wonTwice += 1;
  }

  async #look(member: Member): Promise<void> {
    const floor = this.#done.get(member) ?? 0;
    const url = this.#any();
    const answer = await this.#ask(url, 'GET');
    if (answer?.status !== 200) return;
    const [at, below] = valuesOf(answer.text, member);
    if (at < floor || below < floor) this.seen.stale.push(`${url}: ${member} is ${at} and ${below}, after ${floor}`);
  }

  /** Kills one node after the other; of an API with entity tags also one that is stopped for longer than its lease. */
  async #disturb(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const next = this.seen.acknowledged + this.#random(MOST_EDITS_BETWEEN);
      // As `until` polls, but for as long as it takes.
      while (this.seen.acknowledged < next && !over.aborted) await pause(5);
      const node = this.#gateways[this.#random(3)] as GatewayProcess;
      if (this.#options.etags && this.#random(3) === 0) {
        this.#api.tell(`stopped: ${node.url}`);
        node.signal('SIGSTOP');
        await pause(2 * LEASE_MS);
        node.signal('SIGCONT');
        this.seen.stopped += 1;
      } else {
        this.#api.tell(`killed: ${node.url}`);
        await node.kill();
        this.seen.killed += 1;
        // It is back before others have taken over from it, or after.
        await pause(this.#random(800));
        node.launch();
      }
      await this.#ready(node, over);
      this.#api.tell(`ready again: ${node.url}`);
    }
  }

  /** On a machine that is busy with other things a node may take minutes: the edits have a limit of their own. */
  async #ready(node: GatewayProcess, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const isReady = await node.ready().then(
        () => true,
        () => false,
      );
      if (isReady) return;
    }
  }

  #next(member: Member): number {
    const edit = (this.#sent.get(member) ?? 0) + 1;
    this.#sent.set(member, edit);
    return edit;
  }

  #acknowledged(member: Member, edit: number): void {
    this.#done.set(member, edit);
    this.#api.acknowledged(member, edit);
  }

  #any(): string {
    return (this.#gateways[this.#random(3)] as GatewayProcess).url;
  }

  async #ask(url: string, method: string, body?: string, etag?: string): Promise<Answer | undefined> {
    const headers: Record<string, string> = { ...(etag !== undefined && { 'if-match': etag }) };
    if (body !== undefined) headers['content-type'] = contentTypes[method] ?? '';
    try {
      const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      if (method !== 'GET') this.#api.tell(`to ${url}: ${method} ${body} ${etag ?? ''}`);
      const answer = await fetch(url + DOCUMENT, { method, headers, signal, ...(body !== undefined && { body }) });
      const text = await answer.text();
      if (method !== 'GET') this.#api.tell(`from ${url}: ${answer.status} ${answer.ok ? '' : text} to ${body}`);
      return { status: answer.status, etag: answer.headers.get('etag') ?? undefined, text };
    } catch (error) {
      this.#api.tell(`from ${url}: ${String(error)} to ${method} ${body}`);
      return undefined;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#gateways.map((gateway) => gateway.stop()));
    await this.#redis.stop();
    await this.#api.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

const contentTypes: Readonly<Record<string, string>> = {
  PUT: 'application/json',
  PATCH: 'application/merge-patch+json',
};

const bodyOf = (member: Member, edit: number): string => JSON.stringify({ [member]: edit, deep: { [member]: edit } });
