import type { RuleSet } from '../../rules/compile.ts';
import type { Json } from '../../rules/types.ts';
import type { RouteTable } from '../ports.ts';
import { addressOf, type BeforeOptions, readBefore } from '../write/before.ts';
import { type ProposedWrite, proposedRequest, proposedSources } from './proposed-write.ts';

/** The representation as the gateway would get it before the write: from the store, otherwise from the origin. */
export async function beforeOfProposed(
  write: ProposedWrite,
  rules: RuleSet,
  { routes, ...options }: BeforeOptions & { readonly routes: RouteTable },
): Promise<Json> {
  const request = proposedRequest(write);
  const { resource } = request.target;
  if (!rules.match(write.method, resource).some(({ rule }) => rule.needs.before)) return { missing: 'not-read' };
  const address = addressOf(request, routes.find(resource), routes, proposedSources(write, request));
  return address === undefined ? { missing: 'incomplete' } : readBefore(address, options);
}
