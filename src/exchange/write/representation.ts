import { Fields, without } from '../../http/fields.ts';
import { parseTarget } from '../../route/path.ts';
import type { Json } from '../../rules/types.ts';
import { askOrigin } from '../ask-origin.ts';
import { readAnswerUpTo, readJson } from '../body.ts';
import { credentialFields, credentialQuery } from '../credentials.ts';
import { forwardFields } from '../forward.ts';
import type { ClientRequest, Route } from '../ports.ts';

/** Fields of the write that do not apply to a read of the same resource, or would change its answer. */
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

/** A read of the canonical `path` with the credentials of a write. */
export function readFor(
  request: ClientRequest,
  { path, resource, route }: { path: string; resource: string; route: Pick<Route, 'policy'> },
): ClientRequest {
  return {
    ...request,
    method: 'GET',
    target: { path, resource, query: credentialQuery(request.target.query, route.policy.cache) },
    headers: new Fields(without(request.headers.lines, (name) => ofTheWrite.has(name))),
  };
}

/** Two identities in one request would be answered as either. */
function asTheGateway(get: ClientRequest, { origin, policy }: Route): ClientRequest {
  const { ownFields = [] } = origin;
  if (ownFields.length === 0) return get;
  const own = new Fields(ownFields);
  const writers = new Set(credentialFields(get.headers, policy.cache));
  const lines = without(get.headers.lines, (name) => writers.has(name) || own.has(name));
  return { ...get, target: { ...get.target, query: '' }, headers: new Fields(lines) };
}

/** Whether a client could request this path and have it forwarded unchanged. */
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
 * Reads the present representation of a resource from the origin, with the writer's credentials, or with the gateway's
 * own (`origin.headers`). It is neither stored nor shown to a client. `absent` if there is none; `incomplete` if it
 * cannot be read, in which case dependent placeholders fall back to a wildcard.
 */
export async function readRepresentation(
  get: ClientRequest,
  route: Route,
  { maxBytes, onFailure }: RepresentationOptions,
): Promise<Json> {
  // The path contains values from a client. The gateway requests nothing that the client itself could not request.
  if (!isCanonical(get.target.path)) return { missing: 'incomplete' };
  try {
    const accepted = ['Accept', 'application/json, */*;q=0.1', 'Accept-Encoding', 'identity'];
    const request = asTheGateway(get, route);
    const headers = [...forwardFields(request, route.policy.client), ...accepted, ...(route.origin.ownFields ?? [])];
    const answer = await askOrigin({ request, route }, { headers });
    if (answer.status !== 200) {
      answer.body.destroy();
      if (answer.status === 404 || answer.status === 410) return { missing: 'absent' };
      return { missing: 'incomplete', status: answer.status };
    }
    const body = await readAnswerUpTo(answer.body, maxBytes);
    if ('whole' in body) return readJson(body.whole, answer.headers);
    answer.body.destroy();
    return { missing: 'too-large' };
  } catch (error) {
    onFailure(error);
    return { missing: 'incomplete' };
  }
}
