import { GatewayError } from '../errors.ts';
import { dataOf, eventStream, idLine } from './frame.ts';
import type { Wire } from './wire.ts';

/**
 * As `eventStream`, for clients of the Mercure protocol: they listen to `message` alone, which is what has no type. The
 * type is in the data instead. A resync names everything, for those that read only what has changed.
 */
export const mercureStream: Wire = {
  ...eventStream,
  event: ({ id, type, frame }) =>
    // The data is an object, and never empty.
    Buffer.from(`${idLine(id)}data: {"type":${JSON.stringify(type)},${dataOf(frame).toString().slice(1)}\n\n`),
  resync: (id, refetch = {}) => {
    const data = { type: 'resync', paths: ['/**'], tags: ['*'], ...refetch };
    return Buffer.from(`${idLine(id)}data: ${JSON.stringify(data)}\n\n`);
  },
};

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
