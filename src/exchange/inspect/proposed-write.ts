import type { OriginConfig } from '../../config/model.ts';
import { Fields } from '../../http/fields.ts';
import { mappedLines } from '../../http/mapped.ts';
import { parseTarget } from '../../route/path.ts';
import { parseJson } from '../../rules/json.ts';
import type { BodySources, Json } from '../../rules/types.ts';
import type { ClientRequest } from '../ports.ts';

/** A hypothetical write to be explained. Bodies are JSON texts; undefined means no body. */
export interface ProposedWrite {
  readonly method: string;
  /** Path and query in origin-form. */
  readonly target: string;
  /** Status of the origin's answer. */
  readonly status: number;
  readonly request: string | undefined;
  readonly response: string | undefined;
  readonly before: string | undefined;
  /** What a protected write would replace; empty: nothing. Undefined: not known. */
  readonly current: string | undefined;
  /** JSON texts by the name of the lookup. */
  readonly lookups: Readonly<Record<string, string>>;
  /** Name, value, name, value, … */
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
}

/** Parses a body given as JSON text; absent if none is given. */
export function given(text: string | undefined): Json {
  return text === undefined ? { missing: 'absent' } : parseJson(text, 'application/json');
}

/** @throws TargetError */
export function proposedRequest(write: Pick<ProposedWrite, 'method' | 'target' | 'requestHeaders'>): ClientRequest {
  const headers = new Fields(write.requestHeaders);
  return {
    method: write.method,
    target: parseTarget(write.target),
    scheme: 'http',
    host: (headers.get('host') ?? 'localhost').toLowerCase(),
    headers,
    peer: '',
    trusted: false,
    client: { address: '', isProxy: false },
  };
}

/** The write with the fields of its answer as they are once the origin's own name is mapped (ask-origin.ts). */
export function asClientsSee(
  write: ProposedWrite,
  request: ClientRequest,
  origin: Pick<OriginConfig, 'host' | 'url'> | undefined,
): ProposedWrite {
  if (origin?.host === undefined) return write;
  const mapped = mappedLines(write.responseHeaders, { host: origin.host, url: origin.url }, request);
  return mapped === undefined ? write : { ...write, responseHeaders: mapped };
}

/** The sources that placeholders select from. `before` is not included: see `beforeOfProposed`. */
export function proposedSources(write: ProposedWrite, request: ClientRequest): BodySources {
  const answer = new Fields(write.responseHeaders);
  return {
    query: request.target.query,
    requestHeader: (name) => request.headers.get(name),
    responseHeader: (name) => answer.get(name),
    request: given(write.request),
    response: write.status >= 500 ? { missing: 'incomplete' } : given(write.response),
    before: { missing: 'not-read' },
  };
}
