import { type CurrentState, failedCondition } from '../../http/write-conditions.ts';
import { coverageOf } from '../../rules/target.ts';
import type { ClientRequest } from '../ports.ts';
import type { BeforeAddress } from './before.ts';
import type { WritePorts } from './write-ports.ts';

/**
 * After an `If-Match` that does not hold: invalidates the resource, where it is read. Somebody has written past the
 * gateway, and a client that reads again must not get the same tag again, under any spelling, from the memory of
 * another node or from the tier. A tag that no stored response of this node gave invalidates nothing where there is no
 * other node, and otherwise only as often as `RefusedTags` lets it: it may be made up.
 */
export async function invalidateOutdated(
  { store, log, rules, shared, refusedTags }: Pick<WritePorts, 'store' | 'log' | 'rules' | 'shared' | 'refusedTags'>,
  { headers }: ClientRequest,
  { get }: BeforeAddress,
  current: CurrentState | undefined,
): Promise<void> {
  if (failedCondition(headers, current) !== 'If-Match') return;
  const { resource } = get.target;
  const coverage = coverageOf([{ kind: 'path', path: resource }], rules.paths);
  const stored = [...coverage.tags].flatMap((tag) => store.tagged(tag));
  const gaveIt = stored.some(({ etag }) => {
    return etag !== undefined && failedCondition(headers, { etag, lastModifiedMs: undefined }) !== 'If-Match';
  });
  // Each spelling would count by itself otherwise.
  const name = rules.paths.folded.path(resource) ?? resource;
  if (gaveIt || (shared && refusedTags.take(name))) await log.append({ coverage, announcements: [] });
}
