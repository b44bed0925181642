import { currentAgeMs } from '../../http/freshness.ts';
import { mayServeStale } from '../../http/stale.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { Reply } from '../ports.ts';
import type { Forward } from './decide.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { respond } from './respond.ts';

/**
 * Serves a stale response after a failure of the origin, if the directives or the route allow it (RFC 5861 §4). This is
 * not a hit, since the request was forwarded (RFC 9211 §2.1). `fwdStatus` is the origin's status if it answered.
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
  // A record may have removed the response since. It must not be served then, not even instead of an error.
  if (ports.store.select(state.key, state.request.headers) !== stored) return false;
  const ttl = Math.floor((stored.lifetimeMs - ageMs) / 1000);
  const status = { fwd, fwdStatus, ttl, detail: 'stale-if-error' };
  respond(state.request, reply, stored, { status, ageMs, cursor: undefined });
  return true;
}
