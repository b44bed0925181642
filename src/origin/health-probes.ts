import type { Timers } from '../clock.ts';
import type { OriginConfig } from '../config/model.ts';
import type { CircuitOrigin } from './circuit-origin.ts';
import type { Probe } from './probe.ts';

export interface HealthProbesOptions {
  readonly probe: Probe;
  readonly circuit: CircuitOrigin;
  readonly config: OriginConfig & { readonly health: NonNullable<OriginConfig['health']> };
  readonly timers: Timers;
}

/**
 * Asks an origin how it is: in each interval while it is up, and when its circuit says so while it is down. Answers of
 * 2xx and 3xx say that it is well.
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
      const { probe, config } = this.#options;
      const { path: target } = config.health;
      const health = await probe.ask({ method: 'GET', target, host: config.host ?? new URL(config.url).host });
      this.#isUnderWay = false;
      if (!this.#isStopped) this.#options.circuit.probed(turn, health);
    }
    this.plan();
  }
}
