import { nothingCovered } from '../../coherence/record.ts';
import { pathTag } from '../../coherence/tag.ts';
import { type CurrentState, failedCondition } from '../../http/write-conditions.ts';
import type { ClientRequest } from '../ports.ts';
import type { BeforeAddress } from './before.ts';
import type { WritePorts } from './write-ports.ts';

/**
 * After an `If-Match` that does not hold: invalidates the resource, where it is read, if a stored response has given
 * that tag. Somebody has written past the gateway, and a client that reads again must not get the same tag again. A tag
 * that no stored response has invalidates nothing.
 */
export async function invalidateOutdated(
  { store, log }: Pick<WritePorts, 'store' | 'log'>,
  { headers }: ClientRequest,
  { get }: BeforeAddress,
  current: CurrentState | undefined,
): Promise<void> {
  if (failedCondition(headers, current) !== 'If-Match') return;
  const tag = pathTag(get.target.resource);
  const gaveIt = store.tagged(tag).some(({ etag }) => {
    return etag !== undefined && failedCondition(headers, { etag, lastModifiedMs: undefined }) !== 'If-Match';
  });
  if (gaveIt) await log.append({ coverage: { ...nothingCovered, tags: new Set([tag]) }, announcements: [] });
}
