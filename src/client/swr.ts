import { unstable_serialize } from 'swr';
import { hasAny, matchesKey } from './key-pattern.ts';
import { onConsole } from './listeners.ts';
import { onceLive } from './once-live.ts';
import { type Affected, type Announced, compileMap, type QueryMap } from './query-map.ts';
import type { Live } from './types.ts';

export type { ParamsOf, QueryMap } from './query-map.ts';

/** A key of SWR as hooks have it: text, an array or an object. */
export type SwrKey = string | readonly unknown[] | Readonly<Record<string, unknown>>;

/** `mutate` of SWR 2: of `useSWRConfig()`, or the global one. */
export type Mutate = (key: SwrKey | ((key?: never) => boolean)) => Promise<unknown>;

export interface FollowOptions {
  /** Which keys a `resync` is about, and whatever the map cannot tell. Default: all. */
  readonly keys?: (key: SwrKey) => boolean;
  /** From 0 to 1: where within the gateway's `refetchWithinMs` this client refetches. Default: `Math.random`. */
  readonly random?: () => number;
}

/**
 * Keeps SWR's cache current: revalidates what an event affects. SWR itself discards a fetch that was running then.
 * However many events come during a revalidation, there is one more after it. After a `resync`, and when the first
 * stream opens, all keys are revalidated.
 *
 * @returns what ends it
 * @throws TypeError for a map that cannot be right
 */
export function follow<Key extends string>(
  mutate: Mutate,
  live: Live,
  map: QueryMap<Key, SwrKey>,
  options: FollowOptions = {},
): () => void {
  const { keys: isFollowed = () => true, random = Math.random } = options;
  const readEvent = compileMap(map, isKey);
  const revalidations = new Revalidations(mutate);
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const revalidate = (affected: Affected): void => {
    const isAffected = (key: unknown): boolean =>
      affected === 'all'
        ? isFollowed(key as SwrKey)
        : affected.some((pattern) => matchesKey(key, pattern) && (hasAny(pattern) || matchesKey(pattern, key)));
    const due = keysIn(mutate, isAffected, affected === 'all' || affected.some(hasAny));
    // SWR does not list the keys of useSWRInfinite, nor what was preloaded, which `mutate` drops.
    if (affected !== 'all') due.push(...(affected as SwrKey[]).filter((key) => !hasAny(key)));
    revalidations.run(due);
  };
  const tell = (affected: Affected, { refetchWithinMs = 0 }: Announced): void => {
    const delayMs = refetchWithinMs * random();
    if (delayMs === 0) {
      revalidate(affected);
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      revalidate(affected);
    }, delayMs);
    timers.add(timer);
  };
  const endings = [
    live.on('event', (event) => {
      const { affected, error } = readEvent(event);
      tell(affected, event);
      // The connection makes a warning of it, with the id of the event.
      if (error !== undefined) throw error;
    }),
    live.on('resync', (resync) => tell('all', resync)),
    // Whatever was fetched before the stream was confirmed may have changed in between.
    onceLive(live, () => revalidate('all')),
    () => timers.forEach(clearTimeout),
  ];
  return () => {
    for (const end of endings.splice(0)) end();
  };
}

const isKey = (key: unknown): boolean => typeof key === 'string' || (typeof key === 'object' && key !== null);

/**
 * SWR lists its keys only to a filter. This one selects nothing but, if `unnamed`, fetches that have no key yet: the
 * first ones under suspense. SWR drops such a fetch, and starts another.
 */
function keysIn(mutate: Mutate, isWanted: (key: unknown) => boolean, unnamed: boolean): SwrKey[] {
  const found: SwrKey[] = [];
  void mutate((key?: unknown) => {
    try {
      if (isKey(key) && isWanted(key)) found.push(key as SwrKey);
    } catch (error) {
      // SWR lists no more keys to a filter that throws.
      onConsole(error);
      found.push(key as SwrKey);
    }
    return unnamed && key === undefined;
  });
  return found;
}

/** One revalidation of a key at a time, and one after it if there was an event meanwhile. */
class Revalidations {
  readonly #mutate: Mutate;
  /** Whether there was another event since. By SWR's own names: JSON has none for a bigint, and one for many dates. */
  readonly #running = new Map<string, { again: boolean }>();

  constructor(mutate: Mutate) {
    this.#mutate = mutate;
  }

  run(keys: readonly SwrKey[]): void {
    for (const [name, key] of new Map(keys.map((key) => [unstable_serialize(key), key]))) {
      const running = this.#running.get(name);
      if (running !== undefined) running.again = true;
      else void this.#revalidate(name, key);
    }
  }

  async #revalidate(name: string, key: SwrKey): Promise<void> {
    const running = { again: true };
    this.#running.set(name, running);
    while (running.again) {
      running.again = false;
      try {
        await this.#mutate(key);
      } catch (error) {
        // A fetch that fails is told to the hooks, which try again by themselves. This is an error of a callback.
        onConsole(error);
      }
    }
    this.#running.delete(name);
  }
}
