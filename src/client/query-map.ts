import { ANY } from './key-pattern.ts';
import { type Matcher, matcherOf } from './map-matcher.ts';
import type { UnstaleEvent } from './types.ts';

/** The parameters of a key of the map: `id` in `/steps/:id` and in `tag:step:{id}`. */
export type ParamsOf<Key extends string> = Readonly<Record<string extends Key ? string : NamesIn<Key>, string>>;

type NamesIn<Key extends string> = Key extends `event:${string}`
  ? never
  : Key extends `tag:${infer Tag}`
    ? InTag<Tag>
    : InPath<Key>;
type InTag<Tag extends string> = Tag extends `${string}{${infer Name}}${infer Rest}` ? Name | InTag<Rest> : never;
type InPath<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? InSegment<Segment> | InPath<Rest>
  : InSegment<Path>;
/** Where text follows a name (`:id.json`), any name is accepted: a type cannot say where the name ends. */
type InSegment<Segment extends string> = Segment extends `${string}:${infer Name}`
  ? Name extends `${string}${'.' | '-' | ':' | '~' | '@' | ','}${string}`
    ? string
    : Name
  : never;

/**
 * From what an event names to the keys of the queries that show it. A key of the map is one of
 *
 * - a path: `/steps/:id`; `*` is any segment, `**` any rest
 * - a tag: `tag:step:{id}`; `*` is any text
 * - the type of an event: `event:accommodation.changed`; `*` is any text
 *
 * Parameters are percent-decoded text. If the event has a wildcard in their place, they have a value that stands for
 * any: put it into the key, and do not look at it.
 */
export type QueryMap<Key extends string, QueryKey> = {
  readonly [K in Key]: (params: ParamsOf<K>, event: UnstaleEvent) => readonly QueryKey[];
};

/** An event, or a resync, as followers of query caches need it. */
export interface Announced {
  readonly id: string | undefined;
  /** The gateway's `events.jitter`: time over which clients spread their fetches. */
  readonly refetchWithinMs?: number;
}

/** Patterns of query keys that an event affects (see `matchesKey`), or all queries. */
export type Affected = readonly unknown[] | 'all';

export interface Reading {
  readonly affected: Affected;
  /** The map could not read the event. All queries are affected then: better too many than too few. */
  readonly error?: Error;
}

/** Never throws. */
export type CompiledMap = (event: UnstaleEvent) => Reading;

type KeysOf = (params: Readonly<Record<string, string>>, event: UnstaleEvent) => readonly unknown[];

/**
 * @param isKey whether a function of the map may return this as a key
 * @throws TypeError for a map that cannot be right
 */
export function compileMap(map: Readonly<Record<string, unknown>>, isKey: (key: unknown) => boolean): CompiledMap {
  const entries = Object.entries(map).map(([name, keysOf]): readonly [name: string, Matcher, KeysOf] => {
    if (typeof keysOf !== 'function') throw new TypeError(`the map's "${name}" must be a function that returns keys`);
    return [name, matcherOf(name), keysOf as KeysOf];
  });
  return (event) => {
    const affected: unknown[] = [];
    for (const [name, matches, keysOf] of entries) {
      try {
        for (const params of matches(event)) {
          const keys = keysOf(params, event);
          if (!Array.isArray(keys) || !keys.every(isKey)) throw new TypeError('it must return a list of query keys');
          // A condition on a value that stands for any cannot be right for all of them.
          if (keys.length === 0 && Object.values(params).includes(ANY)) return { affected: 'all' };
          affected.push(...keys);
        }
      } catch (cause) {
        const message = `"${name}" of the map cannot read the event ${event.id}, so all is fetched again: ${cause}`;
        return { affected: 'all', error: new Error(message, { cause }) };
      }
    }
    return { affected };
  };
}
