/**
 * Which of many objects have a key. Most keys have one: it stands in the map itself, since a set of one takes ten times
 * as much.
 */
export class Holders<Key, Held extends object> {
  readonly #map = new Map<Key, Held | Set<Held>>();

  add(key: Key, held: Held): void {
    const known = this.#map.get(key);
    if (known === undefined) this.#map.set(key, held);
    else if (known instanceof Set) known.add(held);
    else if (known !== held) this.#map.set(key, new Set([known, held]));
  }

  delete(key: Key, held: Held): void {
    const known = this.#map.get(key);
    if (known === held) this.#map.delete(key);
    else if (known instanceof Set && known.delete(held) && known.size === 0) this.#map.delete(key);
  }

  get(key: Key): Held | Set<Held> | undefined {
    return this.#map.get(key);
  }

  /** Those that have the key, in the order in which they came. What is deleted meanwhile is not visited. */
  of(key: Key): Iterable<Held> {
    const known = this.#map.get(key);
    if (known === undefined) return [];
    return known instanceof Set ? known : [known];
  }

  keys(): Iterable<Key> {
    return this.#map.keys();
  }
}
