import { createHash } from 'node:crypto';
import type { DeclaredReadConfig, GatewayConfig } from '../config/model.ts';
import { Fields, without } from '../http/fields.ts';
import { safeMethods } from '../http/methods.ts';
import { PatternTrie } from '../route/pattern.ts';
import { hasConditions, namedMethods } from './forward.ts';
import type { ClientRequest, Route, RouteTable } from './ports.ts';

/** A request of an unsafe method that only reads, as the configuration says (`reads`). */
export interface DeclaredRead {
  /** With the policy for its answers; undefined if it passes through. */
  readonly cached: { readonly route: Route; readonly maxBodyBytes: number } | undefined;
}

type Asked = Pick<ClientRequest, 'method' | 'target' | 'headers'>;

export type DeclaredReads = (request: Asked) => DeclaredRead | undefined;

/** Finds the first of `reads` that a request matches. */
export function matchingRead({
  reads,
}: Pick<GatewayConfig, 'reads'>): (request: Asked) => DeclaredReadConfig | undefined {
  const trie = new PatternTrie<DeclaredReadConfig>();
  for (const read of reads) trie.add(read.pattern, read);
  return (request) => {
    const { method, target } = request;
    if (reads.length === 0 || safeMethods.has(method)) return undefined;
    // `X-HTTP-Method-Override: DELETE`: what only reads by its own method is another request to many frameworks.
    if (namedMethods(request).length > 0) return undefined;
    return trie.matches(target.resource).find(({ data }) => data.methods.includes(method))?.data;
  };
}

export function declaredReads(config: Pick<GatewayConfig, 'reads'>, routes: RouteTable): DeclaredReads {
  const find = matchingRead(config);
  return (request) => {
    const read = find(request);
    if (read?.cache === undefined) return read && { cached: undefined };
    const { route } = routes.find(request.target.resource);
    const policy = { ...route.policy, cache: read.cache };
    return {
      cached: { route: { ...route, name: read.name, policy, tags: undefined }, maxBodyBytes: read.maxBodyBytes },
    };
  };
}

/** The length of a body that may be part of a key: declared, and at most `maxBytes`. */
export function keyableLength({ headers }: ClientRequest, maxBytes: number): number | undefined {
  // Of a body without a declared length nobody knows how much of it would have to be held.
  if (headers.has('transfer-encoding') || hasConditions({ headers })) return undefined;
  const length = Number(headers.get('content-length') ?? 0);
  return length <= maxBytes ? length : undefined;
}

/** Fields that describe the body: they are in the key with it, and sent with it. */
const ofContent = new Set(['content-type', 'content-encoding', 'content-language', 'content-length']);

/**
 * The same read as a GET that has the content in its key. So it is stored, found and collapsed as every read is, and no
 * GET of the same path ever finds it.
 */
export function asKeyedRead(request: ClientRequest, body: Buffer): ClientRequest {
  const { method, headers } = request;
  const lines = without(headers.lines, (name) => !ofContent.has(name));
  const described = [...ofContent].map((name) => headers.get(name) ?? null);
  const digest = createHash('sha256')
    .update(JSON.stringify([method, described]))
    .update('\n')
    .update(body);
  const content = { method, body, lines, key: `${method}+${digest.digest('base64url')}` };
  return {
    ...request,
    method: 'GET',
    headers: new Fields(without(headers.lines, (name) => ofContent.has(name))),
    content,
  };
}
