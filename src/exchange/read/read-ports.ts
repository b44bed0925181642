import type { Clock } from '../../clock.ts';
import type { Fence } from '../../coherence/fence.ts';
import type { Position } from '../../coherence/record.ts';
import type { SecondTier } from '../../store/second-tier.ts';
import type { Store } from '../../store/store.ts';
import type { ClientRequest, Route } from '../ports.ts';
import type { Encoder } from './encoder.ts';
import type { FillBudget } from './fill-budget.ts';
import type { Flights } from './flights.ts';
import type { SearchVariances } from './search-variances.ts';

/** One read on its way: what every step needs. */
export interface Read {
  readonly request: ClientRequest;
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly key: string;
  /** The applied position when the request arrived. */
  readonly arrived: Position;
  /** It has credentials that the key does not hold. */
  readonly credentials: boolean;
}

export interface ReadPorts {
  readonly store: Store;
  readonly fence: Fence;
  /** Whether this node may answer from memory, and from what other requests have asked, now. */
  readonly serving: () => boolean;
  /** What the nodes share behind their memory. */
  readonly tier: SecondTier | undefined;
  readonly clock: Clock;
  readonly flights: Flights;
  /** What origins said of queries that make no difference. */
  readonly variances: SearchVariances;
  readonly budget: FillBudget;
  readonly encoder: Encoder;
  readonly maxEntryBytes: number;
  /** Takes care of work that no client waits for: its failure is logged, a stopping gateway waits for it. */
  background(work: Promise<unknown>): void;
  /** Reports a failing origin, once for each request that it failed. */
  failed(error: unknown, read: Read): void;
}
