import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** How long an API takes for what this process asks it: the time in which at least one request runs. */
export interface ApiTime {
  /** Milliseconds since it was last asked. */
  take(): number;
  stop(): void;
}

interface AboutRequest {
  readonly request: { readonly origin: string | URL };
}

/** Listens to the client that gateways use, so that no relay takes time of its own. */
export function apiTime(url: string): ApiTime {
  const { origin } = new URL(url);
  const running = new Set<object>();
  let since = 0;
  let totalMs = 0;
  const starts = (message: unknown): void => {
    const { request } = message as AboutRequest;
    if (String(request.origin) !== origin) return;
    if (running.size === 0) since = performance.now();
    running.add(request);
  };
  const ends = (message: unknown): void => {
    const isLast = running.delete((message as AboutRequest).request) && running.size === 0;
    if (isLast) totalMs += performance.now() - since;
  };
  const channels = { create: starts, trailers: ends, error: ends };
  for (const [name, listener] of Object.entries(channels)) subscribe(`undici:request:${name}`, listener);
  return {
    take: () => {
      const ms = totalMs;
      totalMs = 0;
      return ms;
    },
    stop: () => {
      for (const [name, listener] of Object.entries(channels)) unsubscribe(`undici:request:${name}`, listener);
    },
  };
}
