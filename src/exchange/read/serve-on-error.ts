import { currentAgeMs } from '../../http/freshness.ts';
import { mayServeStale } from '../../http/stale.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { Reply } from '../ports.ts';
import type { Forward } from './decide.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { respond } from './respond.ts';

/**
 * Serves a stale response where the origin failed and the directives or the route allow it (RFC 5861 §4). The request was
 * forwarded, so it is no hit (RFC 9211 §2.1). `fwdStatus`: of the origin's answer, where there was one.
 */
export function serveOnError(
  ports: ReadPorts,
  state: Read,
  { stored, fwd }: Forward & { stored: StoredResponse },
  { reply, fwdStatus }: { reply: Reply; fwdStatus?: number },
): boolean {
  const ageMs = currentAgeMs(stored, ports.clock.wall());
  const policy = state.route.policy.cache;
  if (!mayServeStale(stored.directives, policy, 'error', ageMs - stored.lifetimeMs)) return false;
  // What a record has hit since is gone from the store, and must not come back as "better than an error".
  if (ports.store.select(state.key, state.request.headers) !== stored) return false;
  const ttl = Math.floor((stored.lifetimeMs - ageMs) / 1000);
  respond(state.request, reply, stored, { status: { fwd, fwdStatus, ttl, detail: 'stale-if-error' }, ageMs });
  return true;
}
