import { z } from 'zod';
import { parseAddress, parseNetwork, parseOriginUrl, parseRedisUrl } from './address.ts';
import { routePolicyShape, routeSchema } from './route-schema.ts';
import { ruleSchema } from './rule-schema.ts';
import { choice, count, duration, size, text } from './scalar.ts';
import { DAY_MS } from './units.ts';
import { ValueError } from './value-error.ts';

// Each key stands here once: its type, its bounds, its default and the sentence that editors show. Where a default is a
// decision, the reason is beside it.

const KIB = 1024;
const MIB = KIB * KIB;
/** 2^53 - 1, so that sums of sizes stay exact. */
const MAX_BYTES = Number.MAX_SAFE_INTEGER;
/** Timers of more than 2^31 - 1 ms fire at once in Node; a day is more than any of these can mean. */
const timer = { min: 1, max: DAY_MS };

const address = () => text({ pattern: '^(\\[[^\\]]*\\]|[^:]*):[0-9]+$', examples: ['127.0.0.1:8080'] }, parseAddress);

// Many may stand behind one address: a tenth of all connections, and half of what the origin takes.
const perAddressSchema = z.strictObject({
  connections: count({ min: 1, max: 1_000_000 })
    .prefault(1_000)
    .meta({ description: 'Connections at one time; further ones are closed at once. Not of trusted proxies.' }),
  originShare: text({ pattern: '^[0-9]+%$', examples: ['50%'] }, parsePercentage)
    .prefault('50%')
    .meta({ description: "Of an origin's connections, for bodies that wait for their client while others need them." }),
  // A tenth of what `events.maxSubscribers` is by default. Offices and mobile networks have one address for many clients.
  streams: count({ min: 1, max: 1_000_000 }).prefault(1_000).meta({
    description: 'Event streams, and as many WebSockets, at one time; of events.maxSubscribers never more than half.',
  }),
});

function parsePercentage(written: string): number {
  const percent = /^([0-9]{1,3})%$/.exec(written)?.[1];
  if (percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100) return Number(percent) / 100;
  throw new ValueError(`"${written}" is no share`, 'from 1% to 100%: 50%');
}

const limitsSchema = z.strictObject({
  headers: size({ min: KIB, max: MIB })
    .prefault('32KiB')
    .meta({ description: 'All header fields of a request together; more is answered with 431.' }),
  resolveBody: size({ min: 0, max: 64 * MIB })
    .prefault('1MiB')
    .meta({
      description: 'Bodies of writes and of their answers up to this size are read for ids; longer ones widen.',
    }),
  requestBody: size({ min: 0, max: MAX_BYTES })
    .optional()
    .meta({ description: 'A longer request body is refused with 413. Absent: no limit.' }),
  connections: count({ min: 1, max: 1_000_000 })
    .prefault(10_000)
    .meta({ description: 'Connections of clients at one time; further ones are closed at once.' }),
  // Below the time for which a proxy before the gateway would wait; a client that moves at all is not hit.
  bodyIdle: duration(timer)
    .prefault('20s')
    .meta({ description: 'How long a body may stand still because of its client, in either direction.' }),
  minBodyRate: size({ min: 0, max: MIB })
    .prefault('512B')
    .meta({ description: 'Bytes a second that a client must send or read at least, on the average, behind bodyIdle.' }),
  perAddress: perAddressSchema.prefault({}).meta({
    description:
      'What one address may use: a block of 64 bits for IPv6. Behind trusted proxies, the address that they name.',
  }),
});

const serverSchema = z.strictObject({
  listen: address()
    .prefault('127.0.0.1:8080')
    .meta({ description: 'Address and port of the gateway; ":8080" is every interface.' }),
  trustedProxies: z
    .array(text({ examples: ['10.0.0.0/8'] }, parseNetwork))
    .prefault([])
    .meta({
      description: 'Addresses or blocks whose Forwarded and X-Forwarded-* are believed; from others they are replaced.',
    }),
  limits: limitsSchema.prefault({}).meta({ description: 'What one client, or all together, may use.' }),
  // Below the 10 s after which container engines kill what does not stop.
  workers: count({ min: 1, max: 256 }).prefault(1).meta({
    description: 'Processes that share the port. More than one are nodes among themselves, with a Redis or without.',
  }),
  drain: duration(timer)
    .prefault('8s')
    .meta({ description: 'How long a stopping gateway waits for exchanges in flight.' }),
});

const adminSchema = z.strictObject({
  listen: address().prefault('127.0.0.1:9090').meta({ description: 'Its own port: never the public one.' }),
  token: text({}, parseToken)
    .optional()
    .meta({ description: 'Bearer token of the admin port; mandatory where it is not loopback.' }),
});

function parseToken(token: string): string {
  // RFC 6750 §2.1: what cannot stand in a header field would lock everybody out. The message does not repeat it.
  if (/^[A-Za-z0-9._~+/-]+=*$/.test(token)) return token;
  const message = token === '' ? 'the token is empty' : 'a bearer token holds letters, digits and "-._~+/" only';
  throw new ValueError(message, 'for instance 32 random bytes in base64url');
}

const originSchema = z.strictObject({
  url: text({ pattern: '^https?://', examples: ['http://127.0.0.1:4000'] }, parseOriginUrl).meta({
    description: 'Where requests go: http or https, with a base path or none.',
  }),
  timeout: duration(timer)
    .prefault('10s')
    .meta({ description: 'For the head of an answer, and for each silence inside a body.' }),
  connectTimeout: duration(timer).prefault('2s').meta({ description: 'For a new connection, TLS included.' }),
  connections: count({ min: 1, max: 65_535 })
    .prefault(256)
    .meta({ description: 'Connections to the origin at one time; further requests wait.' }),
  serverErrors: choice(['unknown', 'unchanged'])
    .prefault('unknown')
    .meta({ description: 'What 5xx says of a write: it may have been applied, or (unchanged) it was rolled back.' }),
});

const storeSchema = z.strictObject({
  memory: z
    .strictObject({
      maxSize: size({ min: MIB, max: MAX_BYTES })
        .prefault('256MiB')
        .meta({ description: 'All stored responses together; the least recently used go first.' }),
      maxEntry: size({ min: KIB, max: MAX_BYTES })
        .prefault('8MiB')
        .meta({ description: 'A larger response streams through and is not stored.' }),
      maxVariants: count({ min: 1, max: 10_000 })
        .prefault(64)
        .meta({ description: 'Stored variants (Vary) of one key; the oldest goes first.' }),
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
        .meta({ description: 'redis://…, rediss://… or unix:/path; a list names nodes of one Redis Cluster.' }),
      prefix: text({ pattern: '^[A-Za-z0-9._-]+$' }, parseKeyPart)
        .prefault('unstale')
        .meta({ description: 'Of all keys there.' }),
      scope: text({ pattern: '^[A-Za-z0-9._-]+$' }, parseKeyPart).optional().meta({
        description: 'Gateways with the same are nodes of one. Default: a name made of the URL of the default origin.',
      }),
      tier: z
        .union([
          z.literal('off'),
          z.strictObject({
            ttl: duration({ min: 1_000, max: 30 * DAY_MS })
              .prefault('1d')
              .meta({ description: 'For how long it keeps a response at most.' }),
            maxSize: size({ min: 1024 * 1024, max: MAX_BYTES })
              .prefault('256MiB')
              .meta({
                description: 'All nodes together keep about no more there, nor more than 3/4 of its maxmemory.',
              }),
            maxEntry: size({ min: 1, max: MAX_BYTES })
              .prefault('1MiB')
              .meta({ description: 'A larger response stays in memory alone.' }),
            compressAbove: size({ min: 0, max: MAX_BYTES })
              .prefault('4KiB')
              .meta({ description: 'Larger ones are compressed there.' }),
            timeout: duration({ min: 1, max: 10_000 })
              .prefault('250ms')
              .meta({ description: 'A read waits no longer for it.' }),
          }),
        ])
        .prefault({})
        .meta({ description: 'Responses that the nodes share behind their memories; off: each node fetches its own.' }),
    })
    .optional()
    .meta({ description: 'What joins several gateways before the same origins.' }),
});

/** Braces would end the part of a key that says which server of a Redis Cluster holds it. */
function parseKeyPart(part: string): string {
  if (/^[A-Za-z0-9._-]+$/.test(part)) return part;
  throw new ValueError(`"${part}" cannot be part of a key`, 'letters, digits and "._-": unstale');
}

const coherenceSchema = z.strictObject({
  mode: choice(['strict', 'eventual'])
    .prefault('strict')
    .meta({ description: 'When the answer to a write is released: once every node has applied it, or this one.' }),
  onPartition: choice(['reject', 'queue'])
    .optional()
    .meta({ description: 'Writes while Redis cannot be reached. Default: reject under strict, queue under eventual.' }),
  lease: duration({ min: 200, max: 60_000 }).prefault('2s').meta({
    description: 'How long a node may serve from memory without hearing from Redis: what a write waits for a dead one.',
  }),
  settle: duration({ min: 0, max: DAY_MS })
    .prefault('10s')
    .meta({ description: 'After a write of unknown outcome: how long what it may have touched is not stored.' }),
});

const eventsSchema = z.strictObject({
  path: text({ pattern: '^/', examples: ['/_unstale/events'] }, parseEventsPath)
    .prefault('/_unstale/events')
    .meta({ description: 'Where clients subscribe (Server-Sent Events). It hides the same path of the origin.' }),
  // Below the 30 s after which many proxies drop a silent connection.
  heartbeat: duration({ min: 1, max: DAY_MS })
    .prefault('15s')
    .meta({ description: 'A comment is sent to each subscriber that often, so that nothing drops a silent stream.' }),
  maxSubscribers: count({ min: 0, max: 1_000_000 })
    .prefault(10_000)
    .meta({ description: 'At one time; further ones get 503.' }),
  history: count({ min: 0, max: 10_000_000 })
    .prefault(10_000)
    .meta({ description: 'Events held for clients that come back; who missed more is told to resync.' }),
  // Ten thousand events that name a handful of paths each.
  historySize: size({ min: MIB, max: MAX_BYTES })
    .prefault('16MiB')
    .meta({ description: 'What they may take together; a burst of large ones is forgotten sooner.' }),
});

function parseEventsPath(path: string): string {
  if (/^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/.test(path)) return path;
  throw new ValueError(`"${path}" is not a plain path`, 'segments of letters, digits and "-._~": /_unstale/events');
}

const logSchema = z.strictObject({
  level: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .prefault('info')
    .meta({ description: 'info: one line for each write; debug: one for each read too, with its reason.' }),
});

/** What an included file may hold. */
export const packSchema = z.strictObject({
  routes: z.array(routeSchema).optional().meta({ description: 'First match wins; GET and HEAD.' }),
  rules: z.array(ruleSchema).optional().meta({ description: 'What a write makes wrong. All rules that match apply.' }),
});

/** A name that can stand in a log line and be a key of any object. */
const originName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]*$/);

/** The whole configuration file; the JSON Schema for editors is made of it. */
export const configSchema = z.strictObject({
  server: serverSchema.prefault({}).meta({ description: 'The public side.' }),
  admin: adminSchema.prefault({}).meta({ description: 'Liveness, readiness and metrics, on a port of their own.' }),
  origin: originSchema.optional().meta({ description: 'The one origin. For more than one: origins.' }),
  origins: z
    .record(originName, originSchema)
    .optional()
    .meta({ description: 'Several origins by name; routes name theirs. "default" takes what names none.' }),
  store: storeSchema.prefault({}).meta({ description: 'Where responses are kept.' }),
  coherence: coherenceSchema.prefault({}).meta({ description: 'What is promised after a write.' }),
  events: eventsSchema.prefault({}).meta({ description: 'Telling clients what has changed.' }),
  log: logSchema.prefault({}).meta({ description: 'JSON lines on standard output.' }),
  defaults: z
    .strictObject(routePolicyShape)
    .optional()
    .meta({ description: 'What a route, or a request that matches none, does not say itself.' }),
  ...packSchema.shape,
  include: z
    .array(text({ examples: ['rules/*.yaml'] }, String))
    .optional()
    .meta({
      description: 'Rule packs: files holding routes and rules, relative to this one. "*" stands for any name.',
    }),
});
