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
  /** Returns what stops listening. */
  listen(listener: (happening: Happening) => void): () => void;
}

/**
 * - `network`: there is a network again · `shown`: the page is visible again
 * - `hidden-away`: it is unloaded or goes into the back-forward cache · `back`: it came out of it
 * - `frozen`, `thawed`: nothing runs in between
 */
export type Happening = 'network' | 'shown' | 'hidden-away' | 'back' | 'frozen' | 'thawed';

/** The global object: a page, a worker, or Node. */
export const platform: Platform = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
  fetch: (url, init) => fetch(url, init),
  online: () => globalThis.navigator?.onLine !== false,
  listen: (listener) => {
    const controller = new AbortController();
    const on = (target: EventTarget | undefined, name: string, run: (event: Event) => void): void =>
      target?.addEventListener?.(name, run, { signal: controller.signal });
    const page = globalThis.document;
    on(globalThis, 'online', () => listener('network'));
    on(page, 'visibilitychange', () => page.visibilityState === 'visible' && listener('shown'));
    on(globalThis, 'pagehide', () => listener('hidden-away'));
    on(globalThis, 'pageshow', (event) => (event as PageTransitionEvent).persisted && listener('back'));
    on(page, 'freeze', () => listener('frozen'));
    on(page, 'resume', () => listener('thawed'));
    return () => controller.abort();
  },
};
