import { z } from 'zod';
import { isLoopback } from './address.ts';
import { count, duration, flag, size, text } from './scalar.ts';
import { DAY_MS } from './units.ts';
import { ValueError } from './value-error.ts';

const MIB = 1024 * 1024;
/** RFC 7518 §3.2: a key for HS256 has at least 256 bits. A shorter one is found by trying. */
const MIN_SECRET_BYTES = 32;
/** A page that shows what is this old is worse than the load that the window prevents. */
const MAX_COALESCE_MS = 60_000;
const MAX_JITTER_MS = 600_000;

const jwtSchema = z.strictObject({
  secret: text({}, parseSecret)
    .optional()
    .meta({
      description: 'The shared secret of HS256, 32 bytes or longer. Either this or jwks.',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is written in the file
      examples: ['${EVENTS_JWT_SECRET}'],
    }),
  jwks: text({ examples: ['https://login.example/jwks.json', './jwks.json'] }, parseKeySet)
    .optional()
    .meta({
      description:
        'Public keys as a JWK Set: an https URL, or a file. For RS, PS, ES and EdDSA. Needs issuer and audience.',
    }),
  issuer: text({ examples: ['https://login.example'] }, parseName)
    .optional()
    .meta({ description: 'The "iss" that a token must have.' }),
  audience: text({ examples: ['unstale'] }, parseName)
    .optional()
    .meta({ description: 'The "aud" that a token must have.' }),
  claim: text({ examples: ['https://example.com/unstale'] }, parseName)
    .prefault('unstale')
    .meta({
      description: 'The claim that says what may be seen: { "match": ["/users/{sub}/**"], "tags": ["room:*"] }.',
    }),
  cookie: text({ pattern: '^__(Secure|Host)-', examples: ['__Host-events'] }, parseCookie)
    .prefault('__Secure-unstale')
    .meta({ description: 'The cookie that may carry the token. Its name begins with __Secure- or __Host-.' }),
});

const authSchema = z.strictObject({
  jwt: jwtSchema.meta({ description: 'JSON Web Tokens, as "Authorization: Bearer" or in a cookie; never in the URL.' }),
});

const corsSchema = z.strictObject({
  origins: z
    .array(text({ pattern: '^(\\*|https?://)', examples: ['https://app.example'] }, parsePageOrigin))
    .min(1)
    .meta({ description: 'The origins of pages that may subscribe. "*" stands for all.' }),
  credentials: flag()
    .prefault(false)
    .meta({
      description: 'Whether pages of these origins may use the cookie that carries the token.',
      examples: [true],
    }),
});

export const eventsSchema = z.strictObject({
  path: text({ pattern: '^/', examples: ['/_unstale/events'] }, parseEventsPath)
    .prefault('/_unstale/events')
    .meta({ description: 'Where clients subscribe (Server-Sent Events). It hides this path of the origin.' }),
  mercure: flag()
    .prefault(false)
    .meta({
      description: 'Whether clients of the Mercure protocol may subscribe at /.well-known/mercure, too.',
      examples: [true],
    }),
  webSocket: text({ pattern: '^(/|off$)', examples: ['off'] }, (path) =>
    path === 'off' ? undefined : parseEventsPath(path),
  )
    .prefault('/_unstale/ws')
    .meta({
      description:
        'Where clients get the same events over a WebSocket. It hides this path of the origin; off: nowhere.',
    }),
  auth: authSchema.optional().meta({ description: 'Who may see which events. Absent: anyone may see all.' }),
  cors: corsSchema
    .optional()
    .meta({ description: 'Which pages of other origins may subscribe. Absent: none, as far as browsers enforce it.' }),
  cursor: flag()
    .prefault(true)
    .meta({
      description: 'Whether answers to GET carry Unstale-Event-Cursor, from which a subscription misses nothing.',
      examples: [false],
    }),
  coalesce: duration({ min: 0, max: MAX_COALESCE_MS })
    .prefault('0s')
    .meta({
      description:
        'Window in which events that name the same paths and tags become one, the last. Delays events by as much.',
      examples: ['100ms'],
    }),
  jitter: duration({ min: 0, max: MAX_JITTER_MS })
    .prefault('0s')
    .meta({
      description: 'Told to clients as refetchWithinMs: they spread what they fetch again over this time.',
      examples: ['2s'],
    }),
  // Below the 30 s after which many proxies drop a silent connection.
  heartbeat: duration({ min: 1, max: DAY_MS })
    .prefault('15s')
    .meta({
      description: 'How often each subscriber gets a comment, so that proxies do not drop a silent stream.',
      examples: ['30s'],
    }),
  maxSubscribers: count({ min: 0, max: 1_000_000 })
    .prefault(10_000)
    .meta({ description: 'Concurrent subscribers; further ones get 503.', examples: [50_000] }),
  history: count({ min: 0, max: 10_000_000 })
    .prefault(10_000)
    .meta({
      description: 'Events kept for clients that reconnect; a client that missed more gets a resync event.',
      examples: [100_000],
    }),
  // Ten thousand events that name a handful of paths each.
  historySize: size({ min: MIB, max: Number.MAX_SAFE_INTEGER })
    .prefault('16MiB')
    .meta({
      description: 'Bytes of events kept for clients that reconnect; a burst of large events is forgotten sooner.',
      examples: ['64MiB'],
    }),
});

function parseEventsPath(path: string): string {
  if (/^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/.test(path)) return path;
  throw new ValueError(`"${path}" is not a plain path`, 'use segments of letters, digits and "-._~": /_unstale/events');
}

/** The message does not repeat the secret. */
function parseSecret(secret: string): string {
  if (Buffer.byteLength(secret) >= MIN_SECRET_BYTES) return secret;
  const message = secret === '' ? 'the secret is empty' : 'the secret is too short for HS256';
  throw new ValueError(message, `use ${MIN_SECRET_BYTES} random bytes or more, for example in base64url`);
}

export type KeySet = { readonly url: string } | { readonly file: string };

function parseKeySet(written: string): KeySet {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(written)) {
    if (written !== '') return { file: written };
    throw new ValueError('the JWK Set is not named', 'write an https URL, or the path of a file');
  }
  const url = URL.canParse(written) ? new URL(written) : undefined;
  // Whoever fetches refuses such a URL, with its password in the message.
  if (url !== undefined && url.username + url.password !== '') {
    throw new ValueError('the URL of a JWK Set cannot have credentials', 'remove everything before the "@"');
  }
  const isHttp = url?.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[|\]$/g, ''));
  if (url?.protocol === 'https:' || isHttp) return { url: written };
  // Whoever can change the keys on their way can make tokens.
  throw new ValueError(`"${written}" is not an https URL`, 'use https, or the path of a file');
}

function parseName(name: string): string {
  if (name !== '') return name;
  throw new ValueError('expected text, found none', 'leave the key out, or write a name');
}

function parseCookie(name: string): string {
  if (/^__(?:Secure|Host)-[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return name;
  // RFC 6265bis §4.1.3: browsers accept such a cookie over TLS only.
  throw new ValueError(`"${name}" does not begin with __Secure- or __Host-`, 'write for example __Secure-unstale');
}

function parsePageOrigin(written: string): string {
  if (written === '*') return written;
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.origin === written.toLowerCase()) return url.origin;
  const hint =
    url !== undefined && url.origin !== 'null' ? `write ${url.origin}` : 'write for example https://app.example';
  throw new ValueError(`"${written}" is not an origin: a scheme, a host, and a port unless it is the default`, hint);
}
