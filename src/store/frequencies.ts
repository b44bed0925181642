import { randomInt } from 'node:crypto';

/** Counters of a key, of which the smallest is believed: other keys have raised the others. */
const ROWS = 4;
const MOST = 15;
/** How much of the memory tier there is one counter for each row for: about the size of a small response. */
const BYTES_PER_COUNTER = 1_024;
/** Ageing passes over all of them at once. */
const MAX_COUNTERS = 2 ** 24;
/** Which keys share counters differs from one process to the next. */
const SEED = randomInt(2 ** 32);
/** Counts are halved after so many for each response that is stored. */
const COUNTS_PER_RESPONSE = 10;
const FEWEST_RESPONSES = 100;

/**
 * How often keys were asked for lately, about: a count-min sketch that ages (Einziger, Friedman, Manes: "TinyLFU: A
 * Highly Efficient Cache Admission Policy", 2017). Its size is fixed: at most 1/128 of that of the memory tier, and
 * 16 MiB.
 */
export class Frequencies {
  readonly #counters: Uint8Array;
  readonly #mask: number;
  #counts = 0;

  /** @param maxBytes of the memory tier */
  constructor(maxBytes: number) {
    const size = Math.min(MAX_COUNTERS, 2 ** Math.ceil(Math.log2((ROWS * maxBytes) / BYTES_PER_COUNTER)));
    this.#counters = new Uint8Array(size);
    this.#mask = size - 1;
  }

  /** @param responses how many are stored */
  count(key: string, responses: number): void {
    const hash = hashOf(key);
    for (let row = 0; row < ROWS; row++) {
      const at = this.#at(hash, row);
      const count = this.#counters[at] as number;
      if (count < MOST) this.#counters[at] = count + 1;
    }
    this.#counts += 1;
    if (this.#counts >= COUNTS_PER_RESPONSE * Math.max(responses, FEWEST_RESPONSES)) this.#age();
  }

  of(key: string): number {
    const hash = hashOf(key);
    let least = MOST;
    for (let row = 0; row < ROWS; row++) least = Math.min(least, this.#counters[this.#at(hash, row)] as number);
    return least;
  }

  /** What was popular once makes room for what is now. */
  #age(): void {
    for (let i = 0; i < this.#counters.length; i++) this.#counters[i] = (this.#counters[i] as number) >> 1;
    this.#counts >>= 1;
  }

  #at(hash: number, row: number): number {
    const mixed = Math.imul(hash ^ Math.imul(row + 1, 0x9e3779b9), 0x85ebca6b);
    const spread = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (spread ^ (spread >>> 16)) & this.#mask;
  }
}

/** FNV-1a, begun with a number of this process. */
function hashOf(key: string): number {
  let hash = SEED;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash;
}
