import { parseConfig } from '../../../src/config/load.ts';
import type { GatewayConfig } from '../../../src/config/model.ts';
import { DEFAULT_ORIGIN } from '../../../src/config/origins.ts';
import type { Chance } from '../world.ts';

export const LEASE_MS = 200;

/** What a seed, or a scenario, plays with. All of it off is the plainest there is. */
export interface Features {
  readonly nodes: number;
  /** One node can be alone, or one of a cluster of one. */
  readonly cluster: boolean;
  readonly tier: boolean;
  /** How rules name the steps that embed an item, and the trips that embed those. */
  readonly parents: 'before' | 'tag' | 'pattern';
  readonly trips: 'lookup' | 'cascade' | 'pattern';
  /** How the rule of batches names its items. */
  readonly batch: 'path' | 'tag';
  /** What is done with stored steps in addition to invalidating them. */
  readonly action: 'invalidate' | 'refresh' | 'patch';
  readonly condition: 'none' | 'onlyIfChanged' | 'when';
  readonly unresolved: 'widen' | 'reject';
  /** The answer names a new parent, and so does the request. */
  readonly asks: boolean;
  readonly commands: boolean;
  /** A rule that names all that shows an item by its tag alone. */
  readonly renames: boolean;
  /** Routes have tags. */
  readonly tagged: boolean;
  readonly hidesStep: boolean;
  readonly perUserItems: boolean;
  /** Reads of the API lag behind its writes by this. */
  readonly lagMs: number;
  readonly silent: boolean;
  readonly public: boolean;
  readonly etags: boolean;
  readonly encode: boolean;
  /** A view with a query: which part of the query is in the key, and so how rules may name it. */
  readonly search: 'off' | 'keyed' | 'sorted' | 'whole';
  /** Trips depend on the language: the API says so, or the key of their route does. */
  readonly languages: 'off' | 'vary' | 'keyed';
  /** Clients leave before they are answered, writers also in the middle of their body. */
  readonly aborts: boolean;
  /** `before` is used only if it is stored. */
  readonly beforeStored: boolean;
  /** Responses become stale within a schedule, and may be served all the same. */
  readonly shortLived: boolean;
  /** Readers ask for something newer, or say that something older will do. */
  readonly directives: boolean;
  /** What is for all is shared with those who have credentials. */
  readonly sharedCredentials: boolean;
  /** An error of the API says that it has done nothing. */
  readonly rollsBack: boolean;
  /** A write is answered by its own node alone. Readers ask for what they know to have been written. */
  readonly eventual: boolean;
  /** Every other node has routes without tags, and rules that name paths alone. */
  readonly mixed: boolean;
  /** Readers ask for the head alone, or for a range. */
  readonly parts: boolean;
  readonly faults: boolean;
  readonly apiFails: boolean;
  /** Of the API: its slow answers take longer than a write waits for others. */
  readonly slowApi: boolean;
  /** Of the oracle: a refusal, and an event, tell what was written before. Off to look for what they would hide. */
  readonly refusalsTell: boolean;
  readonly eventsTell: boolean;
  /** Pages fetch first, and listen from where the answer says that it is current (`Unstale-Event-Cursor`). */
  readonly fetchesFirst: boolean;
}

export const plain: Features = {
  ...{ nodes: 1, cluster: false, tier: false, parents: 'before', trips: 'pattern', batch: 'path' },
  ...{
    action: 'invalidate',
    condition: 'none',
    unresolved: 'widen',
    asks: false,
    commands: false,
    renames: false,
    tagged: true,
  },
  ...{ hidesStep: false, perUserItems: false, lagMs: 0, silent: false, public: false, etags: false, encode: false },
  ...{ search: 'off', languages: 'off', aborts: false, beforeStored: false, shortLived: false, directives: false },
  ...{ sharedCredentials: false, rollsBack: false, eventual: false, parts: false, mixed: false },
  ...{ faults: false, apiFails: false, slowApi: false, refusalsTell: true, eventsTell: true },
  fetchesFirst: false,
};

export function randomFeatures(chance: Chance): Features {
  const nodes = chance.pick([1, 1, 2, 3, 3, 4]);
  const cluster = nodes > 1 || chance.happens(0.3);
  const lagMs = chance.happens(0.2) ? chance.between(20, 150) : 0;
  const parents = chance.pick(['before', 'before', 'tag', 'pattern'] as const);
  const hidesStep = chance.happens(0.25);
  return {
    ...{ nodes, cluster, lagMs, parents, hidesStep },
    tier: cluster && chance.happens(0.5),
    trips: chance.pick(['lookup', 'cascade', 'pattern'] as const),
    batch: chance.pick(['path', 'tag'] as const),
    action: parents === 'before' ? chance.pick(['invalidate', 'refresh', 'patch'] as const) : 'invalidate',
    condition: chance.pick(['none', 'onlyIfChanged', 'when'] as const),
    unresolved: chance.happens(0.2) ? 'reject' : 'widen',
    asks: chance.happens(0.5),
    commands: chance.happens(0.5),
    renames: chance.happens(0.4),
    perUserItems: hidesStep && chance.happens(0.5),
    silent: chance.happens(0.4),
    public: chance.happens(0.3),
    etags: chance.happens(0.5),
    encode: chance.happens(0.2),
    search: chance.pick(['off', 'keyed', 'sorted', 'whole'] as const),
    languages: chance.pick(['off', 'off', 'vary', 'keyed'] as const),
    aborts: chance.happens(0.3),
    beforeStored: chance.happens(0.15),
    shortLived: chance.happens(0.2),
    directives: chance.happens(0.2),
    sharedCredentials: chance.happens(0.3),
    rollsBack: chance.happens(0.2),
    faults: chance.happens(0.6),
    apiFails: chance.happens(0.6),
    slowApi: chance.happens(0.1),
    refusalsTell: true,
    eventsTell: true,
    fetchesFirst: false,
    tagged: true,
    eventual: cluster && chance.happens(0.2),
    parts: chance.happens(0.25),
    mixed: nodes > 1 && chance.happens(0.15),
  };
}

/** The same application, described by another release of its configuration. */
export function otherRelease(features: Features): Features {
  return { ...features, parents: 'pattern', trips: 'pattern', batch: 'path', action: 'invalidate', tagged: false };
}

/** How long the API may still apply a write that was given up. */
export const MAX_LATE_MS = 100;

function quarantineMsOf({ lagMs }: Features): number {
  return Math.ceil(MAX_LATE_MS + 20 + lagMs);
}

/** The API's timeout. */
export function timeoutMsOf({ slowApi }: Features): number {
  return slowApi ? 2_800 : 150;
}

const known = new Map<string, GatewayConfig>();

/** A configuration in which every write names all that it makes wrong, in the way that the features say. */
export function configurationOf(features: Features): GatewayConfig {
  const text = JSON.stringify(documentOf(features));
  const loaded = known.get(text) ?? load(text);
  known.set(text, loaded);
  const origin = loaded.origins[DEFAULT_ORIGIN];
  const timeoutMs = timeoutMsOf(features);
  return {
    ...loaded,
    ...(origin !== undefined && { origins: { [DEFAULT_ORIGIN]: { ...origin, timeoutMs } } }),
    coherence: { ...loaded.coherence, leaseMs: LEASE_MS, quarantineMs: quarantineMsOf(features) },
  };
}

function load(text: string): GatewayConfig {
  const { config } = parseConfig(text, { file: 'gateway.yaml', env: {}, readFile: () => '', readFolder: () => [] });
  return config;
}

/** Nothing is fresh for longer than this, where responses are short-lived. */
const SHORT_TTL = '200ms';

function documentOf(features: Features): object {
  const { cluster, tier, encode, commands, shortLived, rollsBack, eventual } = features;
  const redis = { url: 'redis://127.0.0.1:1', scope: 's', ...(!tier && { tier: 'off' }) };
  const ages = shortLived ? { ttl: SHORT_TTL, staleWhileRevalidate: '10s', staleIfError: '10s' } : { ttl: '60s' };
  return {
    origin: { url: 'http://127.0.0.1:1', ...(rollsBack && { serverErrors: 'unchanged' }) },
    ...(cluster && { store: { redis } }),
    // While Redis is away, nobody can know of a write that is queued (docs/coherence.md, "What does not hold").
    ...(eventual && { coherence: { mode: 'eventual', onPartition: 'reject' } }),
    defaults: { cache: ages, ...(encode && { client: { encode: ['gzip'] } }) },
    routes: [...routesOf(features), ...(commands ? [{ match: '/commands/move/:id', before: 'GET /items/{id}' }] : [])],
    rules: rulesOf(features),
  };
}

function routesOf(features: Features): object[] {
  const { hidesStep, perUserItems, sharedCredentials, search, languages, tagged } = features;
  const personal = { credentials: 'perUser', userKey: ['authorization'] };
  const forAll = sharedCredentials ? { credentials: 'shared' } : {};
  const item = hidesStep ? (perUserItems ? personal : {}) : forAll;
  const keys = { off: {}, keyed: { key: { query: ['step'] } }, sorted: { key: { order: 'sort' } }, whole: {} };
  const byLanguage = languages === 'keyed' ? { key: { headers: ['accept-language'] } } : {};
  const routes: { match: string; tags?: string[]; cache?: object }[] = [
    { match: '/items', cache: forAll },
    { match: '/items/:id', tags: ['item:{id}'], cache: item },
    { match: '/steps/:id', tags: ['step:{id}', 'item:{response.items[*].id}'], cache: forAll },
    {
      ...{ match: '/trips/:id', tags: ['trip:{id}', 'step:{response.steps[*].id}'] },
      cache: { ...forAll, ...byLanguage },
    },
    ...(search === 'off'
      ? []
      : [{ match: '/search', tags: ['item:{response.items[*].id}'], cache: { ...forAll, ...keys[search] } }]),
    { match: '/me/items', cache: personal },
  ];
  return tagged ? routes : routes.map(({ tags: _, ...route }) => route);
}

function rulesOf(features: Features): object[] {
  const { condition, batch, commands, renames, search } = features;
  const found = search === 'off' ? [] : ['/search'];
  const once = condition === 'onlyIfChanged' ? { onlyIfChanged: { ignoring: ['rev'] } } : {};
  const when = condition === 'when' ? { when: { changed: ['step', 'name'] } } : {};
  const common = commonOf(features);
  const items = batch === 'tag' ? [{ tag: 'item:{request[*].id}' }] : ['/items/{request[*].id}', '/steps/*'];
  const rules: object[] = [
    { name: 'saved', on: 'PUT|PATCH /items/:id', ...once, ...when, ...ofItem(features, '{id}') },
    { name: 'deleted', on: 'DELETE /items/:id', ...ofItem(features, '{id}') },
    {
      ...{ name: 'batch', on: 'PATCH /items', before: 'off' },
      invalidate: [...items, '/steps/{request[*].step}', '/trips/*', '/me/items', ...found],
    },
    {
      ...{ name: 'created', on: 'POST /items', before: 'off' },
      invalidate: ['/steps/{request.step}', '/trips/*', '/me/items', ...searchOf(features, 'request.step')],
    },
    { name: 'step', on: 'PATCH /steps/:id', invalidate: ['/trips/{before.trip, response.trip}'] },
  ];
  if (commands)
    rules.push({ name: 'command', on: 'PUT /commands/move/:id', ...ofItem(features, '{id}', ['/items/{id}']) });
  const byTag = features.tagged ? [{ tag: 'item:{id}' }] : ['/steps/*', '/trips/*'];
  const shown = ['/items', '/me/items', ...found, '/items/{id}', ...byTag];
  if (renames) rules.push({ name: 'renamed', on: 'PATCH /items/:id/name', before: 'off', invalidate: shown });
  return rules.map((rule) => ({ ...rule, ...common }));
}

/** Where items are found by their step: as the query says, where all else is out of the key. */
function searchOf({ search }: Features, step: string): string[] {
  if (search === 'off') return [];
  return search === 'keyed' ? [`/search?step={${step}}`] : ['/search'];
}

function commonOf({ lagMs, unresolved }: Features): object {
  return {
    unresolved,
    ...(lagMs > 0 && { settle: `${Math.ceil(lagMs) + 60}ms` }),
    event: { type: 'changed', payload: { write: 'requestHeader.x-write' } },
  };
}

/** What a write to one item makes wrong. */
function ofItem(features: Features, id: string, more: readonly string[] = []): object {
  const { parents, trips, action, asks, beforeStored, search } = features;
  const after = asks ? 'request.step, response.step' : 'response.step';
  const steps = `/steps/{before.step, ${after}}`;
  const cascading = trips === 'cascade' ? { path: steps, cascade: true } : steps;
  const named = {
    before: action === 'invalidate' || trips === 'cascade' ? [cascading] : [],
    tag: [{ tag: `item:${id}` }, `/steps/{${after}}`],
    pattern: ['/steps/*'],
  }[parents];
  const viaLookup = trips === 'lookup' && parents === 'before';
  const exact = viaLookup || (trips === 'cascade' && parents === 'before');
  const found =
    parents === 'before' ? searchOf(features, `before.step, ${after}`) : search === 'off' ? [] : ['/search'];
  return {
    ...(parents === 'before' && beforeStored && { before: 'stored' }),
    invalidate: [
      ...['/items', '/me/items', ...more, ...named, ...found],
      ...(exact ? [] : ['/trips/*']),
      ...(viaLookup ? ['/trips/{step.trip}'] : []),
    ],
    ...(viaLookup && { lookup: { step: `GET ${steps}` } }),
    ...(action === 'refresh' && { refresh: [steps] }),
    ...(action === 'patch' && { patch: [{ path: steps, at: '/items', key: 'id', with: 'response' }] }),
  };
}
