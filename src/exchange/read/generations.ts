/** Remembers something of each of many objects that others hold: of the last `max` at least, of twice as many at most. */
export class Generations<Key extends object, Value> {
  readonly #max: number;
  #current = new WeakMap<Key, Value>();
  #earlier = new WeakMap<Key, Value>();
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get(key: Key): Value | undefined {
    const value = this.#current.get(key);
    if (value !== undefined) return value;
    const earlier = this.#earlier.get(key);
    if (earlier !== undefined) this.set(key, earlier);
    return earlier;
  }

  set(key: Key, value: Value): void {
    if (this.#count >= this.#max) {
      this.#earlier = this.#current;
      this.#current = new WeakMap();
      this.#count = 0;
    }
    this.#current.set(key, value);
    this.#count += 1;
  }
}
