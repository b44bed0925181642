/** Why reads are not answered from memory, and what to write. */
export interface Advice {
  readonly why: string;
  /** What to write in the configuration, if the API may be cached after all. */
  readonly write: string;
}

const forced = 'if the API says so of everything by reflex, cache: { ttl: 60s, force: true }';

/** By the `detail` of `Cache-Status`. */
const advice: Readonly<Record<string, Advice>> = {
  credentials: {
    why: 'requests have credentials (Authorization, a cookie), and the API does not say that answers may be shared',
    write:
      'if all who may see it see the same, cache: { credentials: shared }; if only a key of the application is in the way, credentials: { shared: [x-api-key] }; if each user sees something else, credentials: perUser with a userKey; if it is only cookies that mean nothing, cookies: ignore, or cookies: { ignore: [name] }',
  },
  'no-store': { why: 'the API says no-store', write: forced },
  private: { why: 'the API says private', write: `${forced}; if it is right, credentials: perUser with a userKey` },
  'no-cache': { why: 'the API says no-cache', write: forced },
  'no-lifetime': {
    why: 'answers have no lifetime, so each is validated again',
    write: 'give them one, cache: { ttl: 60s }',
  },
  expired: {
    why: 'answers have expired before they are asked for again',
    write: 'a longer lifetime, such as cache: { ttl: 10m }; writes through the gateway invalidate what rules name',
  },
  'no-freshness': {
    why: 'the API gives neither a lifetime nor a validator',
    write: 'give it a lifetime, cache: { ttl: 60s }',
  },
  'set-cookie': {
    why: 'answers set a cookie',
    write: 'if the cookie is of no use to anybody, cache: { setCookie: strip }',
  },
  'tags-unresolved': {
    why: 'a tag of the route takes its value from something that the answer does not have, so no rule could find it',
    write: 'correct the tag, or remove it: an absent member is unknown, an empty list or a null gives no tag',
  },
  'too-many-tags': {
    why: 'the answer would have too many tags',
    write: 'use a tag for the whole in place of one for each',
  },
  'vary-star': { why: 'the API says Vary: *', write: 'nothing: it says that no stored answer can ever be right' },
  status: {
    why: 'an answer with such a status is stored only if the API gives it a lifetime',
    write: 'nothing: see why the API answers so (doctor sends credentials with --header)',
  },
  stream: { why: 'it is a stream that does not end', write: 'nothing: it is passed on as it arrives' },
  streamed: {
    why: 'it was sent on before its end, and not stored: it is larger than store.memory.maxEntry, breaks off, or never ends',
    write: 'if it is only large, store: { memory: { maxEntry: 32MiB } }',
  },
  'no-room': {
    why: 'too much is being fetched at the same time',
    write: 'store: { memory: { maxSize: 1GiB } }, or ask again later',
  },
  'request-no-store': {
    why: 'the client says no-store',
    write: 'if clients need not be obeyed, cache: { requestDirectives: ignore }',
  },
  'too-large': {
    why: 'the answer is larger than store.memory.maxEntry',
    write: 'store: { memory: { maxEntry: 32MiB } }',
  },
  'not-admitted': {
    why: 'memory is full, and what it would replace is asked for more often',
    write: 'store: { memory: { maxSize: 1GiB } }, or store: { memory: { admission: all } }',
  },
  'not-delimited': {
    why: 'more bytes follow the answer than it declares',
    write: 'correct the API; if it cannot be helped, origin: { misframed: store }',
  },
  quarantined: {
    why: 'a write of unknown outcome may have changed it',
    write: 'nothing: it ends after coherence.settle',
  },
  off: {
    why: 'the route has cache: off, or the request passes through',
    write: 'a route with cache: { ttl: 60s }, if it may be cached',
  },
  unknown: { why: 'the gateway got no answer that it could store', write: 'see whether the API answers' },
  'not-serving': { why: 'the node has lost contact with the others', write: 'nothing: see /readyz' },
};

export function adviceOf(reason: string): Advice {
  const known = Object.hasOwn(advice, reason) ? advice[reason] : undefined;
  return known ?? { why: `it is not stored (${reason})`, write: 'see docs/configuration.md, cache' };
}
