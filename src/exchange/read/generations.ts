/** Remembers something of each of many objects that others hold, in two generations: the older one is forgotten. */
export class Generations<Key extends object, Value> {
  readonly #maxBytes: number;
  readonly #bytesOf: (value: Value) => number;
  #current = new WeakMap<Key, Value>();
  #earlier = new WeakMap<Key, Value>();
  #bytes = 0;

  /** @param maxBytes of one generation */
  constructor(maxBytes: number, bytesOf: (value: Value) => number) {
    this.#maxBytes = maxBytes;
    this.#bytesOf = bytesOf;
  }

  get(key: Key): Value | undefined {
    const value = this.#current.get(key);
    if (value !== undefined) return value;
    const earlier = this.#earlier.get(key);
    if (earlier !== undefined) this.set(key, earlier);
    return earlier;
  }

  set(key: Key, value: Value): void {
    const bytes = this.#bytesOf(value);
    if (this.#bytes + bytes > this.#maxBytes) {
      this.#earlier = this.#current;
      this.#current = new WeakMap();
      this.#bytes = 0;
    }
    this.#current.set(key, value);
    this.#bytes += bytes;
  }
}
