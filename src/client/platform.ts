/** What the client needs of its surroundings. Tests bring their own, with a time of their own. */
export interface Platform {
  /** Milliseconds. */
  now(): number;
  /** Returns what cancels it. */
  after(ms: number, run: () => void): () => void;
  /** From 0 to 1. */
  random(): number;
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** What the browser says. */
  online(): boolean;
  /** Milliseconds since 1970, the same in all tabs. */
  wall(): number;
  /** What tabs share a stream by. Undefined where there is none: in Node. Null: the context is not secure. */
  readonly tabs: TabPlatform | undefined | null;
  /** Returns what stops listening. */
  listen(listener: (happening: Happening) => void): () => void;
}

export interface TabPlatform {
  readonly base: string;
  readonly locks: Pick<LockManager, 'request'>;
  channel(name: string): Pick<BroadcastChannel, 'postMessage' | 'onmessage' | 'close'>;
  digest(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
}

/**
 * - `network`: there is a network again · `shown`: the page is visible again
 * - `left`: the page is unloaded, frozen, or put into the back-forward cache · `back`: it runs again
 */
export type Happening = 'network' | 'shown' | 'left' | 'back';

/** The global object: a page, a worker, or Node. */
export const platform: Platform = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
  fetch: (url, init) => fetch(url, init),
  wall: Date.now,
  get tabs(): TabPlatform | undefined | null {
    if (globalThis.isSecureContext === undefined) return undefined;
    const { locks } = navigator;
    if (!isSecureContext || locks === undefined || globalThis.BroadcastChannel === undefined) return null;
    return {
      base: location.href,
      locks,
      channel: (name) => new BroadcastChannel(name),
      digest: (bytes) => crypto.subtle.digest('SHA-256', bytes),
    };
  },
  online: () => globalThis.navigator?.onLine !== false,
  listen: (listener) => {
    const controller = new AbortController();
    const on = (target: EventTarget | undefined, name: string, run: (event: Event) => void): void =>
      target?.addEventListener?.(name, run, { signal: controller.signal });
    const page = globalThis.document;
    on(globalThis, 'online', () => listener('network'));
    on(page, 'visibilitychange', () => page.visibilityState === 'visible' && listener('shown'));
    on(globalThis, 'pagehide', () => listener('left'));
    on(globalThis, 'pageshow', (event) => (event as PageTransitionEvent).persisted && listener('back'));
    on(page, 'freeze', () => listener('left'));
    on(page, 'resume', () => listener('back'));
    return () => controller.abort();
  },
};
