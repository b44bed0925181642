import { isNamedTag, namedTag, pathTag, queryTag, severalQueriesTag, type Tag } from '../../coherence/tag.ts';
import { ownContent } from '../../http/content.ts';
import { formatHttpDate } from '../../http/date.ts';
import { partFields } from '../../http/digests.ts';
import { parseEntityTag } from '../../http/etag.ts';
import { Fields, without } from '../../http/fields.ts';
import { initialAgeMs } from '../../http/freshness.ts';
import { selectableLanguage } from '../../http/normalise.ts';
import { ownText, sharedText } from '../../http/own-memory.ts';
import { combine, isComplete, type Part, partOf } from '../../http/partial.ts';
import { storedFields } from '../../http/stored-fields.ts';
import { originTags } from '../../http/tags.ts';
import { strongEtag } from '../../http/validation.ts';
import { parseVary, selectingValues } from '../../http/vary.ts';
import { sortedQuery } from '../../route/path.ts';
import { foldedPath, foldedQuery, foldedTag } from '../../route/spelling.ts';
import { type StoredPart, StoredResponse } from '../../store/stored-response.ts';
import { readJson } from '../body.ts';
import { cacheKey, keyedQuery, partKey } from '../cache-key.ts';
import { clientFields } from '../client-fields.ts';
import { encodable } from './encoder.ts';
import type { FillContext, Storability } from './judge.ts';
import type { ReadPorts } from './read-ports.ts';
import { varianceOf } from './search-variances.ts';

/** A complete or partial answer that may be stored, judging by its head. */
export interface Storable {
  readonly status: number;
  readonly headers: Fields;
  readonly body: Buffer;
  readonly storability: Storability & { store: true };
  /** Tags in addition to those of its fields. */
  readonly tags?: readonly Tag[] | undefined;
  /** For a 206: the `Range` of the request. */
  readonly range?: string | undefined;
}

/** The stored form of an answer whose body is complete. A 206 is combined with the stored part, if there is one. */
export function storedForm(
  ports: ReadPorts,
  context: FillContext,
  answer: Storable,
): StoredResponse | { unstorable: string } {
  const response = storedResponse(context, answer);
  if ('unstorable' in response || response.part === undefined) return response;
  return combinedWithStored(ports, context, response, answer);
}

/** Combines a new part with the stored one if both are of the same representation (RFC 9110 §15.3.7.3). */
function combinedWithStored(
  ports: ReadPorts,
  context: FillContext,
  newer: StoredResponse,
  answer: Storable,
): StoredResponse | { unstorable: string } {
  const older = ports.store.select(newer.key, context.read.request.headers);
  const joined = older === undefined ? undefined : combine(partIn(older), partIn(newer));
  if (older === undefined || joined === undefined)
    return isComplete(partIn(newer)) ? whole(context, answer, newer) : newer;
  // The result has octets of both: its position is the earlier one, and a record that covers either covers it.
  const asked = { ...context, asOf: Math.min(older.asOf, newer.asOf) };
  const tags = [...new Set([...older.tags, ...newer.tags])];
  const body = Buffer.from(joined.bytes.buffer, joined.bytes.byteOffset, joined.bytes.byteLength);
  if (isComplete(joined)) return whole(asked, { ...answer, tags }, { headers: newer.headers, body });
  const { start, size = 0 } = joined;
  const part = { start, size, saidEnd: start + body.byteLength - 1, asked: undefined };
  return newer.with({ asOf: asked.asOf, tags, content: ownContent(body), part });
}

/** A complete representation assembled from parts, stored as if it had arrived in a 200 (RFC 9111 §3.4). */
function whole(
  context: FillContext,
  answer: Storable,
  { headers, body }: Pick<StoredResponse, 'headers' | 'body'>,
): StoredResponse | { unstorable: string } {
  const lines = without(headers.lines, (name) => partFields.has(name));
  return storedResponse(context, { ...answer, status: 200, headers: new Fields(lines), body });
}

function partIn({ part, headers, body }: StoredResponse): Part {
  return { start: part?.start ?? 0, size: part?.size, etag: headers.get('etag'), bytes: body };
}

/** One list for all that have none. */
const none: readonly string[] = [];

/**
 * Bounds the tags that many 304s add up. Larger than what one response may have (http/tags.ts, rules/expand.ts). Twice
 * as many where each has a folded form.
 */
const MAX_TAGS_KEPT = 3_000;

/** The stored form of a complete answer, or why it cannot be stored. */
export function storedResponse(context: FillContext, answer: Storable): StoredResponse | { unstorable: string } {
  const { request, route } = context.read;
  const { status, body, storability } = answer;
  const variance = varianceOf(answer.headers);
  const part = status === 206 ? storedPart(answer) : undefined;
  if (status === 206 && part === undefined) return { unstorable: 'partial' };
  // What lies inside of a JSON document may be one, too, with the values of something else under the same names.
  const isWhole = part === undefined || (part.start === 0 && part.size === body.byteLength);
  const found = tagsOf(context, answer.headers, isWhole ? body : undefined, variance !== undefined);
  if (!Array.isArray(found)) return found;
  const tags = answer.tags === undefined ? found : [...new Set([...found, ...answer.tags])];
  // With one form of all its spellings, a tag takes two places.
  const places = route.ignoredInTags.length === 0 ? 1 : 2;
  if (tags.length > places * MAX_TAGS_KEPT) return { unstorable: 'too-many-tags' };
  const key = cacheKey(request, route.policy.cache, variance);
  const named = parseVary(answer.headers.get('vary'));
  if (named === '*') return { unstorable: 'vary-star' };
  // The origin was asked for the uncoded octets whatever the client accepts, so they are the same for all clients.
  const asOne = route.policy.client.encode.length > 0 && !answer.headers.has('content-encoding');
  const vary = asOne ? named.filter((name) => name !== 'accept-encoding') : named;
  const kept = storedFields(answer.headers.lines, storability.directives, route.policy.cache.setCookie);
  const headers = new Fields(kept.map(sharedText));
  const codings = encodable(route.policy.client.encode, {
    status,
    headers,
    body,
    noTransform: storability.directives.noTransform,
  });
  const originEtag = headers.get('etag');
  // A malformed entity tag is not a validator: no client could send it back.
  const made = route.policy.client.etag === 'strong' && parseEntityTag(originEtag) === undefined && status === 200;
  const etag = made ? strongEtag(body) : originEtag;
  return new StoredResponse({
    key: ownText(part === undefined ? key : partKey(key)),
    path: ownText(request.target.resource),
    tags: ownTags(tags),
    asOf: context.asOf,
    since: undefined,
    uses: 0,
    status,
    headers,
    content: ownContent(body),
    part,
    codings,
    encoded: undefined,
    clientHeaders: clientFields(headers.lines, {
      policy: route.policy.client,
      directives: storability.directives,
      etag: made ? etag : undefined,
      date: formatHttpDate(context.respondedAt),
      stripped: [],
    }),
    vary: vary.length === 0 ? none : vary,
    selecting:
      vary.length === 0
        ? none
        : selectingValues(vary, request.headers, route.policy.cache.credentialHeaders).map(ownText),
    directives: storability.directives,
    lifetimeMs: storability.lifetimeMs,
    initialAgeMs: initialAgeMs({ headers, requestedAt: context.requestedAt, respondedAt: context.respondedAt }),
    respondedAt: context.respondedAt,
    shareable: storability.shareable,
    etag,
    language: selectableLanguage(headers.get('content-language'), request.headers.get('accept-language')),
  });
}

/** The part in a 206 (RFC 9110 §15.3.7); undefined if the complete length is unknown. */
function storedPart({ headers, body, range }: Storable): StoredPart | undefined {
  const part = partOf(headers, body);
  if (part?.size === undefined) return undefined;
  return { start: part.start, size: part.size, saidEnd: part.saidEnd, asked: range };
}

/**
 * All tags of a response: the automatic ones, the route's and the origin's. A response with a tag that cannot be
 * determined is not stored: an invalidation of that tag would miss it. `body`: undefined if only a part of it is there.
 */
export function tagsOf(
  context: FillContext,
  headers: Fields,
  body: Buffer | undefined,
  severalQueries: boolean,
): Tag[] | { unstorable: string } {
  const { request, route, params } = context.read;
  const query = sortedQuery(keyedQuery(request.target.query, route.policy.cache));
  const { resource } = request.target;
  // To the origin both are one path: what is written under another spelling makes this response wrong.
  const ignored = route.ignoredInTags;
  const folded = foldedPath(resource, ignored) ?? resource;
  const tags: Tag[] = [pathTag(resource), queryTag(resource, query)];
  if (ignored.length > 0) tags.push(pathTag(folded), queryTag(folded, foldedQuery(query, ignored)));
  if (severalQueries) tags.push(severalQueriesTag(resource), severalQueriesTag(folded));
  const addNamed = (name: string): void => {
    tags.push(namedTag(name));
    if (ignored.length > 0) tags.push(namedTag(foldedTag(name, ignored)));
  };
  const fromOrigin = originTags(headers);
  if (fromOrigin.overflow) return { unstorable: 'too-many-tags' };
  for (const tag of fromOrigin.tags) addNamed(tag);
  if (route.tags !== undefined) {
    const { needsBody } = route.tags;
    const { query: asked } = request.target;
    const requestHeader = (name: string): string | undefined => request.headers.get(name);
    const responseHeader = (name: string): string | undefined => headers.get(name);
    const response = needsBody && body !== undefined ? readJson(body, headers) : ({ missing: 'not-read' } as const);
    for (const each of [params, route.plainParams?.(resource, params)]) {
      if (each === undefined) continue;
      const declared = route.tags.tagsFor({ params: each, query: asked, requestHeader, responseHeader, response });
      if (declared.overflow) return { unstorable: 'too-many-tags' };
      if (declared.unresolved.length > 0) return { unstorable: 'tags-unresolved' };
      for (const tag of declared.tags) addNamed(tag);
    }
  }
  return tags.length === 2 ? tags : [...new Set(tags)];
}

/** Texts of their own, but for those of its path and query, which come first: a response makes them of its own path. */
function ownTags(tags: readonly Tag[]): readonly Tag[] {
  if (tags.length === 2) return tags;
  return tags.map((tag, i) => (i < 2 ? tag : isNamedTag(tag) ? sharedText(tag) : ownText(tag)));
}
