import { closed } from './link.ts';
import { Backlog, Told } from './listeners.ts';
import { type Platform, platform, type TabPlatform } from './platform.ts';
import { ownStream, type Source } from './source.ts';
import type { Sink, StreamOptions } from './stream.ts';
import type { ConnectOptions, Live, Reason, Resync, State, UnstaleEvent, Warning } from './types.ts';

const BUFFERED = 1_000;

/** Follows what changes. It starts at once, and goes on until `close()` or a refusal. */
export function connect(options: ConnectOptions = {}, surroundings: Platform = platform): Live {
  return new Connection(options, surroundings);
}

class Connection implements Live {
  readonly #options: ConnectOptions;
  readonly #platform: Platform;
  readonly #told = new Told();
  readonly #unlisten: () => void;
  #source: Source | undefined;
  #reason: Reason | undefined;
  readonly clientId: string | undefined;
  state: State = 'connecting';
  lastEventId: string | undefined;

  constructor(options: ConnectOptions, surroundings: Platform) {
    this.#options = options;
    this.#platform = surroundings;
    this.clientId = options.clientId;
    this.lastEventId = options.lastEventId;
    this.#unlisten = surroundings.listen((happening) => this.#source?.happen(happening));
    const { tabs } = surroundings;
    if (tabs && options.shared !== false) void this.#share(tabs);
    else this.#open();
    if (tabs === null && options.shared !== false) queueMicrotask(() => this.#told.tell('warning', insecure));
  }

  on: Live['on'] = (name, listener) => this.#told.on(name, listener);

  close(): void {
    this.#stop(closed);
  }

  /** It hears from this moment on, though nothing is read yet. */
  [Symbol.asyncIterator](): AsyncGenerator<UnstaleEvent | Resync, undefined> {
    const backlog = new Backlog(this.#options.bufferSize ?? BUFFERED);
    const items = this.#items(backlog, [
      this.#told.on('event', (event) => backlog.put(event)),
      this.#told.on('resync', (resync) => backlog.put(resync)),
      this.#told.on('state', () => backlog.wake()),
    ]);
    // Runs it to its first `yield`: returned before it has begun, it would skip `finally` and keep its listeners.
    void items.next();
    return items;
  }

  async *#items(backlog: Backlog, removals: (() => void)[]): AsyncGenerator<UnstaleEvent | Resync, undefined> {
    try {
      yield undefined as never;
      for (;;) {
        const item = backlog.take();
        if (item !== undefined) yield item;
        else if (this.state !== 'stopped') await backlog.changed();
        else if (this.#reason?.code === 'closed') return;
        else throw new Error(`unstale: ${this.#reason?.message}`);
      }
    } finally {
      for (const remove of removals) remove();
    }
  }

  #streamOptions(): StreamOptions {
    const { url = '/_unstale/events', match = [], tags = [] } = this.#options;
    return { ...this.#options, url, match, tags, clientId: this.clientId, lastEventId: this.lastEventId };
  }

  #open(): void {
    if (this.state === 'stopped') return;
    this.#source = ownStream(this.#streamOptions(), this.#platform, this.#sink);
  }

  /** What tabs share a stream by is loaded only where there are tabs. */
  async #share(tabs: TabPlatform): Promise<void> {
    try {
      const { Membership } = await import('./join-tabs.ts');
      if (this.state === 'stopped') return;
      const membership = new Membership({
        tabs,
        platform: this.#platform,
        stream: () => this.#streamOptions(),
        scope: this.#options.scope,
        sink: this.#sink,
        alone: () => this.#open(),
      });
      this.#source = membership;
      await membership.join();
      if (this.clientId !== undefined && this.#source === membership) this.#told.tell('warning', echo);
    } catch (error) {
      this.#told.tell('warning', { ...unshared, error });
      this.#open();
    }
  }

  readonly #sink: Sink = {
    event: (event) => {
      this.lastEventId = event.id;
      this.#told.tell('event', event);
    },
    resync: (resync) => {
      this.lastEventId = resync.id ?? this.lastEventId;
      this.#told.tell('resync', resync);
    },
    position: (id) => {
      this.lastEventId = id;
    },
    state: (state, reason) => {
      if (state === 'stopped') this.#stop(reason as Reason);
      else this.#state(state, reason);
    },
    warning: (warning) => this.#told.tell('warning', warning),
  };

  #state(state: State, reason: Reason | undefined): void {
    const previous = this.state;
    if (previous === state || previous === 'stopped') return;
    this.state = state;
    this.#reason = reason;
    this.#told.tell('state', { state, previous, reason });
  }

  #stop(reason: Reason): void {
    this.#unlisten();
    this.#state('stopped', reason);
    this.#source?.close();
    this.#source = undefined;
  }
}

const unshared: Warning = { code: 'unshared', message: 'this tab has a stream of its own' };
const echo: Warning = { code: 'echo', message: 'tabs share a stream, so clientId is not sent' };
const insecure: Warning = { ...unshared, message: `${unshared.message}: Web Locks need https` };
