import { namedTag, pathTag } from '../../src/coherence/tag.ts';
import { parseCacheControl } from '../../src/http/cache-control.ts';
import { ownContent } from '../../src/http/content.ts';
import { Fields } from '../../src/http/fields.ts';
import { type StoredParts, StoredResponse } from '../../src/store/stored-response.ts';

export type PartsOfStored = Partial<StoredParts> & { readonly named?: string[]; readonly body?: Buffer };

/** A stored response of `path`; whatever a test does not say is the plainest there is. */
export function stored(path: string, parts: PartsOfStored = {}): StoredResponse {
  const { named = [], body = Buffer.from(path), ...rest } = parts;
  return new StoredResponse({
    key: `http://host\n${path}\n`,
    path,
    tags: [pathTag(path), ...named.map(namedTag)],
    asOf: 0,
    since: undefined,
    uses: 0,
    status: 200,
    headers: new Fields([]),
    content: ownContent(body),
    part: undefined,
    codings: undefined,
    encoded: undefined,
    clientHeaders: [],
    vary: [],
    selecting: [],
    directives: parseCacheControl('max-age=60'),
    lifetimeMs: 60_000,
    initialAgeMs: 0,
    respondedAt: 0,
    shareable: true,
    etag: undefined,
    language: undefined,
    ...rest,
  });
}
