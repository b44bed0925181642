import { ownContent } from '../http/content.ts';
import { Fields } from '../http/fields.ts';
import { sharedParsed } from '../http/own-memory.ts';
import { isSoundHead } from './head-check.ts';
import { type StoredParts, StoredResponse } from './stored-response.ts';

/** A stored response as JSON, without its body and without what is known to one process only. */
export type Head = Omit<StoredParts, 'content' | 'headers' | 'encoded' | 'asOf' | 'since' | 'uses' | 'part'> & {
  readonly headers: readonly string[];
};

/**
 * What of a response can be kept outside of this process. Each property is named: an object of the rest of another one
 * is a hash table, and a save makes a million of them.
 */
export function headOf(response: StoredResponse): Head {
  return {
    key: response.key,
    path: response.path,
    tags: response.tags,
    status: response.status,
    headers: response.headers.lines,
    codings: response.codings,
    clientHeaders: response.clientHeaders,
    vary: response.vary,
    selecting: response.selecting,
    directives: response.directives,
    lifetimeMs: response.lifetimeMs,
    initialAgeMs: response.initialAgeMs,
    respondedAt: response.respondedAt,
    shareable: response.shareable,
    etag: response.etag,
    language: response.language,
  };
}

/** One list for all that have none. */
const none: readonly string[] = [];

/**
 * The response of a decoded head. Undefined if no node would have written that head.
 * @param own what only this process knows of it
 */
export function responseOf(
  head: unknown,
  body: Buffer,
  own: Pick<StoredParts, 'asOf' | 'uses'>,
): StoredResponse | undefined {
  if (!isSoundHead(head)) return undefined;
  const response = head as Head;
  const lines = response.headers.map(sharedParsed);
  // Their texts are those of the origin's fields, but for a few. Long ones are not shared otherwise.
  const long = lines.filter((text) => text.length > LONG);
  // JSON has no undefined, so an absent property was undefined.
  return new StoredResponse({
    key: response.key,
    path: response.path,
    tags: response.tags.map(sharedParsed),
    asOf: own.asOf,
    since: undefined,
    uses: own.uses,
    status: response.status,
    headers: new Fields(lines),
    content: ownContent(body),
    part: undefined,
    codings: response.codings,
    encoded: undefined,
    clientHeaders: response.clientHeaders.map((text) =>
      text.length > LONG ? (long.find((one) => one === text) ?? text) : sharedParsed(text),
    ),
    vary: response.vary.length === 0 ? none : response.vary,
    selecting: response.selecting.length === 0 ? none : response.selecting,
    directives: response.directives,
    lifetimeMs: response.lifetimeMs,
    initialAgeMs: response.initialAgeMs,
    respondedAt: response.respondedAt,
    shareable: response.shareable,
    etag: response.etag,
    language: response.language,
  });
}

/** What `sharedParsed` does not share. */
const LONG = 64;
