import { GatewayError } from '../errors.ts';

/**
 * The patterns for a `topic` of the Mercure protocol (draft-dunglas-mercure §4): `*`, a path, or an IRI whose path
 * counts, with `{name}` for a segment. Undefined: everything.
 * @throws GatewayError 400 for other templates
 */
export function patternOfTopic(topic: string): string | undefined {
  if (topic === '*') return undefined;
  const path = topic.replace(/^https?:\/\/[^/?#]*/i, '');
  const pattern = path.replace(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g, ':$1');
  if (!pattern.includes('{')) return pattern === '' ? '/' : pattern;
  throw new GatewayError('badRequest', 'topic: of URI templates, {name} alone is supported, as a whole segment');
}
