import { currentAgeMs } from '../../http/freshness.ts';
import { requestDirectives } from '../../http/request-directives.ts';
import type { SecondTier } from '../../store/second-tier.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { ReadOutcome, Reply } from '../ports.ts';
import { decide, type Forward } from './decide.ts';
import type { Flight } from './flights.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { respond } from './respond.ts';

/** Whether the shared tier may have a response that memory does not have. */
export function mayBeInTier({ tier }: ReadPorts, { request, route }: Read, { fwd, range, stored }: Forward): boolean {
  if (tier?.usable !== true || request.method !== 'GET' || range !== undefined || stored !== undefined) return false;
  return (fwd === 'uri-miss' || fwd === 'vary-miss') && route.policy.cache.credentials !== 'perUser';
}

/**
 * Answers from the shared tier, or from the result of another node's fetch in progress. The response must pass this
 * node's fence and is put into memory first. With `fillLease`, this node fetches the response and then calls
 * `fillLease` to give the lease back.
 */
export async function fromTier(
  ports: ReadPorts,
  read: Read,
  flight: Flight,
  reply: Reply | undefined,
): Promise<{ readonly outcome?: ReadOutcome; readonly fillLease?: (() => void) | undefined }> {
  const tier = ports.tier as SecondTier;
  const found = await tier.load(read.key, read.request.headers);
  const served = found && serve(ports, read, found, { flight, reply });
  if (served !== undefined) return { outcome: served };
  const fillLease = await tier.acquireFillLease(read.key);
  if (fillLease !== undefined) return { fillLease };
  const awaited = await tier.awaited(read.key, read.request.headers);
  const outcome = awaited && serve(ports, read, awaited, { flight, reply });
  return outcome === undefined ? {} : { outcome };
}

function serve(
  ports: ReadPorts,
  { request, route, credentials, cursor }: Read,
  found: StoredResponse,
  { flight, reply }: { flight: Flight; reply: Reply | undefined },
): ReadOutcome | undefined {
  const policy = route.policy.cache;
  const now = ports.clock.wall();
  const directives = policy.requestDirectives === 'honour' ? requestDirectives(request.headers) : undefined;
  const decision = decide({ policy, stored: found, otherVariant: false, credentials, directives, now });
  if (decision.kind !== 'hit' || !ports.serving()) return undefined;
  const refusal = ports.store.put(found);
  // Without room in memory, it is current all the same.
  if (refusal !== undefined && refusal !== 'not-admitted') return undefined;
  flight.land({ kind: 'response', response: found, stored: refusal === undefined });
  if (reply !== undefined) {
    const ttl = Math.floor((found.lifetimeMs - decision.ageMs) / 1000);
    const status = { hit: true, ttl, detail: 'redis' } as const;
    respond(request, reply, found, { status, ageMs: currentAgeMs(found, now), cursor });
  }
  if (found.codings !== undefined && refusal === undefined) ports.encoder.want(request.headers, found);
  return { outcome: 'hit', detail: 'redis' };
}
