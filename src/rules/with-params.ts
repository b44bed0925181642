import type { Whole } from '../whole.ts';
import type { BodySources, Sources } from './types.ts';

/**
 * The sources of one rule. Every rule of every write comes here: members are written out because V8 takes a hundred
 * times as long to copy an object and add one.
 */
export function withParams(sources: BodySources, params: Sources['params']): Sources {
  const { query, requestHeader, responseHeader, request, response, before, lookups } = sources;
  const own: Whole<Sources> = { params, query, requestHeader, responseHeader, request, response, before, lookups };
  return own;
}
