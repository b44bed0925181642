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
  /** What is done with stored steps beside being invalidated. */
  readonly action: 'invalidate' | 'refresh' | 'patch';
  readonly condition: 'none' | 'onlyIfChanged' | 'when';
  readonly unresolved: 'widen' | 'reject';
  /** The answer tells a new parent; the request too. */
  readonly asks: boolean;
  readonly commands: boolean;
  readonly hidesStep: boolean;
  readonly perUserItems: boolean;
  /** Reads of the API lag behind its writes by this. */
  readonly lagMs: number;
  readonly silent: boolean;
  readonly public: boolean;
  readonly etags: boolean;
  readonly encode: boolean;
  readonly faults: boolean;
  readonly apiFails: boolean;
  /** Of the API: its slow answers take longer than a write waits for others. */
  readonly slowApi: boolean;
  /** Of the oracle: a refusal, and an event, tell what was written before. Off to look for what they would hide. */
  readonly refusalsTell: boolean;
  readonly eventsTell: boolean;
}

export const plain: Features = {
  ...{ nodes: 1, cluster: false, tier: false, parents: 'before', trips: 'pattern', batch: 'path' },
  ...{ action: 'invalidate', condition: 'none', unresolved: 'widen', asks: false, commands: false },
  ...{ hidesStep: false, perUserItems: false, lagMs: 0, silent: false, public: false, etags: false, encode: false },
  ...{ faults: false, apiFails: false, slowApi: false, refusalsTell: true, eventsTell: true },
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
    // What a lookup reads lags, too.
    trips: chance.pick(lagMs > 0 ? (['cascade', 'pattern'] as const) : (['lookup', 'cascade', 'pattern'] as const)),
    batch: chance.pick(['path', 'tag'] as const),
    action: parents === 'before' ? chance.pick(['invalidate', 'refresh', 'patch'] as const) : 'invalidate',
    condition: chance.pick(['none', 'onlyIfChanged', 'when'] as const),
    unresolved: chance.happens(0.2) ? 'reject' : 'widen',
    asks: chance.happens(0.5),
    commands: chance.happens(0.5),
    perUserItems: hidesStep && chance.happens(0.5),
    silent: chance.happens(0.4),
    public: chance.happens(0.3),
    etags: chance.happens(0.5),
    encode: chance.happens(0.2),
    faults: chance.happens(0.6),
    apiFails: chance.happens(0.6),
    slowApi: chance.happens(0.1),
    refusalsTell: true,
    eventsTell: true,
  };
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

function documentOf(features: Features): object {
  const { cluster, tier, encode, commands, hidesStep, perUserItems } = features;
  const redis = { url: 'redis://127.0.0.1:1', scope: 's', ...(!tier && { tier: 'off' }) };
  const personal = { credentials: 'perUser', userKey: ['authorization'] };
  return {
    origin: { url: 'http://127.0.0.1:1' },
    ...(cluster && { store: { redis } }),
    defaults: { cache: { ttl: '60s' }, ...(encode && { client: { encode: ['gzip'] } }) },
    routes: [
      { match: '/items' },
      { match: '/items/:id', tags: ['item:{id}'], ...(hidesStep && perUserItems && { cache: personal }) },
      { match: '/steps/:id', tags: ['step:{id}', 'item:{response.items[*].id}'] },
      { match: '/trips/:id', tags: ['trip:{id}', 'step:{response.steps[*].id}'] },
      { match: '/me/items', cache: personal },
      ...(commands ? [{ match: '/commands/move/:id', before: 'GET /items/{id}' }] : []),
    ],
    rules: rulesOf(features),
  };
}

function rulesOf(features: Features): object[] {
  const { condition, batch, commands } = features;
  const once = condition === 'onlyIfChanged' ? { onlyIfChanged: true } : {};
  const when = condition === 'when' ? { when: { changed: ['step', 'name'] } } : {};
  const common = commonOf(features);
  const items = batch === 'tag' ? [{ tag: 'item:{request[*].id}' }] : ['/items/{request[*].id}', '/steps/*'];
  const rules: object[] = [
    { name: 'saved', on: 'PUT|PATCH /items/:id', ...once, ...when, ...ofItem(features, '{id}') },
    { name: 'deleted', on: 'DELETE /items/:id', ...ofItem(features, '{id}') },
    {
      ...{ name: 'batch', on: 'PATCH /items', before: 'off' },
      invalidate: [...items, '/steps/{request[*].step}', '/trips/*', '/me/items'],
    },
    {
      ...{ name: 'created', on: 'POST /items', before: 'off' },
      invalidate: ['/steps/{request.step}', '/trips/*', '/me/items'],
    },
    { name: 'step', on: 'PATCH /steps/:id', invalidate: ['/trips/{before.trip, response.trip}'] },
  ];
  if (commands)
    rules.push({ name: 'command', on: 'PUT /commands/move/:id', ...ofItem(features, '{id}', ['/items/{id}']) });
  return rules.map((rule) => ({ ...rule, ...common }));
}

function commonOf({ lagMs, unresolved }: Features): object {
  return {
    unresolved,
    ...(lagMs > 0 && { settle: `${Math.ceil(lagMs) + 60}ms` }),
    event: { type: 'changed', payload: { write: 'requestHeader.x-write' } },
  };
}

/** What a write to one item makes wrong. */
function ofItem({ parents, trips, action, asks }: Features, id: string, more: readonly string[] = []): object {
  const after = asks ? 'request.step, response.step' : 'response.step';
  const steps = `/steps/{before.step, ${after}}`;
  const climbs = trips === 'cascade' ? { path: steps, cascade: true } : steps;
  const named = {
    before: action === 'invalidate' || trips === 'cascade' ? [climbs] : [],
    tag: [{ tag: `item:${id}` }, `/steps/{${after}}`],
    pattern: ['/steps/*'],
  }[parents];
  const viaLookup = trips === 'lookup' && parents === 'before';
  const exact = viaLookup || (trips === 'cascade' && parents === 'before');
  return {
    invalidate: [
      ...['/items', '/me/items', ...more, ...named],
      ...(exact ? [] : ['/trips/*']),
      ...(viaLookup ? ['/trips/{step.trip}'] : []),
    ],
    ...(viaLookup && { lookup: { step: `GET ${steps}` } }),
    ...(action === 'refresh' && { refresh: [steps] }),
    ...(action === 'patch' && { patch: [{ path: steps, at: '/items', key: 'id', with: 'response' }] }),
  };
}
