import type { Timers } from '../clock.ts';
import type { OriginConfig } from '../config/model.ts';
import type { Origin } from '../exchange/ports.ts';
import { retryAfterMs } from '../http/retry-after.ts';

/** A probe that a client's request waits for takes no longer, whatever the origin may take over its requests. */
const MAX_PROBE_MS = 5_000;

export function probeTimeoutMs({ health, timeoutMs }: Pick<OriginConfig, 'health' | 'timeoutMs'>): number {
  return health?.timeoutMs ?? Math.min(timeoutMs, MAX_PROBE_MS);
}

export interface ProbeOptions {
  /** As it is named where the reason is told. Undefined where its path is that of a client's request. */
  readonly name: string | undefined;
  /** Asked directly: never through a cache, nor behind the requests of clients. */
  readonly origin: Origin;
  readonly timeoutMs: number;
  readonly isWell: (status: number) => boolean;
  readonly timers: Timers;
  readonly wall: () => number;
}

/** What a probe asks for. */
export interface Asked {
  readonly method: 'GET' | 'HEAD';
  readonly target: string;
  readonly host: string;
}

/** What a probe has found. */
export interface Health {
  readonly ok: boolean;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
}

/** A request of the gateway's own by which it finds out how an origin is. */
export class Probe {
  readonly #options: ProbeOptions;

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  async ask({ method, target, host }: Asked): Promise<Health> {
    const { name, origin, timeoutMs, isWell, timers, wall } = this.#options;
    // As the gateway's other own reads. A cache before the origin must not answer for it.
    const own = ['User-Agent', 'unstale', 'Accept', '*/*', 'Cache-Control', 'no-cache', ...(origin.ownFields ?? [])];
    const abort = new AbortController();
    const cancel = timers.after(timeoutMs, () => abort.abort());
    try {
      const headers = ['Host', host, ...own];
      const { status, ...answer } = await origin.fetch({ method, target, headers, signal: abort.signal });
      // It may never end, and the next probe needs the connection.
      answer.body.destroy();
      const reason = `${name ?? 'it'} answers ${status}`;
      return { ok: isWell(status), reason, retryAfterMs: retryAfterMs(answer.headers.get('retry-after'), wall()) };
    } catch (error) {
      const why = abort.signal.aborted ? `no answer within ${timeoutMs} ms` : (error as Error).message;
      return { ok: false, reason: name === undefined ? why : `${name}: ${why}`, retryAfterMs: undefined };
    } finally {
      cancel();
    }
  }
}
