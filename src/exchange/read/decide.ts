import type { CachePolicy } from '../../config/model.ts';
import type { CacheControl } from '../../http/cache-control.ts';
import { currentAgeMs } from '../../http/freshness.ts';
import { requestAllows } from '../../http/request-directives.ts';
import { mayServeStale, prohibitsStale } from '../../http/stale.ts';
import type { StoredResponse } from '../../store/stored-response.ts';

/** Why a request goes to the origin (RFC 9211 §2.2). */
export type Forwarding = 'bypass' | 'uri-miss' | 'vary-miss' | 'request' | 'stale' | 'partial';

/** What to do with a read, and why. Deciding does no I/O. */
export type Decision =
  /** Answer from the store. */
  | { readonly kind: 'hit'; readonly stored: StoredResponse; readonly ageMs: number }
  /** Answer with a stale response and revalidate it in the background (RFC 5861 §3). */
  | { readonly kind: 'stale'; readonly stored: StoredResponse; readonly ageMs: number; readonly detail: string }
  /** Ask the origin. `stored` may be revalidated, or served if the origin fails. */
  | {
      readonly kind: 'forward';
      readonly fwd: Forwarding;
      readonly stored: StoredResponse | undefined;
      readonly detail: string | undefined;
      /** The `Range` to forward, if only these octets are requested (part.ts). */
      readonly range: string | undefined;
      /** The stored beginning of the representation: only the rest is requested. */
      readonly part: StoredResponse | undefined;
      /** A copy that only a 304 to this request makes usable. If the origin fails, it is no answer. */
      readonly unconfirmed: StoredResponse | undefined;
    }
  /** `only-if-cached`, and nothing suitable is stored (RFC 9111 §5.2.1.7). */
  | { readonly kind: 'unavailable' };

export type Forward = Decision & { kind: 'forward' };

/** To ask for the whole representation. `stored` may be revalidated. */
export function forward(fwd: Forwarding, stored?: StoredResponse, detail?: string): Forward {
  return { kind: 'forward', fwd, stored, detail, range: undefined, part: undefined, unconfirmed: undefined };
}

/** The `detail` of a request that is passed through because this node is not serving. Its answer is not stored. */
export const NOT_SERVING = 'not-serving';

export interface Situation {
  readonly policy: CachePolicy;
  /** The variant that the request selects. */
  readonly stored: StoredResponse | undefined;
  /** Another variant of the key is stored. */
  readonly otherVariant: boolean;
  /** The request has credentials that are not in the key. */
  readonly credentials: boolean;
  /** The request's directives; undefined if the route ignores them. */
  readonly directives: CacheControl | undefined;
  /** Wall clock. */
  readonly now: number;
}

/**
 * Whether the stored response must not be used for a request with credentials that are not in the key. It may be used
 * only if the origin explicitly lets caches share it (RFC 9111 §3.5), and never on a `perUser` route, where the request
 * could be from any user.
 */
export function mayNotShare({ credentials }: CachePolicy, stored: StoredResponse | undefined): boolean {
  return credentials === 'perUser' || (credentials === 'bypass' && stored?.shareable !== true);
}

export function decide(situation: Situation): Decision {
  const { policy, directives, stored } = situation;
  const forbidden = situation.credentials && mayNotShare(policy, stored);
  if (stored === undefined || forbidden) {
    if (directives?.onlyIfCached) return { kind: 'unavailable' };
    if (forbidden) return forward('bypass', undefined, 'credentials');
    return forward(situation.otherVariant ? 'vary-miss' : 'uri-miss');
  }
  const ageMs = currentAgeMs(stored, situation.now);
  const isFresh = ageMs < stored.lifetimeMs && stored.directives.noCache !== true;
  const asked =
    directives === undefined ? { reuse: isFresh } : requestAllows(directives, { ageMs, lifetimeMs: stored.lifetimeMs });
  // §4.2.4: the client accepts a response this stale (`max-stale`), unless the response forbids it.
  if (asked.reuse && (isFresh || !prohibitsStale(stored.directives))) return { kind: 'hit', stored, ageMs };
  if (directives?.onlyIfCached) return { kind: 'unavailable' };
  if (isFresh) return forward('request', stored, asked.reason);
  const refusesStale = directives !== undefined && asked.reason !== 'stale' && !asked.reuse;
  if (!refusesStale && mayServeStale(stored.directives, policy, 'revalidating', ageMs - stored.lifetimeMs)) {
    return { kind: 'stale', stored, ageMs, detail: 'stale-while-revalidate' };
  }
  return forward('stale', stored, neverReusable(stored));
}

/** Why a stored response has to be validated each time, however young it is. Undefined if it has expired. */
function neverReusable({ directives, lifetimeMs }: StoredResponse): string | undefined {
  if (directives.noCache === true) return 'no-cache';
  return lifetimeMs <= 0 ? 'no-lifetime' : undefined;
}
