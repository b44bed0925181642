import { GatewayError } from '../errors.ts';
import { isClientId } from '../http/client-id.ts';
import type { Fields } from '../http/fields.ts';
import { PatternError } from '../route/pattern.ts';
import type { Filter } from './filter.ts';
import { patternOfTopic } from './mercure.ts';
import { Topic } from './topic.ts';

/** Limits on the parameters of one subscription: a filter is matched against every event. */
const MAX_FILTERS = 64;
const MAX_FILTER_LENGTH = 1_024;

/** `topic` and `lastEventID`: as clients of the Mercure protocol spell them. */
const parameters = new Set(['match', 'tag', 'client', 'lastEventId', 'topic', 'lastEventID']);

/** What a subscriber asks for. */
export interface Asked {
  readonly filter: Filter;
  readonly lastEventId: string | undefined;
  /** Events that this client's writes cause are not for it. */
  readonly client: string | undefined;
}

/**
 * Parses `?match=/steps/:id&tag=step:7&lastEventId=…&client=…`.
 * @throws GatewayError 400 for parameters that are unknown, too many, too long, or not patterns
 */
export function askedBy(headers: Fields, query: URLSearchParams, furtherParameters: readonly string[] = []): Asked {
  for (const name of query.keys()) {
    if (!parameters.has(name) && !furtherParameters.includes(name))
      throw new GatewayError('badRequest', `unknown parameter "${name.slice(0, 64)}"`);
  }
  const filter = filterIn(query);
  checkFilter(filter);
  const client = headers.get('unstale-client') ?? query.get('client') ?? undefined;
  if (client !== undefined && !isClientId(client)) {
    throw new GatewayError('badRequest', 'client: an id has up to 128 letters, digits and "!#$%&\'*+-.^_`|~"');
  }
  // When a browser reconnects, it sends the header and the unchanged URL. The header has the newer id.
  return {
    filter,
    lastEventId: headers.get('last-event-id') ?? query.get('lastEventId') ?? query.get('lastEventID') ?? undefined,
    client,
  };
}

/** A topic that is everything lifts the restriction of all others: an event is sent if it matches any. */
function filterIn(query: URLSearchParams): Filter {
  const topics = query.getAll('topic').map(patternOfTopic);
  if (topics.includes(undefined)) return { match: [], tags: [] };
  return { match: [...query.getAll('match'), ...(topics as string[])], tags: query.getAll('tag') };
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
