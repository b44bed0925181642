import type { Chance } from '../world.ts';
import { STEPS, TRIPS, USERS } from './api.ts';
import type { ReadSpec, Received, WriteSpec } from './client.ts';
import { type Features, MAX_LATE_MS, timeoutMsOf } from './configuration.ts';
import type { Treat } from './origin.ts';
import type { Stage } from './stage.ts';

/** How long after the others a client may still send a write. */
const MAX_RETRY_MS = 1_000;

/** How the API treats requests at random. */
export function randomTreat({ world, features }: Stage): Treat {
  const { chance } = world;
  const timeoutMs = timeoutMsOf(features);
  const some = (slow: number): number => (chance.happens(slow) ? chance.between(10, 60) : chance.between(0.3, 6));
  return ({ write }) => {
    // Slow writes overlap with more.
    const slow = write === undefined ? 0.15 : 0.3;
    const usual = { beforeMs: some(slow), afterMs: some(slow), bodyMs: chance.happens(0.3) ? some(0.15) : 0 };
    if (write === undefined) {
      const fate =
        features.apiFails && chance.happens(0.03)
          ? chance.pick(['fails-after', 'breaks-after', 'breaks-off'] as const)
          : 'answered';
      return { ...usual, fate };
    }
    if (features.slowApi && chance.happens(0.1))
      return { ...usual, afterMs: chance.between(2_050, 2_500), fate: 'answered' };
    if (features.apiFails && chance.happens(0.12)) {
      // Applied when its gateway has given it up, or nearly.
      if (chance.happens(0.4))
        return { ...usual, beforeMs: chance.between(timeoutMs - 40, timeoutMs + MAX_LATE_MS - 10), fate: 'answered' };
      const fates = ['fails-before', 'fails-after', 'breaks-before', 'breaks-after', 'breaks-off'] as const;
      const fate = chance.pick(fates);
      return { ...usual, fate: fate === 'fails-after' && features.rollsBack ? 'fails-before' : fate };
    }
    return { ...usual, fate: features.silent && chance.happens(0.4) ? 'silent' : 'answered' };
  };
}

/** A write as some client might send it, to an item or to what is about it. */
function randomWrite({ world, features, clients }: Stage, id: number): WriteSpec {
  const { chance } = world;
  const step = chance.pick(STEPS);
  const name = chance.pick(['a', 'b', 'c']);
  const user = features.hidesStep || chance.happens(0.3) ? chance.pick(USERS) : undefined;
  const path = `/items/${id}`;
  const kind = chance.next();
  const etag = chance.happens(0.2) && features.etags ? clients.etagOf(path, user) : undefined;
  const ifMatch = etag?.startsWith('"i') ? etag : undefined;
  if (kind < 0.3) return { method: 'PUT', path, body: { step, name }, user, ifMatch };
  if (kind < 0.55) return { method: 'PATCH', path, body: chance.happens(0.7) ? { step } : { name }, user, ifMatch };
  if (kind < 0.62) return { method: 'DELETE', path, user, ifMatch };
  if (kind < 0.68) return { method: 'POST', path: '/items', body: { step, name }, user };
  if (kind < 0.78) {
    const ids = [...new Set([id, chance.pick(clients.known)])];
    return { method: 'PATCH', path: '/items', body: ids.map((each) => ({ id: each, step: chance.pick(STEPS) })), user };
  }
  if (kind < 0.88 && features.commands) return { method: 'PUT', path: `/commands/move/${id}`, body: { step }, user };
  if (kind < 0.92 && features.renames) return { method: 'PATCH', path: `/items/${id}/name`, body: { name }, user };
  const change = chance.happens(0.7) ? { trip: chance.pick(TRIPS) } : { title: name };
  return { method: 'PATCH', path: `/steps/${chance.pick(STEPS)}`, body: change, user };
}

/** What some client might ask for. */
export function randomRead({ world, api, features, clients }: Stage): ReadSpec {
  const { chance } = world;
  const views = api.views.filter(({ path }) => {
    const [, kind, id] = path.split('/');
    return kind !== 'items' || id === undefined || clients.known.includes(Number(id));
  });
  const { path, user, language } = chance.pick(views);
  // Clients with credentials read public resources, too.
  const as =
    user ?? (chance.happens(0.15) && api.viewOf(path, 'u1').user === undefined ? chance.pick(USERS) : undefined);
  const directives = features.directives && chance.happens(0.2) ? chance.pick(DIRECTIVES) : undefined;
  return {
    ...{ path, user: as, language, directives, target: spelled(path, features, chance) },
    languages: language === undefined ? chance.pick([undefined, 'en']) : chance.pick(['de', 'de, en;q=0.5']),
    conditional: chance.happens(0.2),
    gzip: features.encode && chance.happens(0.5),
    leaves: features.aborts && chance.happens(0.1),
    part: features.parts && chance.happens(0.3) ? chance.pick(['head', 'start', 'all'] as const) : undefined,
  };
}

const DIRECTIVES = ['no-cache', 'max-age=0', 'max-stale', 'min-fresh=59', 'only-if-cached', 'no-store'];

/** One of the spellings by which the API is asked for the same. */
function spelled(path: string, { search }: Features, chance: Chance): string {
  if (!path.includes('?') || search === 'off') return path;
  return chance.pick([path, path, path.replace('?', '?utm=x&'), `${path}&utm=y`]);
}

/** Readers and writers at every node until `end`. */
export function load(stage: Stage, end: number): void {
  const { world, clients, features } = stage;
  const { chance } = world;
  const reading = (): void => {
    clients.read(stage.anyNode(), randomRead(stage));
    if (world.now < end) world.after(chance.between(0.5, 8), reading);
  };
  const write = (spec: WriteSpec): void => {
    const leaves = features.aborts && chance.happens(0.08);
    // What is tried again for ever may be under way when everything is looked at.
    const again = world.now < end + MAX_RETRY_MS ? write : () => {};
    clients.write(stage.anyNode(), { ...spec, leaves }, (received) => followUp(stage, spec, received, again));
  };
  const writing = (): void => {
    const id = chance.pick(clients.known);
    const spec = randomWrite(stage, id);
    write(spec);
    // Often another one to the same resource: most defects are in how the two conflict.
    if (chance.happens(0.5)) {
      const other = chance.happens(0.7) ? id : chance.pick(clients.known);
      world.after(chance.between(0, 15), () => write(chance.happens(0.2) ? spec : randomWrite(stage, other)));
    }
    if (world.now < end) world.after(chance.between(5, 70), writing);
  };
  reading();
  writing();
}

/** A client without an answer tries again at another node; one with an answer reads what came of it. */
function followUp(stage: Stage, spec: WriteSpec, { status }: Received, write: (spec: WriteSpec) => void): void {
  const { world, clients } = stage;
  const { chance } = world;
  const idempotent = spec.method !== 'POST';
  if ((status === 0 || status >= 500) && idempotent && chance.happens(0.5)) {
    world.after(chance.between(0.1, 120), () => write(spec));
  } else if (status > 0 && chance.happens(0.5)) {
    for (let n = chance.integer(3); n >= 0; n--) clients.read(stage.anyNode(), randomRead(stage));
  }
}
