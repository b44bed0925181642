import type { Clock } from '../clock.ts';
import { Fields } from '../http/fields.ts';
import { currentAgeMs } from '../http/freshness.ts';
import type { Json } from '../rules/types.ts';
import type { Store } from '../store/store.ts';
import { readJson, readUpTo } from './body.ts';
import { cacheKey } from './cache-key.ts';
import { forwardFields, without } from './forward.ts';
import type { ClientRequest, Route } from './ports.ts';

/** Fields of the write that say nothing about a read of the same resource, or would change its answer. */
const ofTheWrite = new Set([
  'content-length',
  'content-type',
  'content-encoding',
  'content-language',
  'content-location',
  'content-md5',
  'content-digest',
  'expect',
  'transfer-encoding',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
  'accept',
  'accept-encoding',
]);

export interface BeforeOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** A representation longer than this is not read. */
  readonly maxBytes: number;
  readonly mode: 'read' | 'stored';
  /** The applied position when the origin was asked is the caller's to note: it registers the write first. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * The representation of the written resource as it was: the stored one while it is fresh, else one read from the origin,
 * with the write's own credentials, before the write is forwarded. A resource that does not exist is `absent`; one that
 * cannot be read is `incomplete`, and what depends on it widens.
 */
export async function readBefore(request: ClientRequest, route: Route, options: BeforeOptions): Promise<Json> {
  const get: ClientRequest = {
    ...request,
    method: 'GET',
    target: { ...request.target, query: '' },
    headers: new Fields(without(request.headers.lines, (name) => ofTheWrite.has(name))),
  };
  const stored = options.store.select(cacheKey(get, route.policy.cache), get.headers);
  if (stored !== undefined && stored.status === 200 && currentAgeMs(stored, options.clock.wall()) < stored.lifetimeMs) {
    const json = readJson(stored.body, stored.headers);
    if ('value' in json) return json;
  }
  if (options.mode === 'stored') return { missing: 'not-read' };
  try {
    const answer = await route.origin.fetch({
      method: 'GET',
      target: get.target.path,
      headers: [...forwardFields(get), 'Accept', 'application/json, */*;q=0.1', 'Accept-Encoding', 'identity'],
    });
    if (answer.status !== 200) {
      answer.body.destroy();
      return { missing: answer.status === 404 || answer.status === 410 ? 'absent' : 'incomplete' };
    }
    const body = await readUpTo(answer.body, options.maxBytes);
    if ('whole' in body) return readJson(body.whole, answer.headers);
    answer.body.destroy();
    return { missing: 'too-large' };
  } catch (error) {
    options.onFailure(error);
    return { missing: 'incomplete' };
  }
}
