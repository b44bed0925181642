import { GatewayError } from '../errors.ts';
import { isClientId } from '../http/client-id.ts';
import type { Fields } from '../http/fields.ts';
import { PatternError } from '../route/pattern.ts';
import type { Filter } from './filter.ts';
import { Topic } from './topic.ts';

/** Limits on the parameters of one subscription: a filter is matched against every event. */
const MAX_FILTERS = 64;
const MAX_FILTER_LENGTH = 1_024;

/** What a subscriber asks for. */
export interface Asked {
  readonly filter: Filter;
  readonly lastEventId: string | undefined;
  /** Events that this client's writes cause are not for it. */
  readonly client: string | undefined;
}

/**
 * Parses `?match=/steps/:id&tag=step:7&lastEventId=…&client=…`.
 * @throws GatewayError 400 for parameters that are too many, too long, or not patterns
 */
export function askedBy(headers: Fields, query: URLSearchParams): Asked {
  const filter = { match: query.getAll('match'), tags: query.getAll('tag') };
  checkFilter(filter);
  const client = headers.get('unstale-client') ?? query.get('client') ?? undefined;
  if (client !== undefined && !isClientId(client)) {
    throw new GatewayError('badRequest', 'client: an id has up to 128 letters, digits and "!#$%&\'*+-.^_`|~"');
  }
  // When a browser reconnects, it sends the header and the unchanged URL. The header has the newer id.
  return { filter, lastEventId: headers.get('last-event-id') ?? query.get('lastEventId') ?? undefined, client };
}

/** @throws GatewayError */
export function checkFilter(filter: Filter): void {
  const { match, tags } = filter;
  if (match.length + tags.length > MAX_FILTERS) {
    throw new GatewayError('badRequest', `more than ${MAX_FILTERS} match and tag parameters`);
  }
  if ([...match, ...tags].some((value) => value.length > MAX_FILTER_LENGTH)) {
    throw new GatewayError('badRequest', `a parameter of more than ${MAX_FILTER_LENGTH} characters`);
  }
  try {
    new Topic(filter);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new GatewayError('badRequest', `match: ${error.message}; ${error.hint}`);
  }
}
