import { LRUCache } from 'lru-cache';

/* Whether an admission in the manner of TinyLFU (Einziger, Friedman, Manes: "TinyLFU", 2017) finds more in memory than
 * least recently used alone. */

/** How often a key was asked for lately: four counters of four bits for each, of which the smallest is believed. */
class Sketch {
  readonly #counters: Uint8Array;
  readonly #mask: number;
  readonly #sample: number;
  #additions = 0;

  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(capacity * 4));
    this.#counters = new Uint8Array(size);
    this.#mask = size - 1;
    this.#sample = 10 * capacity;
  }

  add(key: number): void {
    for (let row = 0; row < 4; row++) {
      const at = this.#at(key, row);
      if ((this.#counters[at] as number) < 15) this.#counters[at] = (this.#counters[at] as number) + 1;
    }
    this.#additions += 1;
    if (this.#additions >= this.#sample) this.#age();
  }

  estimate(key: number): number {
    let least = 15;
    for (let row = 0; row < 4; row++) least = Math.min(least, this.#counters[this.#at(key, row)] as number);
    return least;
  }

  #age(): void {
    for (let i = 0; i < this.#counters.length; i++) this.#counters[i] = (this.#counters[i] as number) >> 1;
    this.#additions >>= 1;
  }

  #at(key: number, row: number): number {
    let hash = Math.imul(key ^ (row * 0x9e3779b9), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & this.#mask;
  }
}

export interface Trace {
  readonly requests: number;
  /** The share of all requests that ask for what nobody asks for again. */
  readonly scanned: number;
  /** Requests in one scan, one after the other. */
  readonly scanLength: number;
  /** How many keys are asked for again and again, and how unequally: the exponent of Zipf. */
  readonly keys: number;
  readonly exponent: number;
  /** What is asked for most is other keys after each so many requests. */
  readonly shiftEvery: number;
}

/** The keys of a trace, one by one. Reproducible. */
function* keysOf({ requests, scanned, scanLength, keys, exponent, shiftEvery }: Trace): Iterable<number> {
  const random = randomFrom(1);
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let i = 0; i < keys; i++) {
    sum += 1 / (i + 1) ** exponent;
    sums[i] = sum;
  }
  const popular = (): number => {
    const wanted = random() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  let nextScanned = 2 ** 24;
  let inScan = 0;
  const scanEvery = scanned === 0 ? Number.POSITIVE_INFINITY : Math.round(scanLength / scanned);
  for (let i = 0; i < requests; i++) {
    if (i % scanEvery === scanEvery - scanLength) inScan = scanLength;
    if (inScan > 0) {
      inScan -= 1;
      yield nextScanned++;
    } else {
      // Another permutation of the same keys.
      yield (popular() + 7_919 * Math.floor(i / shiftEvery)) % keys;
    }
  }
}

export interface HitRatios {
  /** Of all requests but those of scans. */
  readonly plain: number;
  readonly admitted: number;
}

/** The share of requests that find their response, without an admission and with it. */
export function hitRatios(trace: Trace, capacity: number): HitRatios {
  return { plain: hitRatio(trace, capacity, undefined), admitted: hitRatio(trace, capacity, new Sketch(capacity)) };
}

function hitRatio(trace: Trace, capacity: number, sketch: Sketch | undefined): number {
  const cache = new LRUCache<number, true>({ max: capacity });
  let [asked, hits] = [0, 0];
  for (const key of keysOf(trace)) {
    const isScanned = key >= 2 ** 24;
    if (!isScanned) asked += 1;
    sketch?.add(key);
    if (cache.get(key) !== undefined) {
      hits += 1;
      continue;
    }
    const [victim] = cache.size < capacity ? [] : cache.rkeys();
    if (sketch !== undefined && victim !== undefined && sketch.estimate(key) <= sketch.estimate(victim)) continue;
    cache.set(key, true);
  }
  return hits / asked;
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
