import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** How long an API takes for what this process asks it. Requests that run at the same time count each. */
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
  const startedAt = new WeakMap<object, number>();
  let totalMs = 0;
  const starts = (message: unknown): void => {
    const { request } = message as AboutRequest;
    if (String(request.origin) === origin) startedAt.set(request, performance.now());
  };
  const ends = (message: unknown): void => {
    const at = startedAt.get((message as AboutRequest).request);
    if (at !== undefined) totalMs += performance.now() - at;
  };
  subscribe('undici:request:create', starts);
  subscribe('undici:request:trailers', ends);
  return {
    take: () => {
      const ms = totalMs;
      totalMs = 0;
      return ms;
    },
    stop: () => {
      unsubscribe('undici:request:create', starts);
      unsubscribe('undici:request:trailers', ends);
    },
  };
}
