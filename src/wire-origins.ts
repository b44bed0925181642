import { systemClock, systemTimers } from './clock.ts';
import type { GatewayConfig, OriginConfig } from './config/model.ts';
import type { EventHub } from './events/hub.ts';
import { originSignal } from './events/origin-signal.ts';
import { type NeedsEtag, TaggedOrigin } from './exchange/own-etags.ts';
import type { Origin, OriginStanding } from './exchange/ports.ts';
import type { Reports } from './observe/reports.ts';
import { CircuitOrigin, downStatuses } from './origin/circuit-origin.ts';
import { HealthProbes } from './origin/health-probes.ts';
import { createOrigin, type PooledOrigin } from './origin/pool.ts';
import { Probe, probeTimeoutMs } from './origin/probe.ts';
import { withoutQuery } from './route/path.ts';

export interface WiredOrigins {
  /** By name. */
  readonly byName: ReadonlyMap<string, Origin>;
  /** How each stands that is not asked while it is down. */
  standings(): ReadonlyMap<string, OriginStanding>;
  close(): Promise<void>;
}

interface OriginParts {
  /** Undefined if no read needs an entity tag of the gateway's own. */
  readonly needsEtag: NeedsEtag | undefined;
  readonly reports: Pick<Reports, 'originChanged'>;
  readonly hub: Pick<EventHub, 'signal' | 'stands'>;
}

/** The origins of a configuration as the exchanges see them: a pool each, its circuit, its entity tags. */
export function wireOrigins(config: GatewayConfig, { needsEtag, reports, hub }: OriginParts): WiredOrigins {
  const closers: (() => Promise<void> | void)[] = [];
  const circuits: CircuitOrigin[] = [];
  const probes: HealthProbes[] = [];
  const pooled = (settings: OriginConfig): PooledOrigin => {
    const pool = createOrigin(settings);
    closers.push(() => pool.close());
    return pool;
  };
  const probeOf = (settings: OriginConfig): Probe => {
    const { health } = settings;
    // As in the log of requests: a query may hold a secret.
    const name = health && `GET ${withoutQuery(health.path)}`;
    const timeoutMs = probeTimeoutMs(settings);
    const isWell = (status: number): boolean =>
      health === undefined ? !downStatuses.has(status) : status >= 200 && status < 400;
    // A connection of its own: a probe must not wait behind requests that take long.
    const origin = pooled({ ...settings, connections: 1, timeoutMs, connectTimeoutMs: timeoutMs });
    return new Probe({ name, origin, timeoutMs, isWell, timers: systemTimers, wall: systemClock.wall });
  };
  const guarded = (name: string, settings: OriginConfig): Origin => {
    const { circuit, health } = settings;
    if (circuit === undefined) return pooled(settings);
    const probe = probeOf(settings);
    let own: HealthProbes | undefined;
    const origin = new CircuitOrigin(pooled(settings), {
      ...{ name, settings: circuit, clock: systemClock, random: Math.random },
      ask: health === undefined ? (asked) => probe.ask(asked) : undefined,
      changed: (change) => {
        reports.originChanged(change);
        hub.signal(originSignal(change, systemClock.wall()));
        own?.plan();
      },
    });
    circuits.push(origin);
    hub.stands(originSignal({ origin: name, is: 'up', since: undefined }, systemClock.wall()));
    if (health !== undefined) {
      own = new HealthProbes({ probe, circuit: origin, config: { ...settings, health }, timers: systemTimers });
      own.plan();
      probes.push(own);
    }
    return origin;
  };
  const { resolveBytes } = config.server.limits;
  const byName = new Map(
    Object.entries(config.origins).map(([name, settings]) => {
      const origin = guarded(name, settings);
      return [name, needsEtag === undefined ? origin : new TaggedOrigin(origin, needsEtag, resolveBytes)];
    }),
  );
  return {
    byName,
    standings: () => new Map(circuits.map((origin) => [origin.name, origin.standing])),
    close: async () => {
      for (const each of [...probes, ...circuits]) each.stop();
      await Promise.all(closers.map((close) => close()));
    },
  };
}
