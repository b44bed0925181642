/**
 * Which of many objects have a key. Most keys have one: it stands in the map itself, since a set of one takes ten times
 * as much.
 */
export class Holders<Key, Held extends object> {
  readonly #map = new Map<Key, Held | Set<Held>>();

  /** Returns what has the key now. */
  add(key: Key, held: Held): Held | Set<Held> {
    const known = this.#map.get(key);
    if (known instanceof Set) return known.add(held);
    const now = known === undefined || known === held ? held : new Set([known, held]);
    if (now !== known) this.#map.set(key, now);
    return now;
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

  has(key: Key): boolean {
    return this.#map.has(key);
  }

  keys(): Iterable<Key> {
    return this.#map.keys();
  }
}
