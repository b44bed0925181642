import type { CachePolicy, GatewayConfig, WriteProtectionConfig } from '../config/model.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import type { ExplainKey } from '../exchange/write/protection-ports.ts';
import { PatternTrie } from '../route/pattern.ts';
import { requestedKey } from './kept-keys.ts';
import { credentialsThatScope } from './scope.ts';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/**
 * Says what the `Idempotency-Key` of a write means. Throws what its client would be told without asking for the key.
 */
export function keyExplainer({ routes, fallback }: Pick<GatewayConfig, 'routes' | 'fallback'>): ExplainKey {
  const trie = new PatternTrie<CachePolicy>();
  for (const { match, cache } of routes) trie.add(match, cache);
  return (entry, request) => {
    const policy = trie.first(request.target.resource)?.data ?? fallback.cache;
    return meaningOf(entry, request, policy);
  };
}

function meaningOf(entry: WriteProtectionConfig, request: ClientRequest, policy: CachePolicy): readonly string[] {
  if (entry.idempotency === undefined) return [];
  if (requestedKey(entry, request) === undefined) return ['no Idempotency-Key: each request is carried out'];
  const { method, host, target } = request;
  const path = target.query === '' ? target.path : `${target.path}?${target.query}`;
  const told = credentialsThatScope(request, policy);
  const whose = told.length === 0 ? 'of all clients without credentials' : `of the user told by ${told.join(', ')}`;
  return [
    `Idempotency-Key: one key ${whose}, for ${method} ${host}${path}`,
    `carried out once; for ${shown(entry.idempotency.keepMs)}, the same body gets the first answer again, and another one 422`,
  ];
}

function shown(ms: number): string {
  const [unit, each] = UNITS.find(([, size]) => ms % size === 0) ?? ['ms', 1];
  return `${ms / each} ${unit}`;
}
