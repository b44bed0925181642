import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LRUCache } from 'lru-cache';
import { root } from '../paths.ts';

/* Whether an admission in the manner of TinyLFU (Einziger, Friedman, Manes: "TinyLFU", 2017) finds more in memory than
 * least recently used alone. */

/** The gateway's own. */
interface Frequencies {
  count(key: string, stored: number): void;
  of(key: string): number;
}
const path = pathToFileURL(join(root, 'dist/store/frequencies.js')).href;

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

/** Of a small response, as memory is charged for it. */
const BYTES_EACH = 1_300;

export interface HitRatios {
  /** Of all requests but those of scans. */
  readonly plain: number;
  readonly admitted: number;
}

/** The share of requests that find their response, without an admission and with it. */
export async function hitRatios(trace: Trace, capacity: number): Promise<HitRatios> {
  const { Frequencies } = (await import(path)) as { Frequencies: new (maxBytes: number) => Frequencies };
  const admitted = hitRatio(trace, capacity, new Frequencies(capacity * BYTES_EACH));
  return { plain: hitRatio(trace, capacity, undefined), admitted };
}

function hitRatio(trace: Trace, capacity: number, frequencies: Frequencies | undefined): number {
  const cache = new LRUCache<number, true>({ max: capacity });
  let [asked, hits] = [0, 0];
  for (const key of keysOf(trace)) {
    const isScanned = key >= 2 ** 24;
    if (!isScanned) asked += 1;
    frequencies?.count(`/items/${key}`, cache.size);
    if (cache.get(key) !== undefined) {
      hits += 1;
      continue;
    }
    const [victim] = cache.size < capacity ? [] : cache.rkeys();
    if (frequencies !== undefined && victim !== undefined) {
      if (frequencies.of(`/items/${key}`) <= frequencies.of(`/items/${victim}`)) continue;
    }
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
