import type { Timers } from '../clock.ts';
import type { OriginConfig } from '../config/model.ts';
import type { Origin } from '../exchange/ports.ts';
import type { FieldLines } from '../http/fields.ts';
import { retryAfterMs } from '../http/retry-after.ts';
import type { CircuitOrigin, Health } from './circuit-origin.ts';

export interface HealthProbesOptions {
  /** Asked directly: never through a cache, nor behind the requests of clients. */
  readonly origin: Origin;
  readonly circuit: CircuitOrigin;
  readonly config: OriginConfig & { readonly health: NonNullable<OriginConfig['health']> };
  readonly timers: Timers;
  readonly wall: () => number;
}

/**
 * Asks an origin how it is: in each interval while it is up, and when its circuit says so while it is down. Answers of 2xx
 * and 3xx say that it is well.
 */
export class HealthProbes {
  readonly #options: HealthProbesOptions;
  #cancel: (() => void) | undefined;
  #isStopped = false;
  #isUnderWay = false;

  constructor(options: HealthProbesOptions) {
    this.#options = options;
  }

  /** Also after the circuit has changed: the next probe is due at another time then. */
  plan(): void {
    if (this.#isStopped || this.#isUnderWay) return;
    const { circuit, config, timers } = this.#options;
    this.#cancel?.();
    this.#cancel = timers.after(circuit.probeInMs ?? config.health.intervalMs, () => void this.#probe());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  async #probe(): Promise<void> {
    const turn = this.#options.circuit.beginProbe();
    if (turn !== undefined) {
      this.#isUnderWay = true;
      const health = await this.#ask();
      this.#isUnderWay = false;
      if (!this.#isStopped) this.#options.circuit.probed(turn, health);
    }
    this.plan();
  }

  async #ask(): Promise<Health> {
    const { origin, config, timers, wall } = this.#options;
    const { path, timeoutMs } = config.health;
    // As in the log of requests: a query may hold a secret.
    const asked = `GET ${path.split('?', 1)[0]}`;
    const abort = new AbortController();
    const cancel = timers.after(timeoutMs, () => abort.abort());
    try {
      const headers = fieldsOf(config, origin.ownFields ?? []);
      const { status, ...answer } = await origin.fetch({ method: 'GET', target: path, headers, signal: abort.signal });
      answer.body.stream().resume();
      const ok = status >= 200 && status < 400;
      return { ok, reason: `${asked} answers ${status}`, retryAfterMs: retryAfterMs(answer.headers, wall()) };
    } catch (error) {
      const why = abort.signal.aborted ? `no answer within ${timeoutMs} ms` : (error as Error).message;
      return { ok: false, reason: `${asked}: ${why}`, retryAfterMs: undefined };
    } finally {
      cancel();
    }
  }
}

/** As the gateway's other own reads. A cache before the origin must not answer for it. */
function fieldsOf({ host, url }: OriginConfig, ownFields: FieldLines): FieldLines {
  const lines = ['Host', host ?? new URL(url).host, 'User-Agent', 'unstale', 'Accept', '*/*'];
  return [...lines, 'Cache-Control', 'no-cache', ...ownFields];
}
