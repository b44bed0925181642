import type { BodySources, Sources } from './types.ts';

/**
 * The sources of one rule. Every rule of every write comes here: members are written out because V8 takes a hundred
 * times as long to copy an object and add one.
 */
export function withParams(sources: BodySources, params: Sources['params']): Sources {
  const { query, requestHeader, responseHeader, request, response, before, lookups } = sources;
  const own = { params, query, requestHeader, responseHeader, request, response, before };
  return lookups === undefined ? own : { ...own, lookups };
}
