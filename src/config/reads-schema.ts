import { z } from 'zod';
import { routePolicyShape } from './route-schema.ts';
import { parseOn } from './rule-schema.ts';
import { size, text } from './scalar.ts';
import { ValueError } from './value-error.ts';

const KIB = 1024;

const on = text({ examples: ['POST /graphql'] }, (written) => {
  const parsed = parseOn(written);
  if (!parsed.methods.includes('*')) return parsed;
  throw new ValueError('"*" would have no write invalidate anything', `name the methods: POST ${parsed.pattern}`);
});

const declaredReadSchema = z.union([
  on,
  z.strictObject({
    on: on.meta({ description: 'Methods joined by "|", then a pattern as in match.', examples: ['POST /*/query'] }),
    cache: routePolicyShape.cache.meta({
      description: 'Caches the answers, keyed by the body; as on a route. Absent: they pass through.',
    }),
    maxBody: size({ min: 0, max: KIB * KIB })
      .prefault('64KiB')
      .meta({
        description: 'A request with a longer body, or one of unknown length, passes through.',
        examples: ['16KiB'],
      }),
  }),
]);

export const readsSchema = z.array(declaredReadSchema).prefault([]).meta({
  description: 'Requests of unsafe methods that only read: no rule applies to them, and they invalidate nothing.',
});

export type DeclaredReadSettings = z.output<typeof declaredReadSchema>;
