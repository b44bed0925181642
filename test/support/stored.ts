import { namedTag, pathTag } from '../../src/coherence/tag.ts';
import { parseCacheControl } from '../../src/http/cache-control.ts';
import { Fields } from '../../src/http/fields.ts';
import type { StoredResponse } from '../../src/store/stored-response.ts';

/** A stored response of `path`; whatever a test does not say is the plainest there is. */
export function stored(path: string, part: Partial<StoredResponse> & { named?: string[] } = {}): StoredResponse {
  const { named = [], ...rest } = part;
  return {
    key: `http://host\n${path}\n`,
    path,
    tags: [pathTag(path), ...named.map(namedTag)],
    asOf: 0,
    since: undefined,
    uses: 0,
    touched: undefined,
    status: 200,
    headers: new Fields([]),
    body: Buffer.from(path),
    clientHeaders: [],
    vary: [],
    selecting: [],
    directives: parseCacheControl('max-age=60'),
    lifetimeMs: 60_000,
    initialAgeMs: 0,
    respondedAt: 0,
    shareable: true,
    etag: undefined,
    lastModifiedMs: undefined,
    dateMs: undefined,
    language: undefined,
    part: undefined,
    codings: undefined,
    encoded: undefined,
    ...rest,
  };
}
