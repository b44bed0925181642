import { Fields, without } from '../../http/fields.ts';
import { parseTarget } from '../../route/path.ts';
import type { Json } from '../../rules/types.ts';
import { askOrigin } from '../ask-origin.ts';
import { readJson, readUpTo } from '../body.ts';
import { forwardFields } from '../forward.ts';
import type { ClientRequest, Route } from '../ports.ts';

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

/** A read of `path`, canonical, with the credentials of a write. */
export function readFor(request: ClientRequest, path: string, resource: string): ClientRequest {
  return {
    ...request,
    method: 'GET',
    target: { path, resource, query: '' },
    headers: new Fields(without(request.headers.lines, (name) => ofTheWrite.has(name))),
  };
}

/** Whether a client's request for this path would reach the origin, and as this path. */
function isCanonical(path: string): boolean {
  try {
    return parseTarget(path).path === path;
  } catch {
    return false;
  }
}

export interface RepresentationOptions {
  /** A representation longer than this is not read. */
  readonly maxBytes: number;
  readonly onFailure: (error: unknown) => void;
}

/**
 * The representation of a resource as the origin has it now. One that does not exist is `absent`; one that cannot be read is
 * `incomplete`, and what depends on it widens.
 */
export async function readRepresentation(
  get: ClientRequest,
  route: Route,
  { maxBytes, onFailure }: RepresentationOptions,
): Promise<Json> {
  // Made of values that a client has chosen: what a client may not ask for, nobody asks for on its behalf.
  if (!isCanonical(get.target.path)) return { missing: 'incomplete' };
  try {
    const accepted = ['Accept', 'application/json, */*;q=0.1', 'Accept-Encoding', 'identity'];
    const headers = [...forwardFields(get, route.policy.client), ...accepted];
    const answer = await askOrigin({ request: get, route }, { headers });
    if (answer.status !== 200) {
      answer.body.destroy();
      return { missing: answer.status === 404 || answer.status === 410 ? 'absent' : 'incomplete' };
    }
    const body = await readUpTo(answer.body, maxBytes);
    if ('whole' in body) return readJson(body.whole, answer.headers);
    answer.body.destroy();
    return { missing: 'too-large' };
  } catch (error) {
    onFailure(error);
    return { missing: 'incomplete' };
  }
}
