import type { Clock, Timers } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import type { Event } from './event.ts';
import type { Filter } from './filter.ts';

/** What a subscriber may see, and until when. Server-Sent Events and WebSockets get theirs from `Authority`. */
export interface Rights {
  /** Equal for rights that show the same: subscribers with equal keys share prepared frames. */
  readonly key: string;
  /** The token's `sub`. Undefined if there is no token. */
  readonly subject: string | undefined;
  /** All that may be seen, for an index of subscribers without a filter. Undefined: everything. */
  readonly grant: Filter | undefined;
  /** Unix time in milliseconds. The subscription ends then. Undefined: it does not expire. */
  readonly expiresAt: number | undefined;
  /** Whether any event that the filter selects may be seen. If not, the subscription is refused (403). */
  allows(filter: Filter): boolean;
  /** The part of an event that may be seen. Undefined if the subscriber must not know that there was one. */
  visible(event: Event): Event | undefined;
}

/** A bound on one wait: the wall clock may be set while it lasts, and a long timer of Node fires at once. */
const LONGEST_TIMER_MS = 60_000;

/** Calls `ended` when the rights expire. Returns what cancels it. */
export function onExpiry({ expiresAt }: Rights, { clock, timers }: ExpiryPorts, ended: () => void): () => void {
  if (expiresAt === undefined) return () => {};
  let cancel = (): void => {};
  const wait = (): void => {
    const left = expiresAt - clock.wall();
    cancel = timers.after(Math.min(Math.max(0, left), LONGEST_TIMER_MS), () =>
      expiresAt <= clock.wall() ? ended() : wait(),
    );
  };
  wait();
  return () => cancel();
}

/**
 * A subscription may begin long after its token was verified: behind an answer on the same connection.
 * @throws GatewayError 401
 */
export function checkExpiry({ expiresAt }: Rights, clock: Pick<Clock, 'wall'>): void {
  if (expiresAt !== undefined && expiresAt <= clock.wall()) {
    throw new GatewayError('tokenInvalid', 'it expired before the stream could begin');
  }
}

export interface ExpiryPorts {
  readonly clock: Pick<Clock, 'wall'>;
  readonly timers: Timers;
}

/** The request that opens a subscription. */
export interface SubscriptionRequest {
  readonly headers: Fields;
  /** `https` and the host that the client named: a page of the same origin may use its cookies. */
  readonly scheme: string;
  readonly host: string;
  readonly query: URLSearchParams;
}

/** Says which rights a subscriber has. */
export interface Authority {
  /**
   * @throws GatewayError 400 for a token in the URL, 401 without a valid token, 403 for a page of another origin, 503
   * if the keys cannot be had. Reject a filter for which `allows` is false with 403 (`forbidden`).
   */
  rightsOf(request: SubscriptionRequest): Promise<Rights>;
}

/** Rights without `events.auth`: everything that `visibleEvents` leaves. */
export const unrestricted: Rights = {
  key: '',
  subject: undefined,
  grant: undefined,
  expiresAt: undefined,
  allows: () => true,
  visible: (event) => event,
};

/** Without `events.auth`, anyone may subscribe. */
export const openToAll: Authority = { rightsOf: () => Promise.resolve(unrestricted) };
