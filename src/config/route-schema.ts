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

export function parseFieldName(name: string): string {
  if (token.test(name)) return name.toLowerCase();
  throw new ValueError(`"${name}" is not the name of a header field`, 'write for example accept-language');
}

function parseUserKey(name: string): string {
  const parameter = /^query:(.*)$/i.exec(name)?.[1];
  if (parameter !== undefined) return `query:${parseParameter(parameter)}`;
  const cookie = /^cookie:(.*)$/i.exec(name)?.[1];
  if (cookie === undefined) return parseFieldName(name);
  // Cookie names keep their case (RFC 6265 §5.3), field names do not.
  if (token.test(cookie)) return `cookie:${cookie}`;
  throw new ValueError(`"${cookie}" is not the name of a cookie`, 'write for example "cookie:session"');
}

/** A name, or its beginning and a star. @throws ValueError */
function parseCookieName(name: string): string {
  const text = name.endsWith('*') ? name.slice(0, -1) : name;
  if (text !== '' && token.test(text) && !text.includes('*')) return name;
  throw new ValueError(`"${name}" is not the name of a cookie`, 'write for example _ga, or _hj* for all that begin so');
}

export function parseParameter(name: string): string {
  if (name !== '' && !/[&=#?\s]/.test(name)) return name;
  throw new ValueError(`"${name}" is not the name of a query parameter`, 'write only the name: lang');
}

const keySchema = z.strictObject({
  query: z
    .array(text({}, parseParameter))
    .optional()
    .meta({
      description: 'The query parameters in the cache key. Absent: the whole query string.',
      examples: [['lang', 'page']],
    }),
  order: choice(['keep', 'sort'])
    .optional()
    .meta({ description: 'sort: the order of query parameters does not matter.', examples: ['sort'] }),
  headers: z
    .array(text({}, parseFieldName))
    .optional()
    .meta({
      description: 'Request header fields in the cache key, in addition to those in Vary.',
      examples: [['accept-language']],
    }),
});

/** All optional: `defaults` fills in what a route leaves out, and policy.ts what `defaults` leaves out. */
const cacheSchema = z.strictObject({
  ttl: duration(lifetime)
    .optional()
    .meta({
      description: "Replaces the origin's freshness lifetime, not its prohibitions. Absent: the origin's own.",
      examples: ['60s'],
    }),
  errorTtl: duration(lifetime)
    .optional()
    .meta({
      description: 'How long an error is kept at most if the origin does not say; 414 and 501 are never kept then.',
      examples: ['30s'],
    }),
  force: flag().optional().meta({ description: 'With ttl: also overrides no-store, no-cache and private.' }),
  staleWhileRevalidate: durationOr(['origin'], lifetime)
    .optional()
    .meta({
      description: 'How long a stale response may be served while it is revalidated. origin: as its directive says.',
      examples: ['30s'],
    }),
  staleIfError: durationOr(['origin'], lifetime)
    .optional()
    .meta({
      description: 'How long a stale response may be served while the origin fails. origin: as its directive says.',
      examples: ['10m'],
    }),
  key: keySchema.optional().meta({ description: 'What the cache key has in addition to the path.' }),
  credentials: z
    .union([
      choice(['bypass', 'perUser', 'shared']),
      z.strictObject({
        shared: z
          .array(text({ examples: ['x-api-key'] }, parseFieldName))
          .min(1)
          .meta({
            description:
              'Fields that say nothing of the user, such as the key of an application: responses to requests with them are shared by all, also by those without. With other credentials: bypass.',
          }),
      }),
    ])
    .optional()
    .meta({
      description:
        'Responses to requests with credentials (Authorization, Cookie, credentialHeaders, credentialParams): not cached, cached per user, or shared by all users; or shared if these fields are all.',
      examples: ['perUser'],
    }),
  userKey: z
    .array(text({ examples: ['authorization', 'cookie:session'] }, parseUserKey))
    .min(1)
    .optional()
    .meta({
      description:
        'For credentials: perUser: the header fields, "cookie:NAME" or "query:NAME", by which the API authenticates the user. Each has to be a secret, or set by a proxy alone: never an id, a tenant or a key that all share. Whoever sends the same values gets what was stored for them. Fields count if they are common credentials or in credentialHeaders. Where cookies are named, a request with other cookies alone is not cached.',
    }),
  cookies: z
    .union([
      choice(['credentials', 'ignore']),
      z.strictObject({
        ignore: z
          .array(text({ examples: ['_ga', '_hj*'] }, parseCookieName))
          .min(1)
          .meta({
            description: 'Cookies that say nothing, beside those of common analytics; "_hj*": all that begin so.',
          }),
      }),
    ])
    .optional()
    .meta({
      description:
        'ignore: responses do not depend on cookies; reads are forwarded without them. Default: only those of common analytics (_ga, _fbp, …) say nothing. credentials: not even these.',
      examples: ['ignore'],
    }),
  setCookie: choice(['bypass', 'store', 'strip'])
    .optional()
    .meta({
      description: 'Responses with Set-Cookie: not stored, stored with it, or stored without it.',
      examples: ['strip'],
    }),
  requestDirectives: choice(['honour', 'ignore'])
    .optional()
    .meta({
      description: "Whether the client's no-cache, max-age and other request directives apply.",
      examples: ['ignore'],
    }),
  targetedFields: z
    .array(text({ examples: ['Unstale-Cache-Control'] }, parseFieldName))
    .optional()
    .meta({ description: 'Targeted fields (RFC 9213) that take precedence over CDN-Cache-Control.' }),
});

const clientSchema = z.strictObject({
  cacheControl: text({ examples: ['no-cache', 'origin'] }, (value) => {
    if (/^[\t -~]*[!-~]$/.test(value)) return value;
    throw new ValueError('this is not a valid header field value', 'write for example no-cache, or origin');
  })
    .optional()
    .meta({
      description:
        'The Cache-Control that clients get; "origin": what the origin sent. If no configuration says, what an origin marks immutable keeps its own.',
    }),
  etag: choice(['strong', 'origin'])
    .optional()
    .meta({
      description: 'strong: add an ETag if the origin sends none; origin: never add one.',
      examples: ['origin'],
    }),
  encode: z
    .array(choice(['br', 'gzip']))
    .optional()
    .meta({ description: 'Codings for serving stored text compressed to clients that accept them, preferred first.' }),
  tags: choice(['strip', 'keep'])
    .optional()
    .meta({ description: 'Whether clients get Surrogate-Key, Cache-Tag and similar fields.', examples: ['keep'] }),
});

export const routePolicyShape = {
  origin: text({}, String)
    .optional()
    .meta({
      description: 'The name of an origin. Default: the one named default, or the only one.',
      examples: ['legacy'],
    }),
  cache: z
    .union([z.literal('off'), cacheSchema])
    .optional()
    .meta({ description: '"off": pass through, never store.' }),
  client: clientSchema.optional().meta({ description: 'What clients get, independent of what the gateway stores.' }),
};

export const routeSchema = z.strictObject({
  match: text({ pattern: '^/', examples: ['/steps/:stepId'] }, parseMatch).meta({
    description:
      'A path pattern: ":name" and "*" match one segment, "**" any remainder; ":name.json" matches a part of a segment.',
  }),
  ...routePolicyShape,
  tags: z
    .array(template('tag', { examples: ['step:{stepId}', 'accommodation:{response.accommodations[*].id}'] }))
    .optional()
    .meta({
      description:
        'Tags that rules can invalidate; {…} takes values from the path, the query, header fields or the body. null and [] give none; without the member, the response is not stored.',
    }),
  before: readTemplate()
    .optional()
    .meta({
      description: 'Where to read the representation of a resource written at this path, if not at the same path.',
      examples: ['GET /steps/{query.stepId}/accommodations/{id}'],
    }),
});

export type CacheSettings = Exclude<z.output<typeof routeSchema>['cache'], undefined>;
export type RouteSettings = z.output<typeof routeSchema>;
export type PolicySettings = Pick<RouteSettings, 'origin' | 'cache' | 'client'>;
