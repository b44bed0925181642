import type { Refusal } from '../../store/store.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { varianceOf } from './search-variances.ts';

/**
 * Stores a response and learns its `No-Vary-Search`. Returns the reason if the store refuses it. What memory has no
 * room for is kept for the other nodes all the same.
 */
export function keep(ports: ReadPorts, { request, route }: Read, response: StoredResponse): Refusal | undefined {
  const refusal = ports.store.put(response);
  if (refusal !== undefined && refusal !== 'not-admitted') return refusal;
  ports.variances.learn(request, varianceOf(response.headers));
  if (refusal === undefined) ports.encoder.want(request.headers, response);
  if (ports.tier?.usable === true && route.policy.cache.credentials !== 'perUser') {
    ports.background(ports.tier.keep(response));
  }
  return refusal;
}
