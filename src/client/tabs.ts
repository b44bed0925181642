import { stepGroup } from './group.ts';
import { type Group, type GroupAction, type GroupInput, type Message, newGroup, VERSION } from './group-state.ts';
import type { Platform, TabPlatform } from './platform.ts';
import type { Source } from './source.ts';
import { type Sink, Stream, type StreamOptions } from './stream.ts';

export interface TabsOptions {
  readonly name: string;
  readonly tabs: TabPlatform;
  readonly stream: StreamOptions;
  readonly platform: Platform;
  readonly sink: Sink;
  /** This tab has left the others for a stream of its own. */
  readonly alone: () => void;
}

/** A stream that the tabs of an origin share. */
export class Tabs implements Source {
  readonly #options: TabsOptions;
  #group: Group;
  readonly #streams = new Map<number, Stream>();
  #channel: ReturnType<TabPlatform['channel']> | undefined;
  /** Gives the lock back, or takes the request for it back. */
  #unlock: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;
  readonly #inputs: GroupInput[] = [];

  constructor(options: TabsOptions) {
    this.#options = options;
    const { stream, platform } = options;
    const tab = `${platform.wall().toString(36)}${platform.random().toString(36).slice(1)}`;
    this.#group = newGroup(tab, { match: stream.match, tags: stream.tags }, stream.lastEventId);
    this.#put({ is: 'join' });
  }

  happen(happening: Parameters<Source['happen']>[0]): void {
    if (happening === 'back') this.#put({ is: 'join' });
    else if (happening === 'left') this.#put({ is: 'leave' });
    else {
      for (const stream of this.#streams.values()) stream.wake(happening === 'network');
      if (happening === 'shown') this.#put({ is: 'shown' });
    }
  }

  close(): void {
    this.#put({ is: 'leave' });
  }

  /** Inputs that actions give rise to follow after all actions. */
  #put(input: GroupInput): void {
    if (this.#inputs.push(input) > 1) return;
    // The loop also takes what is added while it runs.
    for (const next of this.#inputs) this.#step(next);
    this.#inputs.length = 0;
  }

  #step(input: GroupInput): void {
    const { platform, sink } = this.#options;
    const before = this.#group;
    const links = [...this.#streams.values()].map(({ link }) => link);
    const [group, actions] = stepGroup(before, input, { now: platform.now(), random: platform.random(), links });
    this.#group = group;
    if (group.role !== 'away') this.#openChannel();
    for (const action of actions) this.#act(action);
    if (group.last !== before.last && group.last !== undefined) sink.position(group.last);
    if (group.state !== before.state && group.state !== 'stopped') sink.state(group.state, group.reason);
    if (group.role === 'away') this.#closeAll();
  }

  #act(action: GroupAction): void {
    switch (action.do) {
      case 'post':
        this.#channel?.postMessage(action.message);
        return;
      case 'event':
        this.#options.sink.event(action.event);
        return;
      case 'resync':
        this.#options.sink.resync(action.resync);
        return;
      case 'timer':
        this.#cancelTimer?.();
        this.#cancelTimer = this.#options.platform.after(action.ms, () => this.#put({ is: 'timer' }));
        return;
      case 'lock':
        this.#lock(action.steal);
        return;
      case 'unlock':
        this.#unlock?.();
        return;
      case 'open':
        this.#open(action);
        return;
      case 'close':
        this.#streams.get(action.n)?.close();
        this.#streams.delete(action.n);
        return;
      case 'check':
        for (const stream of this.#streams.values()) stream.check();
        return;
      case 'quit':
        if (action.stopped === undefined) this.#options.alone();
        else this.#options.sink.state('stopped', action.stopped);
        return;
    }
  }

  #open({ n, filter, from }: GroupAction & { do: 'open' }): void {
    const { stream: options, platform, sink } = this.#options;
    const stream = new Stream({ ...options, ...filter, lastEventId: from, clientId: undefined }, platform, {
      event: (event) => this.#put({ is: 'event', n, event }),
      resync: (resync) => this.#put({ is: 'resync', n, resync }),
      position: (id) => this.#put({ is: 'position', n, id }),
      state: (state, reason) => this.#put({ is: 'stream', n, state, reason, position: stream.lastEventId }),
      warning: (warning) => sink.warning(warning),
    });
    this.#streams.set(n, stream);
    stream.start();
  }

  #lock(steal: boolean): void {
    this.#unlock?.();
    const { tabs, name, platform } = this.#options;
    const waiting = new AbortController();
    let isOver = false;
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#unlock = () => {
      isOver = true;
      waiting.abort();
      release();
    };
    const granted = (): Promise<void> | undefined => {
      if (isOver) return undefined;
      this.#put({ is: 'granted', wall: platform.wall() });
      return held;
    };
    // `steal` cannot be taken back, so it takes no signal.
    tabs.locks.request(name, steal ? { steal } : { signal: waiting.signal }, granted).catch((error: unknown) => {
      if (isOver) return;
      if ((error as Error).name === 'AbortError') this.#put({ is: 'stolen' });
      else this.#giveUp(error);
    });
  }

  /** Some documents may not have locks: those in a sandbox, for instance. */
  #giveUp(error: unknown): void {
    const { sink, alone } = this.#options;
    sink.warning({ code: 'unshared', message: 'this page may not share a stream with others', error });
    this.#put({ is: 'leave' });
    alone();
  }

  #openChannel(): void {
    if (this.#channel !== undefined) return;
    this.#channel = this.#options.tabs.channel(this.#options.name);
    this.#channel.onmessage = ({ data }: MessageEvent<Message | undefined>) => {
      if (data?.v === VERSION) this.#put({ is: 'message', message: data });
    };
  }

  /** An open channel keeps a page out of the back-forward cache. */
  #closeAll(): void {
    this.#channel?.close();
    this.#channel = undefined;
    this.#cancelTimer?.();
  }
}
