import { z } from 'zod';
import { parseAddress, parseHost, parseNetwork, parseOriginUrl, parseRedisUrl } from './address.ts';
import { circuitSchema, healthSchema } from './circuit-schema.ts';
import { eventsSchema } from './events-schema.ts';
import { parseOwnField, parseOwnValue } from './own-fields.ts';
import { readsSchema } from './reads-schema.ts';
import { parseFieldName, parseParameter, routePolicyShape, routeSchema } from './route-schema.ts';
import { ruleSchema } from './rule-schema.ts';
import { choice, count, duration, size, text, textOrNumber } from './scalar.ts';
import { snapshotSchema } from './snapshot-schema.ts';
import { DAY_MS } from './units.ts';
import { ValueError } from './value-error.ts';
import { webhooksSchema } from './webhooks-schema.ts';
import { writeSchema } from './writes-schema.ts';

// Each key occurs once, with its type, bounds, default and the description that editors show. A comment gives the
// reason for a default that is a decision.

const KIB = 1024;
const MIB = KIB * KIB;
/** 2^53 - 1, so that sums of sizes stay exact. */
const MAX_BYTES = Number.MAX_SAFE_INTEGER;
/** In Node, timers of more than 2^31 - 1 ms fire at once. A day is more than any of these needs. */
const timer = { min: 1, max: DAY_MS };

const address = () =>
  textOrNumber({ pattern: '^((\\[[^\\]]*\\]|[^:]*):)?[0-9]+$', examples: ['127.0.0.1:8080'] }, parseAddress);

// Many may stand behind one address: a tenth of all connections. One address alone, such as a load test or a proxy that
// is not trusted, gets most of an origin, and leaves enough to others for what takes no long time.
const perAddressSchema = z.strictObject({
  connections: count({ min: 1, max: 1_000_000 })
    .prefault(1_000)
    .meta({
      description: 'Connections at one time; further ones are closed at once. Trusted proxies are not counted.',
      examples: [2_000],
    }),
  originShare: text({ pattern: '^[0-9]+%$', examples: ['75%'] }, parsePercentage)
    .prefault('75%')
    .meta({
      description:
        "Share of an origin's connections that the requests of one address may hold; further ones wait. 100%: all of them.",
      examples: ['50%'],
    }),
  // A tenth of what `events.maxSubscribers` is by default. Offices and mobile networks have one address for many
  // clients.
  streams: count({ min: 1, max: 1_000_000 })
    .prefault(1_000)
    .meta({
      description: 'Event streams, and as many WebSockets, at one time. Never more than half of events.maxSubscribers.',
      examples: [2_000],
    }),
});

function parsePercentage(written: string): number {
  const percent = /^([0-9]{1,3})%$/.exec(written)?.[1];
  if (percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100) return Number(percent) / 100;
  throw new ValueError(`"${written}" is no share`, 'from 1% to 100%: 75%');
}

const limitsSchema = z.strictObject({
  headers: size({ min: KIB, max: MIB })
    .prefault('32KiB')
    .meta({ description: 'The header fields of a request in total; more is answered with 431.', examples: ['64KiB'] }),
  resolveBody: size({ min: 0, max: 64 * MIB })
    .prefault('1MiB')
    .meta({
      description:
        'Request and response bodies of writes up to this size are read for ids; longer ones fall back to a wildcard.',
      examples: ['4MiB'],
    }),
  requestBody: size({ min: 0, max: MAX_BYTES })
    .optional()
    .meta({ description: 'A longer request body is refused with 413. Absent: no limit.', examples: ['100MiB'] }),
  connections: count({ min: 1, max: 1_000_000 })
    .prefault(10_000)
    .meta({ description: 'Concurrent client connections; further ones are closed at once.', examples: [20_000] }),
  // Below the time for which a proxy before the gateway would wait; a client that makes any progress is not affected.
  bodyIdle: duration(timer)
    .prefault('20s')
    .meta({
      description: 'How long a body may stand still because of its client, in either direction.',
      examples: ['30s'],
    }),
  minBodyRate: size({ min: 0, max: MIB })
    .prefault('512B')
    .meta({
      description: 'Bytes a second that a client must send or read on average, once bodyIdle has passed.',
      examples: ['1KiB'],
    }),
  perAddress: perAddressSchema.prefault({}).meta({
    description:
      'Limits for one client address; for IPv6, its /64 block. Behind trusted proxies, the address that they name.',
  }),
});

const serverSchema = z.strictObject({
  listen: address()
    .prefault('127.0.0.1:8080')
    .meta({
      description: 'Address and port of the gateway. ":8080" means every interface, 8080 this machine only.',
      examples: [':8080'],
    }),
  trustedProxies: z
    .array(text({ examples: ['10.0.0.0/8'] }, parseNetwork))
    .prefault([])
    .meta({
      description: 'Addresses or blocks whose Forwarded and X-Forwarded-* are trusted; from others they are replaced.',
    }),
  limits: limitsSchema.prefault({}).meta({ description: 'Limits per request and for all clients together.' }),
  workers: count({ min: 1, max: 256 })
    .prefault(1)
    .meta({
      description: 'Processes that share the port and stay coherent with each other, with or without Redis.',
      examples: [4],
    }),
  front: z.boolean().prefault(true).meta({
    description:
      'Answers plain requests on the socket, without an HTTP server in between. What clients get is the same.',
  }),
  // Less than the 10 s after which container engines kill a process.
  drain: duration(timer)
    .prefault('8s')
    .meta({ description: 'How long a stopping gateway waits for requests in flight.', examples: ['25s'] }),
});

const adminSchema = z.strictObject({
  listen: address()
    .prefault('127.0.0.1:9090')
    .meta({ description: 'Address and port; different from the public port.', examples: ['0.0.0.0:9090'] }),
  token: text({}, parseToken)
    .optional()
    .meta({
      description: 'Bearer token of the admin port; required unless it listens on loopback.',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is written in the file
      examples: ['${UNSTALE_ADMIN_TOKEN}'],
    }),
});

function parseToken(token: string): string {
  // RFC 6750 §2.1: a token that cannot be sent in a header field would lock everybody out. The message does not repeat
  // it.
  if (/^[A-Za-z0-9._~+/-]+=*$/.test(token)) return token;
  const message = token === '' ? 'the token is empty' : 'a bearer token has letters, digits and "-._~+/" only';
  throw new ValueError(message, 'use for example 32 random bytes in base64url');
}

export const originSchema = z.strictObject({
  url: text({ pattern: '^https?://', examples: ['http://127.0.0.1:4000'] }, parseOriginUrl).meta({
    description: 'Where requests are sent: an http or https URL, optionally with a base path.',
  }),
  host: text({ examples: ['origin', 'client', 'api.example'] }, parseHost)
    .optional()
    .meta({
      description:
        "The Host that the origin gets: its own (origin), the client's (client), or a name. Default: origin for https, client for http. X-Forwarded-Host has the client's.",
    }),
  timeout: duration(timer)
    .prefault('10s')
    .meta({ description: 'For the response head, and for each pause within the body.', examples: ['30s'] }),
  connectTimeout: duration(timer)
    .prefault('2s')
    .meta({ description: 'For a new connection, including TLS.', examples: ['5s'] }),
  connections: count({ min: 1, max: 65_535 })
    .prefault(256)
    .meta({ description: 'Connections to the origin at one time; further requests wait.', examples: [64] }),
  serverErrors: choice(['unknown', 'unchanged']).prefault('unknown').meta({
    description:
      'What a 5xx answer to a write means: it may have been applied (unknown), or it was rolled back (unchanged).',
  }),
  misframed: choice(['bypass', 'store']).prefault('bypass').meta({
    description:
      'A response followed by more bytes than it declares, or with an unknown transfer coding: pass through, or store.',
  }),
  headers: z
    .record(text({}, parseOwnField), text({}, parseOwnValue))
    .prefault({})
    .meta({
      description:
        "Fields for the gateway's own reads (before, lookups), in place of the writer's credentials. Never logged.",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is written in the file
      examples: [{ authorization: 'Bearer ${API_TOKEN}' }],
    }),
  circuit: circuitSchema,
  health: healthSchema,
  ignoreInPaths: z
    .array(choice(['case', 'parameters', 'extension']))
    .prefault([])
    .meta({
      description:
        'What the origin, and therefore each route, ignores in paths: case of letters, ";x" after a segment, ".x" at the end. Reads under other spellings than a route\'s are not stored, and a write under any spelling counts for all of them. A write of /items/b.json has two ids: without the extension and, as it was sent, with it. If any origin has case, paths, queries and tags of targets are compared without regard to case, for all origins: they contain ids from paths. If all origins ignore the same, events also name each path, query and tag without what is ignored.',
    }),
});

const storeSchema = z.strictObject({
  memory: z
    .strictObject({
      maxSize: size({ min: MIB, max: MAX_BYTES })
        .prefault('256MiB')
        .meta({
          description: 'All stored responses in total; the least recently used are evicted first.',
          examples: ['1GiB'],
        }),
      maxEntry: size({ min: KIB, max: MAX_BYTES })
        .prefault('8MiB')
        .meta({ description: 'A larger response is passed through and not stored.', examples: ['2MiB'] }),
      maxVariants: count({ min: 1, max: 10_000 })
        .prefault(64)
        .meta({ description: 'Stored variants (Vary) per cache key; the oldest is evicted first.', examples: [16] }),
      admission: choice(['all', 'frequency'])
        .prefault('all')
        .meta({
          description:
            'all: each response is stored. frequency: once memory is full, only those that are asked for more often than what would have to go, so that a crawler does not empty it.',
          examples: ['frequency'],
        }),
    })
    .prefault({})
    .meta({ description: 'The memory tier.' }),
  redis: z
    .strictObject({
      url: z
        .union([
          text({ examples: ['redis://127.0.0.1:6379'] }, parseRedisUrl),
          z.array(text({ examples: ['redis://127.0.0.1:7000'] }, parseRedisUrl)).min(1),
        ])
        .meta({ description: 'redis://…, rediss://… or unix:/path; a list names the nodes of one Redis Cluster.' }),
      prefix: text({ pattern: '^[A-Za-z0-9._-]+$' }, parseKeyPart)
        .prefault('unstale')
        .meta({ description: 'The prefix of all keys in Redis.', examples: ['travel-api'] }),
      scope: text({ pattern: '^[A-Za-z0-9._-]+$' }, parseKeyPart)
        .optional()
        .meta({
          description:
            'Gateways with the same scope form one cluster. Default: derived from the URL of the default origin.',
          examples: ['travel'],
        }),
      tier: z
        .union([
          z.literal('off'),
          z.strictObject({
            ttl: duration({ min: 1_000, max: 30 * DAY_MS })
              .prefault('1d')
              .meta({ description: 'How long a response is kept at most.', examples: ['1h'] }),
            maxSize: size({ min: 1024 * 1024, max: MAX_BYTES })
              .prefault('256MiB')
              .meta({
                description:
                  'About how much all nodes together keep there. Nothing is added beyond 3/4 of its maxmemory.',
                examples: ['1GiB'],
              }),
            maxEntry: size({ min: 1, max: MAX_BYTES })
              .prefault('1MiB')
              .meta({ description: 'A larger response is stored in memory only.', examples: ['256KiB'] }),
            compressAbove: size({ min: 0, max: MAX_BYTES })
              .prefault('4KiB')
              .meta({ description: 'Larger responses are compressed.', examples: ['16KiB'] }),
            timeout: duration({ min: 1, max: 10_000 })
              .prefault('250ms')
              .meta({ description: 'How long a read waits for Redis at most.', examples: ['100ms'] }),
          }),
        ])
        .prefault({})
        .meta({ description: 'A second tier that the nodes share; off: each node fetches its own responses.' }),
    })
    .optional()
    .meta({ description: 'Redis, which joins several gateways in front of the same origins.' }),
  snapshot: snapshotSchema,
});

/** No braces: they would break the hash tag that places a key in a Redis Cluster. */
function parseKeyPart(part: string): string {
  if (/^[A-Za-z0-9._-]+$/.test(part)) return part;
  throw new ValueError(`"${part}" cannot be part of a key`, 'use letters, digits and "._-": unstale');
}

const coherenceSchema = z.strictObject({
  mode: choice(['strict', 'eventual']).prefault('strict').meta({
    description: 'When a write is answered: after every node has applied it (strict), or this node (eventual).',
  }),
  onPartition: choice(['reject', 'queue']).optional().meta({
    description: 'What happens to writes while Redis cannot be reached. Default: reject if strict, queue if eventual.',
  }),
  lease: duration({ min: 200, max: 60_000 })
    .prefault('2s')
    .meta({
      description:
        'How long a node may serve from memory without contact to Redis; also how long a write waits for a dead node.',
      examples: ['5s'],
    }),
  settle: duration({ min: 0, max: DAY_MS })
    .prefault('10s')
    .meta({
      description: 'After an indeterminate write: how long nothing that it may have changed is stored.',
      examples: ['30s'],
    }),
});

const logSchema = z.strictObject({
  level: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .prefault('info')
    .meta({
      description: 'info: one line per write; debug: also one line per read, with the reason for its outcome.',
      examples: ['debug'],
    }),
});

/** The keys of an included file. */
export const packSchema = z.strictObject({
  routes: z.array(routeSchema).optional().meta({ description: 'Policies for GET and HEAD; the first match applies.' }),
  rules: z.array(ruleSchema).optional().meta({ description: 'What a write makes stale; all rules that match apply.' }),
  writes: z.array(writeSchema).optional().meta({
    description: 'Writes that are protected from destroying what others have written; the first match applies.',
  }),
});

/** A name that is safe in a log line and as an object key. */
const freeName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]*$/);

/** The whole configuration file. The JSON Schema for editors is generated from it. */
export const configSchema = z.strictObject({
  server: serverSchema.prefault({}).meta({ description: 'The public port.' }),
  admin: adminSchema
    .prefault({})
    .meta({ description: 'Liveness, readiness, metrics and administration, on a separate port.' }),
  origin: originSchema.optional().meta({ description: 'The origin. For several, use origins.' }),
  origins: z
    .record(freeName, originSchema)
    .optional()
    .meta({ description: 'Origins by name, for routes to refer to. Requests without one go to "default".' }),
  store: storeSchema.prefault({}).meta({ description: 'Where responses are stored.' }),
  coherence: coherenceSchema.prefault({}).meta({ description: 'What the gateway guarantees after a write.' }),
  events: eventsSchema.prefault({}).meta({ description: 'Events that tell clients what has changed.' }),
  webhooks: webhooksSchema,
  log: logSchema.prefault({}).meta({ description: 'JSON lines on standard output.' }),
  credentialHeaders: z
    .array(text({ examples: ['x-acme-key'] }, parseFieldName))
    .prefault([])
    .meta({
      description:
        'Request header fields that carry credentials, beside Authorization, Cookie, X-API-Key and other common ones.',
    }),
  credentialParams: z
    .array(text({ examples: ['api_key', 'access_token'] }, parseParameter))
    .prefault([])
    .meta({ description: 'Query parameters that carry credentials. Keys, tags and logs do not show them.' }),
  defaults: z
    .strictObject(routePolicyShape)
    .optional()
    .meta({ description: 'Defaults for routes, and the policy of requests that match no route.' }),
  reads: readsSchema,
  ...packSchema.shape,
  include: z
    .array(text({ examples: ['rules/*.yaml'] }, String))
    .optional()
    .meta({
      description: 'Files with routes, rules and writes (rule packs), relative to this file. "*" matches any name.',
    }),
  // Their settings are laid over the file before it is checked (profiles.ts).
  profiles: z.record(freeName, z.unknown()).optional().meta({
    description:
      'Settings by the name of a profile, laid over the file where one is chosen: --profile, or UNSTALE_PROFILE.',
  }),
});
