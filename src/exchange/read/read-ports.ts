import type { Clock, Timers } from '../../clock.ts';
import type { Fence } from '../../coherence/fence.ts';
import type { Position } from '../../coherence/record.ts';
import type { SecondTier } from '../../store/second-tier.ts';
import type { Store } from '../../store/store.ts';
import type { ClientRequest, Route } from '../ports.ts';
import type { Encoder } from './encoder.ts';
import type { FillBudget } from './fill-budget.ts';
import type { Flights } from './flights.ts';
import type { SearchVariances } from './search-variances.ts';

/** The state of one read that every step needs. */
export interface Read {
  readonly request: ClientRequest;
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly key: string;
  /** The applied position when the request arrived. */
  readonly arrived: Position;
  /** The request has credentials that are not in the key. */
  readonly credentials: boolean;
  /** `ReadPorts.cursor` when the request arrived: its answer reflects at least this, unless it is stale. */
  readonly cursor: string | undefined;
}

export interface ReadPorts {
  readonly store: Store;
  readonly fence: Fence;
  /** Whether this node may now answer from memory and from fills of other requests. */
  readonly serving: () => boolean;
  /**
   * The id of the newest event that was announced here. Its record, and all before it, have been applied: neither
   * memory nor what is asked of the origin from now on is older. Undefined: not known.
   */
  readonly cursor: () => string | undefined;
  /** The tier that the nodes share behind their memory. */
  readonly tier: SecondTier | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly flights: Flights;
  /** The query differences that do not matter, as origins declared them (`No-Vary-Search`). */
  readonly variances: SearchVariances;
  readonly budget: FillBudget;
  readonly encoder: Encoder;
  readonly maxEntryBytes: number;
  /** Runs work that no client waits for. Its failure is logged, and the gateway waits for it before it stops. */
  background(work: Promise<unknown>): void;
  /** Reports a failed read. Called once for each request. */
  failed(error: unknown, read: Read): void;
}
