import { ownText } from './own-memory.ts';

/** Names come from clients and origins: others than the usual ones must not fill the memory. */
const MAX_NAMES = 1_000;
const MAX_NAME_LENGTH = 64;

/** What is known of a field by its name alone. It is worked out once for each name as it is spelled. */
export class PerName<Known> {
  readonly #of: (name: string) => Known;
  #known = new Map<string, Known>();

  /** `of` gets names in lower case. */
  constructor(of: (name: string) => Known) {
    this.#of = of;
  }

  of(name: string): Known {
    return this.#known.get(name) ?? this.#learn(name);
  }

  #learn(name: string): Known {
    const known = this.#of(name.toLowerCase());
    if (name.length > MAX_NAME_LENGTH) return known;
    if (this.#known.size >= MAX_NAMES) this.#known.clear();
    // What is cut from the head of a message would keep all of it.
    this.#known.set(ownText(name), known);
    return known;
  }
}
