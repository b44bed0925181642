import type { Position } from '../coherence/record.ts';
import { namedTag, pathTag, queryTag, severalQueriesTag, type Tag } from '../coherence/tag.ts';
import type { CachePolicy } from '../config/model.ts';
import type { CacheControl } from '../http/cache-control.ts';
import { formatHttpDate, parseHttpDate } from '../http/date.ts';
import { parseEntityTag } from '../http/etag.ts';
import { Fields } from '../http/fields.ts';
import { freshnessLifetimeMs, initialAgeMs } from '../http/freshness.ts';
import { selectableLanguage } from '../http/normalise.ts';
import { ownBytes, ownText } from '../http/own-memory.ts';
import { partOf } from '../http/partial.ts';
import { storable } from '../http/storable.ts';
import { storedFields } from '../http/stored-fields.ts';
import { originTags } from '../http/tags.ts';
import { responseDirectives } from '../http/targeted.ts';
import { strongEtag } from '../http/validation.ts';
import { parseVary, selectingValues } from '../http/vary.ts';
import { sortedQuery } from '../route/path.ts';
import type { StoredPart, StoredResponse } from '../store/stored-response.ts';
import { readJson } from './body.ts';
import { cacheKey, keyedQuery, partKey } from './cache-key.ts';
import { clientFields } from './client-fields.ts';
import { encodable } from './encode.ts';
import type { Read } from './read-ports.ts';
import { varianceOf } from './search-variances.ts';

/** One fill: who asked for what, as of when. Times are wall clock. */
export interface FillContext {
  readonly read: Read;
  readonly asOf: Position;
  readonly requestedAt: number;
  readonly respondedAt: number;
}

/** Whether an answer may be stored, decided on its head; what the body tells (tags) is checked when it has come. */
export type Verdict =
  | {
      readonly store: true;
      readonly shareable: boolean;
      readonly directives: CacheControl;
      readonly lifetimeMs: number;
    }
  | { readonly store: false; readonly detail: string; readonly directives: CacheControl };

/** Reasons not to store that are the request's alone: they say nothing of what others would be answered. */
export const ofTheRequest: ReadonlySet<string> = new Set(['method', 'request-body', 'request-no-store']);

/** RFC 9213 fields that are looked for on every route, after the route's own. */
const targetedFields = ['cdn-cache-control'];

export function judge(context: FillContext, status: number, headers: Fields, partial = false): Verdict {
  const policy = context.read.route.policy.cache;
  const { directives, targeted } = responseDirectives(headers, [...policy.targetedFields, ...targetedFields]);
  const lifetime = freshnessLifetimeMs({ status, headers, directives, targeted, respondedAt: context.respondedAt });
  const verdict = storable({
    method: context.read.request.method,
    status,
    request: context.read.request.headers,
    response: headers,
    directives,
    explicit: lifetime.explicit,
    heuristic: !lifetime.explicit && lifetime.ms > 0,
    policy: { ...policy, ttl: policy.ttlMs !== undefined },
    partial,
  });
  if (!verdict.store) return { store: false, detail: verdict.reason, directives };
  return {
    store: true,
    shareable: verdict.shareable,
    directives: policy.force ? { ...directives, noCache: false } : directives,
    lifetimeMs: lifetimeUnder(policy, status, lifetime),
  };
}

/** An error that was provoked by what is in no key stays for a moment only, but where the origin itself says how long it holds. */
function lifetimeUnder(
  { ttlMs, errorTtlMs }: CachePolicy,
  status: number,
  origin: { ms: number; explicit: boolean },
): number {
  const lifetimeMs = ttlMs ?? origin.ms;
  const saysItself = ttlMs === undefined && origin.explicit;
  return status < 400 || saysItself ? lifetimeMs : Math.min(lifetimeMs, errorTtlMs);
}

/** More than an origin and a route may give at once (http/tags.ts, rules/expand.ts): what many 304s add up to is bounded. */
const MAX_TAGS_KEPT = 3_000;

/** A complete answer, or a part of one, that a verdict lets be stored. */
export interface Storable {
  readonly status: number;
  readonly headers: Fields;
  readonly body: Buffer;
  readonly verdict: Verdict & { store: true };
  /** Tags that it has whatever its fields say. */
  readonly tags?: readonly Tag[];
  /** For a 206: the `Range` that was asked for. */
  readonly range?: string | undefined;
}

/** The stored form of a complete answer, or why it cannot be stored after all. */
export function storedResponse(context: FillContext, answer: Storable): StoredResponse | { unstorable: string } {
  const { request, route } = context.read;
  const { status, body, verdict } = answer;
  const variance = varianceOf(answer.headers);
  const found = tagsOf(context, answer.headers, body, variance !== undefined);
  if (!Array.isArray(found)) return found;
  const tags = answer.tags === undefined ? found : [...new Set([...found, ...answer.tags])];
  if (tags.length > MAX_TAGS_KEPT) return { unstorable: 'too-many-tags' };
  const part = status === 206 ? storedPart(answer) : undefined;
  if (status === 206 && part === undefined) return { unstorable: 'partial' };
  const key = cacheKey(request, route.policy.cache, variance);
  const named = parseVary(answer.headers.get('vary'));
  if (named === '*') return { unstorable: 'vary-star' };
  // The origin was asked for the octets as they are, whatever the client accepts: they are for all.
  const asOne = route.policy.client.encode.length > 0 && !answer.headers.has('content-encoding');
  const vary = asOne ? named.filter((name) => name !== 'accept-encoding') : named;
  const headers = new Fields(storedFields(answer.headers.lines, verdict.directives, route.policy.cache.setCookie));
  const codings = encodable(route.policy.client.encode, {
    status,
    headers,
    body,
    noTransform: verdict.directives.noTransform,
  });
  const originEtag = headers.get('etag');
  // One that is malformed is no validator: no client could send it back.
  const made = route.policy.client.etag === 'strong' && parseEntityTag(originEtag) === undefined && status === 200;
  const etag = made ? strongEtag(body) : originEtag;
  return {
    key: ownText(part === undefined ? key : partKey(key)),
    path: ownText(request.target.resource),
    tags: tags.map(ownText),
    asOf: context.asOf,
    since: undefined,
    uses: 0,
    status,
    headers,
    body: ownBytes(body),
    ...(part === undefined ? {} : { part }),
    ...(codings === undefined ? {} : { codings }),
    clientHeaders: clientFields(headers.lines, {
      policy: route.policy.client,
      directives: verdict.directives,
      etag: made ? etag : undefined,
      date: formatHttpDate(context.respondedAt),
      stripped: [],
    }),
    vary,
    selecting: selectingValues(vary, request.headers),
    directives: verdict.directives,
    lifetimeMs: verdict.lifetimeMs,
    initialAgeMs: initialAgeMs({ headers, requestedAt: context.requestedAt, respondedAt: context.respondedAt }),
    respondedAt: context.respondedAt,
    shareable: verdict.shareable,
    etag,
    lastModifiedMs: parseHttpDate(headers.get('last-modified') ?? '', context.respondedAt),
    dateMs: parseHttpDate(headers.get('date') ?? '', context.respondedAt),
    language: selectableLanguage(headers.get('content-language'), request.headers.get('accept-language')),
  };
}

/** RFC 9110 §15.3.7: what a 206 brings; undefined where it does not say of how much. */
function storedPart({ headers, body, range }: Storable): StoredPart | undefined {
  const part = partOf(headers, body);
  if (part?.size === undefined) return undefined;
  return { start: part.start, size: part.size, saidEnd: part.saidEnd, asked: range };
}

/**
 * Every tag of a response: the automatic ones, the route's, the origin's. A response whose tags cannot all be determined
 * is not stored: an invalidation of the missing one would leave it behind.
 */
export function tagsOf(
  context: FillContext,
  headers: Fields,
  body: Buffer,
  severalQueries: boolean,
): Tag[] | { unstorable: string } {
  const { request, route, params } = context.read;
  const query = sortedQuery(keyedQuery(request.target.query, route.policy.cache));
  const tags: Tag[] = [pathTag(request.target.resource), queryTag(request.target.resource, query)];
  if (severalQueries) tags.push(severalQueriesTag(request.target.resource));
  const fromOrigin = originTags(headers);
  if (fromOrigin.overflow) return { unstorable: 'too-many-tags' };
  for (const tag of fromOrigin.tags) tags.push(namedTag(tag));
  if (route.tags !== undefined) {
    const declared = route.tags.tagsFor({
      params,
      query: request.target.query,
      requestHeader: (name) => request.headers.get(name),
      responseHeader: (name) => headers.get(name),
      response: route.tags.needsBody ? readJson(body, headers) : { missing: 'not-read' },
    });
    if (declared.overflow) return { unstorable: 'too-many-tags' };
    if (declared.unresolved.length > 0) return { unstorable: 'tags-unresolved' };
    for (const tag of declared.tags) tags.push(namedTag(tag));
  }
  return [...new Set(tags)];
}
