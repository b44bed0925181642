import type { CachePolicy } from '../config/model.ts';
import type { CacheControl } from '../http/cache-control.ts';
import { currentAgeMs } from '../http/freshness.ts';
import { requestAllows } from '../http/request-directives.ts';
import { mayServeStale } from '../http/stale.ts';
import type { StoredResponse } from '../store/stored-response.ts';

/** Why a request goes to the origin, in RFC 9211's words. */
export type Forwarding = 'bypass' | 'uri-miss' | 'vary-miss' | 'request' | 'stale';

/** What to do with a read: a value with its reason. Deciding does no I/O. */
export type Decision =
  /** Answer from the store. */
  | { readonly kind: 'hit'; readonly stored: StoredResponse; readonly ageMs: number }
  /** Answer with a stale response and revalidate it behind (RFC 5861 §3). */
  | { readonly kind: 'stale'; readonly stored: StoredResponse; readonly ageMs: number; readonly detail: string }
  /** Ask the origin; `stored` may be revalidated, or served should the origin fail. */
  | {
      readonly kind: 'forward';
      readonly fwd: Forwarding;
      readonly stored: StoredResponse | undefined;
      readonly detail: string | undefined;
    }
  /** `only-if-cached`, and nothing suitable is stored (RFC 9111 §5.2.1.7). */
  | { readonly kind: 'unavailable' };

export interface Situation {
  readonly policy: CachePolicy;
  /** The variant that the request selects. */
  readonly stored: StoredResponse | undefined;
  /** Some other variant of the key is stored. */
  readonly otherVariant: boolean;
  /** The request has credentials that the key does not hold. */
  readonly credentials: boolean;
  /** The request's directives, none where the route ignores them. */
  readonly directives: CacheControl | undefined;
  /** Wall clock. */
  readonly now: number;
}

export function decide(situation: Situation): Decision {
  const { policy, directives } = situation;
  let { stored } = situation;
  let detail: string | undefined;
  // RFC 9111 §3.5: with credentials, only what the origin explicitly lets caches share.
  if (situation.credentials && policy.credentials === 'bypass' && stored?.shareable !== true) {
    if (directives?.onlyIfCached) return { kind: 'unavailable' };
    return { kind: 'forward', fwd: 'bypass', stored: undefined, detail: 'credentials' };
  }
  if (stored !== undefined) {
    const ageMs = currentAgeMs(stored, situation.now);
    const asked = directives === undefined ? { reuse: ageMs < stored.lifetimeMs } : requestAllows(directives, { ageMs, lifetimeMs: stored.lifetimeMs });
    const fresh = ageMs < stored.lifetimeMs && stored.directives.noCache !== true;
    if (fresh && asked.reuse) return { kind: 'hit', stored, ageMs };
    if (fresh) return directives?.onlyIfCached ? { kind: 'unavailable' } : { kind: 'forward', fwd: 'request', stored, detail: undefined };
    const staleMs = ageMs - stored.lifetimeMs;
    if (asked.reuse && staleAllowed(stored)) return { kind: 'hit', stored, ageMs };
    if (mayServeStale(stored.directives, policy, 'revalidating', staleMs)) {
      return { kind: 'stale', stored, ageMs, detail: 'stale-while-revalidate' };
    }
    if (directives?.onlyIfCached) return { kind: 'unavailable' };
    return { kind: 'forward', fwd: 'stale', stored, detail };
  }
  if (directives?.onlyIfCached) return { kind: 'unavailable' };
  return { kind: 'forward', fwd: situation.otherVariant ? 'vary-miss' : 'uri-miss', stored: undefined, detail: undefined };
}
