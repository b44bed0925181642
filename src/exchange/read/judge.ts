import type { Position } from '../../coherence/record.ts';
import type { CachePolicy } from '../../config/model.ts';
import type { CacheControl } from '../../http/cache-control.ts';
import type { Fields } from '../../http/fields.ts';
import { freshnessLifetimeMs } from '../../http/freshness.ts';
import { isEndless } from '../../http/incremental.ts';
import { storable } from '../../http/storable.ts';
import { responseDirectives } from '../../http/targeted.ts';
import { hasCredentials } from '../credentials.ts';
import type { Read } from './read-ports.ts';

/** The context of one fill: the read, its position, and wall-clock times. */
export interface FillContext {
  readonly read: Read;
  readonly asOf: Position;
  readonly requestedAt: number;
  readonly respondedAt: number;
}

/** Whether an answer may be stored, judged by its head. Tags from the body are checked once it has arrived. */
export type Storability =
  | {
      readonly store: true;
      readonly shareable: boolean;
      readonly directives: CacheControl;
      readonly lifetimeMs: number;
    }
  | { readonly store: false; readonly detail: string; readonly directives: CacheControl };

/** Reasons not to store that depend only on the request. The answers to other requests may still be stored. */
export const ofTheRequest: ReadonlySet<string> = new Set(['method', 'request-body', 'request-no-store']);

/** RFC 9213 fields that apply on every route, after the route's own. */
const targetedFields = ['cdn-cache-control'];

export function judge(context: FillContext, status: number, headers: Fields, partial = false): Storability {
  const policy = context.read.route.policy.cache;
  const { targetedFields: own } = policy;
  const names = own.length === 0 ? targetedFields : [...own, ...targetedFields];
  const { directives, targeted } = responseDirectives(headers, names);
  const lifetime = freshnessLifetimeMs({ status, headers, directives, targeted, respondedAt: context.respondedAt });
  const storability = storable({
    method: context.read.request.method,
    status,
    credentials: hasCredentials(context.read.request, policy),
    request: context.read.request.headers,
    response: headers,
    directives,
    explicit: lifetime.explicit,
    heuristic: !lifetime.explicit && lifetime.ms > 0,
    policy,
    partial,
  });
  if (!storability.store) return { store: false, detail: storability.reason, directives };
  if (isEndless(headers)) return { store: false, detail: 'stream', directives };
  return {
    store: true,
    shareable: storability.shareable,
    directives: policy.force ? { ...directives, noCache: false } : directives,
    lifetimeMs: lifetimeUnder(policy, status, lifetime),
  };
}

/** Unkeyed input may have caused an error, so it is kept only briefly, unless the origin itself gives its lifetime. */
function lifetimeUnder(
  { ttlMs, errorTtlMs }: CachePolicy,
  status: number,
  origin: { ms: number; explicit: boolean },
): number {
  const lifetimeMs = ttlMs ?? origin.ms;
  const saysItself = ttlMs === undefined && origin.explicit;
  return status < 400 || saysItself ? lifetimeMs : Math.min(lifetimeMs, errorTtlMs);
}
