import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../support/barrier.ts';
import { random } from '../support/random.ts';
import { type SseClient, sseClient } from '../support/sse-client.ts';
import { HookReceiver, type Message, placeOf } from './hook-receiver.ts';
import { GatewayProcess } from './nodes.ts';
import { SingleRedis } from './redis.ts';

const SECRET = `whsec_${Buffer.alloc(32, 'soak').toString('base64')}`;
const CLIENTS = 6;
/** Of a thousand messages so many answers are lost: each costs the endpoint a pause of five seconds. */
const FAILING = 3;
/** Between two nodes that are killed so many writes are acknowledged, at most. */
const MOST_WRITES_BETWEEN = 60;
/** After the last write: for a node to take over, and for what waits. */
const PATIENCE_MS = 120_000;

export interface HooksOptions {
  /** To be acknowledged. */
  readonly writes: number;
  readonly seed: number;
}

export interface Hooked {
  acknowledged: number;
  refused: number;
  killed: number;
  /** Of the stream, and messages that the endpoint was sent; of these, ones that it had had before. */
  events: number;
  messages: number;
  again: number;
  /** Messages first sent after the first mark that stand for what the gateways did not know any more. */
  resyncs: number;
  /** Events of the stream that never came, nor one that stands for them. */
  readonly lost: string[];
  /** Messages that came before an earlier one. */
  readonly disordered: string[];
  /** What is not signed, and what two nodes send at once. */
  readonly wrong: readonly string[];
}

/**
 * Webhooks of three gateways, of which one after the other is killed and started again, while clients write through
 * them. What the endpoint gets is compared with the stream of a fourth one, which has no webhooks and stays.
 */
export class Hooks {
  readonly seen: Hooked;
  readonly #options: HooksOptions;
  readonly #random: (below: number) => number;
  readonly #receiver: HookReceiver;
  readonly #gateways: readonly GatewayProcess[];
  readonly #witness: GatewayProcess;
  readonly #stream: SseClient;
  readonly #redis: SingleRedis;
  readonly #stopOthers: () => Promise<void>;
  #writes = 0;

  private constructor(
    options: HooksOptions,
    choices: (below: number) => number,
    real: {
      receiver: HookReceiver;
      gateways: readonly GatewayProcess[];
      witness: GatewayProcess;
      stream: SseClient;
      redis: SingleRedis;
      stop: () => Promise<void>;
    },
  ) {
    this.#options = options;
    this.#random = choices;
    this.#receiver = real.receiver;
    this.#gateways = real.gateways;
    this.#witness = real.witness;
    this.#stream = real.stream;
    this.#redis = real.redis;
    this.#stopOthers = real.stop;
    const none = { acknowledged: 0, refused: 0, killed: 0, events: 0, messages: 0, again: 0, resyncs: 0 };
    this.seen = { ...none, lost: [], disordered: [], wrong: real.receiver.wrong };
  }

  static async start(options: HooksOptions): Promise<Hooks> {
    const choices = random(options.seed);
    const [api, redis, directory, receiver] = await Promise.all([
      startApi(),
      SingleRedis.start(),
      mkdtemp(join(tmpdir(), 'unstale-hooks-')),
      HookReceiver.start(SECRET, choices),
    ]);
    const originUrl = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
    const of = { originUrl, redis, directory, mode: 'strict', workers: 1 };
    const settings = `name: soak, url: "${receiver.url}", secret: "${SECRET}", allowHttp: true, allow: [127.0.0.1]`;
    const starting = Array.from({ length: 3 }, () =>
      GatewayProcess.start({ ...of, rules: `webhooks: [{ ${settings} }]\n` }),
    );
    const [witness, gateways] = await Promise.all([GatewayProcess.start({ ...of, rules: '' }), Promise.all(starting)]);
    await Promise.all([witness, ...gateways].map((gateway) => gateway.ready()));
    const stream = await sseClient(`${witness.url}/_unstale/events`);
    const stop = async (): Promise<void> => {
      api.closeAllConnections();
      api.close();
      await redis.stop();
      await rm(directory, { recursive: true, force: true });
    };
    return new Hooks(options, choices, { receiver, gateways, witness, stream, redis, stop });
  }

  /** Rejects if the writes are not acknowledged, or delivered, in time. */
  async play(): Promise<Hooked> {
    // It begins with a resync, which stands for all before. A node that is killed before it has stored its new queue
    // leaves the next one to begin another.
    await until(() => this.#receiver.delivered.length > 0, 'the first message', PATIENCE_MS);
    await until(() => this.#isStored(), 'the queue to be stored', PATIENCE_MS);
    await this.#mark('/first');
    this.#receiver.failing = FAILING;
    const over = new AbortController();
    const disturbed = this.#disturb(over.signal);
    // It is awaited in the end, and must not end the process before that.
    disturbed.catch(() => {});
    try {
      await Promise.all(Array.from({ length: CLIENTS }, () => this.#write()));
    } finally {
      over.abort();
      await disturbed;
    }
    await this.#mark('/last');
    this.#compare();
    return this.seen;
  }

  async #isStored(): Promise<boolean> {
    return (await this.#redis.any().ask((redis) => redis.keys('*:webhook:soak:queue'))).length > 0;
  }

  /** Writes through the witness, and waits until the endpoint has heard of it. */
  async #mark(path: string): Promise<void> {
    if ((await this.#put(this.#witness.url, path)) !== 200) throw new Error(`${path} could not be written`);
    await until(() => this.#receiver.delivered.some(({ paths }) => paths.includes(path)), path, PATIENCE_MS);
  }

  async #write(): Promise<void> {
    while (this.seen.acknowledged < this.#options.writes) {
      const { url } = this.#gateways[this.#random(3)] as GatewayProcess;
      // A path of its own: nothing that waits becomes one message with another one.
      if ((await this.#put(url, `/items/${++this.#writes}`)) === 200) this.seen.acknowledged += 1;
      else {
        this.seen.refused += 1;
        await pause(20 + this.#random(50));
      }
      if (this.#random(3) === 0) await pause(this.#random(30));
    }
  }

  async #put(url: string, path: string): Promise<number | undefined> {
    try {
      const answer = await fetch(url + path, { method: 'PUT', body: '{}', signal: AbortSignal.timeout(15_000) });
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return undefined;
    }
  }

  async #disturb(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const next = this.seen.acknowledged + this.#random(MOST_WRITES_BETWEEN);
      while (this.seen.acknowledged < next && !over.aborted) await pause(5);
      const node = this.#gateways[this.#random(3)] as GatewayProcess;
      await node.kill();
      this.seen.killed += 1;
      await pause(this.#random(800));
      node.launch();
      // On a machine that is busy with other things a node may take minutes.
      while (
        !(await node.ready().then(
          () => true,
          () => false,
        )) &&
        !over.aborted
      );
    }
  }

  /** From the first mark to the last one. */
  #compare(): void {
    const { delivered } = this.#receiver;
    const events = this.#stream.events.flatMap(({ id = '', type, json }): Message[] =>
      type === 'resync' ? [] : [{ id, type, paths: json<{ paths?: string[] }>().paths ?? [] }],
    );
    const [from, to] = ['/first', '/last'].map((mark) => events.findIndex(({ paths }) => paths.includes(mark)));
    const between = events.slice(from, (to ?? 0) + 1);
    const had = new Set<string>();
    let latest = -1;
    for (const { id } of delivered) {
      if (had.has(id)) this.seen.again += 1;
      else if (placeOf(id) < latest) this.seen.disordered.push(`${id} came after ${latest}`);
      had.add(id);
      latest = Math.max(latest, placeOf(id));
    }
    for (const event of between) {
      // One that waited is told by a later one with the same paths.
      const isTold = had.has(event.id) || delivered.some((message) => standsFor(message, event));
      if (!isTold) this.seen.lost.push(`${event.id}: ${event.type} of ${event.paths.join(' ')}`);
    }
    this.seen.events = between.length;
    this.seen.messages = delivered.length;
    const first = delivered.findIndex(({ paths }) => paths.includes('/first'));
    // A node that is killed before it has stored what it delivered leaves the next one to deliver the same again.
    const before = new Set(delivered.slice(0, first).map(({ id }) => id));
    this.seen.resyncs = delivered.slice(first).filter(({ type, id }) => type === 'resync' && !before.has(id)).length;
  }

  async stop(): Promise<void> {
    this.#stream.close();
    await Promise.all([this.#witness, ...this.#gateways].map((gateway) => gateway.stop()));
    await this.#receiver.stop();
    await this.#stopOthers();
  }
}

const standsFor = (message: Message, event: Message): boolean =>
  message.type === event.type &&
  placeOf(message.id) > placeOf(event.id) &&
  message.paths.join('\n') === event.paths.join('\n');

/** It takes every write, after a moment: a node is killed while writes are on their way, too. */
async function startApi(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => setTimeout(() => response.end('{}'), 2));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return server;
}
