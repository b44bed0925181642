import { z } from 'zod';
import { choice, duration, durationOr, flag, text } from './scalar.ts';
import { checkedPattern, readTemplate, template } from './templates.ts';
import { MAX_DELTA_MS } from './units.ts';
import { ValueError } from './value-error.ts';

const lifetime = { min: 0, max: MAX_DELTA_MS };

/** RFC 9110 §5.6.2. */
const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

function parseMatch(match: string): string {
  const [, methods, pattern] = /^([A-Z|*]+)\s+(\/.*)$/.exec(match) ?? [];
  if (pattern === undefined) return checkedPattern(match);
  throw new ValueError(
    `a route cannot name a method; this one names ${methods}`,
    `routes match GET and HEAD: ${pattern}`,
  );
}

function parseFieldName(name: string): string {
  if (token.test(name)) return name.toLowerCase();
  throw new ValueError(`"${name}" is not the name of a header field`, 'write for example accept-language');
}

function parseUserKey(name: string): string {
  const cookie = /^cookie:(.*)$/i.exec(name)?.[1];
  if (cookie === undefined) return parseFieldName(name);
  // Cookie names keep their case (RFC 6265 §5.3), field names do not.
  if (token.test(cookie)) return `cookie:${cookie}`;
  throw new ValueError(`"${cookie}" is not the name of a cookie`, 'write for example "cookie:session"');
}

function parseParameter(name: string): string {
  if (name !== '' && !/[&=#?\s]/.test(name)) return name;
  throw new ValueError(`"${name}" is not the name of a query parameter`, 'write only the name: lang');
}

const keySchema = z.strictObject({
  query: z
    .array(text({}, parseParameter))
    .optional()
    .meta({ description: 'Only these query parameters tell responses apart. Absent: the full query string.' }),
  order: choice(['keep', 'sort'])
    .optional()
    .meta({ description: 'sort: parameters in another order are the same query.' }),
  headers: z
    .array(text({}, parseFieldName))
    .optional()
    .meta({ description: 'Request header fields that tell responses apart, beside those that Vary names.' }),
});

/** All optional: what a route does not say, `defaults` says; what neither does is in `policy.ts`. */
const cacheSchema = z.strictObject({
  ttl: duration(lifetime)
    .optional()
    .meta({ description: "Replaces the origin's freshness lifetime, not its prohibitions. Absent: the origin's own." }),
  force: flag().optional().meta({ description: 'With ttl: replaces no-store, no-cache and private too.' }),
  staleWhileRevalidate: durationOr('origin', lifetime).optional().meta({
    description: 'How long a stale response is served while it is revalidated. origin (default): its own directive.',
  }),
  staleIfError: durationOr('origin', lifetime)
    .optional()
    .meta({ description: 'How long a stale response is served while the origin fails. origin: its own directive.' }),
  key: keySchema.optional().meta({ description: 'What tells stored responses apart beside the path.' }),
  credentials: choice(['bypass', 'perUser', 'shared']).optional().meta({
    description: 'Requests with Authorization or Cookie: not cached, cached for each user, or the same for all.',
  }),
  userKey: z
    .array(text({ examples: ['authorization', 'cookie:session'] }, parseUserKey))
    .min(1)
    .optional()
    .meta({ description: 'For credentials: perUser: the fields, or "cookie:NAME", that say who the user is.' }),
  cookies: choice(['credentials', 'ignore'])
    .optional()
    .meta({ description: 'ignore: cookies say nothing about the response, and do not reach the origin with reads.' }),
  setCookie: choice(['bypass', 'store', 'strip'])
    .optional()
    .meta({ description: 'Responses with Set-Cookie: not stored, stored with it, or stored without.' }),
  requestDirectives: choice(['honour', 'ignore'])
    .optional()
    .meta({ description: "A client's no-cache, max-age and the like." }),
  targetedFields: z
    .array(text({ examples: ['Unstale-Cache-Control'] }, parseFieldName))
    .optional()
    .meta({ description: 'Fields like CDN-Cache-Control (RFC 9213) that are looked for before it.' }),
});

const clientSchema = z.strictObject({
  cacheControl: text({ examples: ['no-cache', 'origin'] }, (value) => {
    if (/^[\t -~]*[!-~]$/.test(value)) return value;
    throw new ValueError('this is not a valid header field value', 'write for example no-cache, or origin');
  })
    .optional()
    .meta({ description: 'The Cache-Control that clients see, or "origin" to leave what the origin sent.' }),
  etag: choice(['strong', 'origin'])
    .optional()
    .meta({ description: 'strong: made where the origin sends none; origin: never made.' }),
  encode: z
    .array(choice(['br', 'gzip']))
    .optional()
    .meta({ description: 'Stored text is served compressed to clients that accept it, the most wanted coding first.' }),
  tags: choice(['strip', 'keep'])
    .optional()
    .meta({ description: 'Whether Surrogate-Key, Cache-Tag and their kin reach clients.' }),
});

export const routePolicyShape = {
  origin: text({}, String).optional().meta({ description: 'The name of one of origins.' }),
  cache: z
    .union([z.literal('off'), cacheSchema])
    .optional()
    .meta({ description: '"off": passed through and never stored.' }),
  client: clientSchema.optional().meta({ description: 'What clients are told, apart from what the gateway keeps.' }),
};

export const routeSchema = z.strictObject({
  match: text({ pattern: '^/', examples: ['/steps/:stepId'] }, parseMatch).meta({
    description: 'A path: ":name" and "*" are one segment, "**" any rest.',
  }),
  ...routePolicyShape,
  tags: z
    .array(template('tag', { examples: ['step:{stepId}', 'accommodation:{response.accommodations[*].id}'] }))
    .optional()
    .meta({
      description: 'Names that rules can invalidate; {…} takes values from the path, the query, headers or the body.',
    }),
  before: readTemplate().optional().meta({
    description: 'Where the representation of what is written at this path lives, if not at the same path.',
  }),
});

export type CacheSettings = Exclude<z.output<typeof routeSchema>['cache'], undefined>;
export type RouteSettings = z.output<typeof routeSchema>;
export type PolicySettings = Pick<RouteSettings, 'origin' | 'cache' | 'client'>;
