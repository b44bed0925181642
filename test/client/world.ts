import { createHash } from 'node:crypto';
import { wanted } from '../../src/client/filter.ts';
// Loaded ahead: to load it takes time that is not the world's.
import '../../src/client/join-tabs.ts';
import type { ConnectOptions, Live } from '../../src/client/index.ts';
import { connect } from '../../src/client/index.ts';
import type { Happening, Platform, TabPlatform } from '../../src/client/platform.ts';
import { random } from '../support/random.ts';

/* Tabs, a gateway, locks and channels in virtual time. What comes to a tab waits in its inbox while it is suspended. */

const HEARTBEAT_MS = 15_000;
/** Events that the gateway holds for those who resume. */
const HISTORY = 20;

interface Stream {
  readonly tab: Tab;
  readonly token: string | null;
  readonly sees: (path: string) => boolean;
  send(text: string): void;
  end(): void;
  /** It gets nothing any more, and does not know. */
  isSilent: boolean;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export class World {
  now = 0;
  readonly random: () => number;
  readonly tabs: Tab[] = [];
  readonly #timers = new Set<Timer>();
  readonly #locks = new Map<string, LockQueue>();
  readonly #channels = new Set<{ readonly name: string; readonly tab: Tab; readonly hear: (data: unknown) => void }>();

  // The gateway.
  isUp = true;
  #epoch = 1;
  #position = 0;
  #log: { readonly id: string; readonly path: string }[] = [];
  readonly versions = new Map<string, number>();
  readonly streams = new Set<Stream>();
  /** How many streams have been asked for. */
  asked = 0;

  constructor(random: () => number) {
    this.random = random;
    const beat = (): void => {
      for (const stream of this.streams) stream.send(': \n\n');
      this.after(HEARTBEAT_MS, beat);
    };
    this.after(HEARTBEAT_MS, beat);
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.now + ms, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    await this.settle();
    for (;;) {
      const next = [...this.#timers].reduce<Timer | undefined>(
        (first, each) => (first === undefined || each.at < first.at ? each : first),
        undefined,
      );
      if (next === undefined || next.at > until) break;
      this.now = Math.max(this.now, next.at);
      this.#timers.delete(next);
      next.run();
      await this.settle();
    }
    this.now = until;
  }

  /** Until nobody has anything to do at this time. */
  async settle(): Promise<void> {
    for (let calm = 0; calm < 4; calm++) {
      await new Promise((resolve) => setImmediate(resolve));
      const busy = this.tabs.filter((tab) => tab.inbox.length > 0 && tab.isRunning);
      if (busy.length === 0) continue;
      calm = -1;
      // In any order of tabs; what comes to one comes in its order.
      busy[Math.floor(this.random() * busy.length)]?.inbox.shift()?.();
    }
  }

  open(options: ConnectOptions & { isSecure?: boolean } = {}): Tab {
    const tab = new Tab(this, options);
    this.tabs.push(tab);
    return tab;
  }

  get lastId(): string {
    return `e${this.#epoch}-${this.#position}`;
  }

  write(path: string): void {
    this.versions.set(path, (this.versions.get(path) ?? 0) + 1);
    this.#position += 1;
    this.#log.push({ id: this.lastId, path });
    if (this.#log.length > HISTORY) this.#log.shift();
    for (const stream of this.streams) if (stream.sees(path)) stream.send(frame(this.lastId, path));
  }

  /** Ends all streams. */
  stop(): void {
    this.isUp = false;
    for (const stream of [...this.streams]) stream.end();
  }

  /** With a log of its own. */
  restart(): void {
    this.stop();
    this.isUp = true;
    this.#epoch += 1;
    this.#position = 0;
    this.#log = [];
  }

  silence(): void {
    for (const stream of this.streams) stream.isSilent = true;
  }

  answer(tab: Tab, url: string, init: RequestInit): Promise<Response> {
    const signal = init.signal as AbortSignal;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
      this.after(this.random() * 100, () => {
        tab.put(() => {
          if (signal.aborted) return;
          if (!this.isUp || tab.isOffline) reject(new TypeError('fetch failed'));
          else resolve(this.#subscribed(tab, url, init));
        });
      });
    });
  }

  #subscribed(tab: Tab, url: string, init: RequestInit): Response {
    const signal = init.signal as AbortSignal;
    const token = new Headers(init.headers).get('authorization');
    const query = new URL(url).searchParams;
    const filter = wanted({ match: query.getAll('match'), tags: [] });
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (given) => {
        controller = given;
      },
    });
    const stream: Stream = {
      tab,
      token,
      isSilent: false,
      sees: (path) => filter({ paths: [path], tags: [] }),
      send: (text) =>
        stream.isSilent || tab.put(() => signal.aborted || controller?.enqueue(new TextEncoder().encode(text))),
      end: () => {
        this.streams.delete(stream);
        if (!stream.isSilent) tab.put(() => signal.aborted || controller?.close());
      },
    };
    signal.addEventListener('abort', () => {
      this.streams.delete(stream);
      controller?.error(new Error('aborted'));
    });
    this.asked += 1;
    this.streams.add(stream);
    stream.send(`retry: 1000\n: unstale\n\n${this.#missed(query.get('lastEventId'), stream)}`);
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  }

  #missed(lastEventId: string | null, stream: Stream): string {
    if (lastEventId === null || lastEventId === this.lastId) return `id: ${this.lastId}\n\n`;
    const [epoch, position] = lastEventId.slice(1).split('-').map(Number) as [number, number];
    if (epoch !== this.#epoch || position < this.#position - this.#log.length || position > this.#position)
      return `id: ${this.lastId}\nevent: resync\ndata: {}\n\n`;
    const missed = this.#log.slice(this.#log.length - (this.#position - position));
    const frames = missed.filter(({ path }) => stream.sees(path)).map(({ id, path }) => frame(id, path));
    return `${frames.join('')}id: ${this.lastId}\n\n`;
  }

  platform(tab: Tab): Platform {
    const tabs: TabPlatform = {
      base: 'https://app.example/',
      locks: {
        request: ((name: string, ...rest: never[]) =>
          this.#request(tab, name, ...(rest as never as LockArguments))) as LockManager['request'],
      },
      channel: (name) => {
        const channel = {
          onmessage: null as ((event: MessageEvent) => void) | null,
          postMessage: (data: unknown) => {
            const copy = structuredClone(data);
            for (const other of this.#channels)
              if (other.name === name && other.tab !== tab)
                other.tab.put(() => this.#channels.has(other) && other.hear(copy));
          },
          close: () => void this.#channels.delete(end),
        };
        const end = { name, tab, hear: (data: unknown) => channel.onmessage?.({ data } as MessageEvent) };
        this.#channels.add(end);
        return channel;
      },
      digest: (bytes) => Promise.resolve(new Uint8Array(createHash('sha256').update(bytes).digest()).buffer),
    };
    return {
      now: () => this.now,
      wall: () => 1_700_000_000_000 + this.now,
      random: this.random,
      online: () => !tab.isOffline,
      after: (ms, run) => {
        let isOver = false;
        const cancel = this.after(ms, () => tab.put(() => isOver || run()));
        return () => {
          isOver = true;
          cancel();
        };
      },
      fetch: (url, init) => this.answer(tab, new URL(url, 'https://app.example').href, init),
      tabs: tab.isSecure ? tabs : null,
      listen: (listener) => {
        tab.happen = listener;
        return () => {
          tab.happen = () => {};
        };
      },
    };
  }

  #request(tab: Tab, name: string, options: LockOptions, granted: () => unknown): Promise<unknown> {
    const queue = this.#locks.get(name) ?? new LockQueue();
    this.#locks.set(name, queue);
    return queue.request(tab, options, granted);
  }

  /** What a browser does when a page is gone. */
  forget(tab: Tab): void {
    for (const queue of this.#locks.values()) queue.forget(tab);
    for (const end of [...this.#channels]) if (end.tab === tab) this.#channels.delete(end);
    for (const stream of [...this.streams]) if (stream.tab === tab) this.streams.delete(stream);
  }
}

type LockArguments = [options: LockOptions, granted: () => unknown];

interface Request {
  readonly tab: Tab;
  readonly grant: () => void;
  readonly steal: () => void;
}

class LockQueue {
  #held: Request | undefined;
  #waiting: Request[] = [];

  request(tab: Tab, { steal, signal }: LockOptions, granted: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const broken = (): void => tab.put(() => reject(new DOMException('', 'AbortError')));
      const request: Request = {
        tab,
        grant: () => {
          this.#held = request;
          tab.put(
            () =>
              void Promise.resolve(granted())
                .then(() => this.#release(request))
                .then(resolve),
          );
        },
        steal: broken,
      };
      signal?.addEventListener('abort', () => {
        const waited = this.#waiting.includes(request);
        this.#waiting = this.#waiting.filter((each) => each !== request);
        if (waited) broken();
      });
      if (steal) {
        this.#held?.steal();
        request.grant();
      } else {
        this.#waiting.push(request);
        if (this.#held === undefined) this.#next();
      }
    });
  }

  forget(tab: Tab): void {
    this.#waiting = this.#waiting.filter((each) => each.tab !== tab);
    if (this.#held?.tab === tab) this.#release(this.#held);
  }

  #release(request: Request): void {
    if (this.#held !== request) return;
    this.#held = undefined;
    this.#next();
  }

  #next(): void {
    this.#waiting.shift()?.grant();
  }
}

const frame = (id: string, path: string): string =>
  `id: ${id}\nevent: invalidate\ndata: ${JSON.stringify({ paths: [path], tags: [], cause: { method: 'PUT', path, rule: null }, at: '' })}\n\n`;

/** A page that shows some paths, and fetches what it is told of. */
export class Tab {
  readonly inbox: (() => void)[] = [];
  readonly live: Live;
  readonly options: ConnectOptions;
  /** The version of each path that it shows. */
  readonly shown = new Map<string, number>();
  readonly told: string[] = [];
  readonly states: string[] = [];
  readonly warnings: string[] = [];
  readonly isSecure: boolean;
  happen: (happening: Happening) => void = () => {};
  isRunning = true;
  isOffline = false;
  isGone = false;
  isAway = false;
  readonly #world: World;

  constructor(world: World, { isSecure = true, ...options }: ConnectOptions & { isSecure?: boolean }) {
    this.#world = world;
    this.isSecure = isSecure;
    this.options = options;
    this.live = connect(options, world.platform(this));
    let wasLive = false;
    this.live.on('state', ({ state, reason }) => {
      this.states.push(reason === undefined ? state : `${state}: ${reason.code}`);
      // What was fetched before the subscription may be old.
      if (state === 'live' && !wasLive) this.#fetch(() => true);
      wasLive ||= state === 'live';
    });
    this.live.on('event', ({ id, paths }) => {
      this.told.push(id);
      this.#fetch((path) => paths.includes(path));
    });
    this.live.on('resync', ({ reason }) => {
      this.told.push(`resync ${reason}`);
      this.#fetch(() => true);
    });
    this.live.on('warning', ({ code }) => this.warnings.push(code));
  }

  put(run: () => void): void {
    if (!this.isGone) this.inbox.push(run);
  }

  #fetch(which: (path: string) => boolean): void {
    for (const [path, version] of this.#world.versions) if (which(path)) this.shown.set(path, version);
  }

  crash(): void {
    this.isGone = true;
    this.inbox.length = 0;
    this.#world.forget(this);
  }

  close(): void {
    this.happen('left');
    this.crash();
  }

  /** Frozen, or put into the back-forward cache: the page is told. */
  leave(): void {
    if (this.isRunning) this.happen('left');
    this.isRunning = false;
    this.isAway = true;
  }

  comeBack(): void {
    this.isRunning = true;
    if (this.isAway) this.happen('back');
    this.isAway = false;
  }

  /** Nothing runs, and the page is not told. */
  suspend(): void {
    this.isRunning = false;
  }
}

export function world(seed = 1): World {
  const next = random(seed);
  return new World(() => next(1_000_000) / 1_000_000);
}

export const statesOf = (tabs: readonly Tab[]): string[] => tabs.map(({ live }) => live.state);
