import { createHash } from 'node:crypto';
import type { TagKnowledge } from './coherence/write-set.ts';
import type { GatewayConfig } from './config/model.ts';

const FINGERPRINT_LENGTH = 16;

/** Raised whenever a response gets other tags, or a target covers other tags, under the same configuration. */
const TAGGING = 5;

/** Digest of what decides how a response is stored. A node must not use what another configuration has stored. */
export function shapeOf({
  routes,
  fallback,
  reads,
  origins,
  writes,
}: Pick<GatewayConfig, 'routes' | 'fallback' | 'reads' | 'origins' | 'writes'>): string {
  const sources = routes.map(({ source: _, ...route }) => route);
  const ignored = Object.entries(origins).map(([name, { ignoreInPaths }]) => [name, ignoreInPaths]);
  // Their responses have entity tags of the gateway's own.
  const tagged = writes.filter(({ precondition }) => precondition !== 'off').map(({ pattern }) => pattern);
  return digestOf([TAGGING, sources, fallback, reads, ignored, ...(tagged.length === 0 ? [] : [tagged])]);
}

/**
 * Digest of what decides which responses are stored and what writes invalidate. A snapshot of another one is not used.
 * @param shape what `shapeOf` made of the configuration
 */
export function snapshotFingerprint(shape: string, { rules, origins, reads }: GatewayConfig): string {
  const urls = Object.entries(origins).map(([name, { url, host }]) => [name, url, host]);
  return digestOf([shape, urls, reads, JSON.stringify(rules, withoutPositions)]).slice(0, FINGERPRINT_LENGTH);
}

/** Where a rule stands in its file says nothing. */
function withoutPositions(name: string, value: unknown): unknown {
  return name === 'source' && typeof value === 'object' ? undefined : value;
}

/** What a node says of its configuration in each record: see `ConfiguredBus`. */
export function fingerprintsOf(
  shape: string,
  { families, opaque }: TagKnowledge,
): { readonly targets: string; readonly terms: string } {
  // All families.
  const terms = digestOf([shape, families.related(''), [...opaque].sort()]);
  return { targets: shape.slice(0, FINGERPRINT_LENGTH), terms: terms.slice(0, FINGERPRINT_LENGTH) };
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, withMembers)).digest('base64url');
}

/** `JSON.stringify` makes `{}` of every set. */
function withMembers(_key: string, value: unknown): unknown {
  return value instanceof Set ? [...value].sort() : value;
}
