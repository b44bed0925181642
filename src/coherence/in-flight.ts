import { isAmong, placesOf } from './places.ts';
import type { Invalidation } from './record.ts';
import { mergeHits, nothingHit } from './record.ts';
import { type Hits, isHit, pathTag } from './tag.ts';

/** What a write takes over from others: what their records hit, and what they announced. */
export interface Inheritance {
  readonly hits: Hits;
  readonly paths: readonly string[];
  readonly tags: readonly string[];
}

/** A write between the reading of its `before` and its record. */
export interface WriteInFlight {
  /** What records of other writes to the same resource have hit since this one began. */
  inherited(): Inheritance;
  /** No other write was in flight beside it that may have changed its resource, or whose own it may have changed. */
  readonly alone: boolean;
  /**
   * What of it `hits` lack. Between the making of a record and its place in a log that several nodes write to, others may have
   * come: asked again once everything before that place has been applied here.
   */
  missed(hits: Hits): Inheritance | undefined;
  /** Its own record has been made, or it has none to make: nobody needs to wait for it any longer. */
  recorded(): void;
  /** Resources beside its own whose representations it has selected from. */
  dependsOn(resources: readonly string[]): void;
  /** Resolves when all that are in flight now, and may change what it depends on, have been recorded. */
  othersRecorded(): Promise<void>;
  /** `recorded`, and nothing is inherited any longer. */
  end(): void;
}

interface Entry {
  readonly resource: string;
  /** What it may change, as far as the request alone tells: placesOf. */
  readonly places: string;
  inheritance: Inheritance;
  alone: boolean;
  readonly done: Promise<void>;
}

/**
 * Two writes in flight to one resource, moving an accommodation A→B and B→C. Both read "A" as its `before`; they answer "B"
 * and "C". By themselves their records hit A, B and A, C.
 *
 * Invariant 5, inherit: the later record also takes the earlier one's targets. If A→B is recorded first, somebody may have
 * stored B since, as it was with the accommodation: the record of B→C must hit B too.
 *
 * Overtaking: if B→C is recorded first, although the origin applied it second, B is in no record yet, and whoever stored it in
 * between has it as it was before B→C. So a write that depends on its `before` is released only once those that were in
 * flight beside it have their records, too: A→B's hits B. Beside it is whatever may change its resource: a write to the same, to a
 * collection above it, and one elsewhere whose own targets, as far as the request tells, take it in.
 */
export class WritesInFlight {
  readonly #entries = new Map<string, Set<Entry>>();

  /** `hits`: what it may change beside its resource. */
  begin(resource: string, hits: Hits = nothingHit): WriteInFlight {
    let recorded: () => void = () => {};
    const done = new Promise<void>((resolve) => {
      recorded = resolve;
    });
    const inheritance = { hits: nothingHit, paths: [], tags: [] };
    const entry: Entry = { resource, places: placesOf(resource, hits), inheritance, alone: true, done };
    const dependsOn = [resource];
    for (const other of [...this.#beside(entry, dependsOn), ...this.#below(entry)]) {
      other.alone = false;
      entry.alone = false;
    }
    const pending = this.#entries.get(resource) ?? new Set();
    pending.add(entry);
    this.#entries.set(resource, pending);
    const finish = (): void => {
      pending.delete(entry);
      // The set may have been replaced since: only an empty one that is still in place is dropped.
      if (pending.size === 0 && this.#entries.get(resource) === pending) this.#entries.delete(resource);
      recorded();
    };
    return {
      inherited: () => entry.inheritance,
      get alone() {
        return entry.alone && entry.inheritance.paths.length === 0 && entry.inheritance.tags.length === 0;
      },
      missed: (hits) => (covers(hits, entry.inheritance.hits) ? undefined : entry.inheritance),
      recorded: finish,
      dependsOn: (resources) => void dependsOn.push(...resources),
      othersRecorded: async () => {
        await Promise.all(this.#beside(entry, dependsOn).map((other) => other.done));
      },
      end: finish,
    };
  }

  /** Called for every record, in log order. The cost follows the writes in flight, not what is stored. */
  note(record: Invalidation): void {
    for (const [resource, entries] of this.#entries) {
      if (!isHit({ path: resource, tags: [pathTag(resource)] }, record.hits)) continue;
      for (const entry of entries) entry.inheritance = inherit(entry.inheritance, record);
    }
  }

  get size(): number {
    let size = 0;
    for (const entries of this.#entries.values()) size += entries.size;
    return size;
  }

  /** What a write may be about. The cost follows the writes in flight. */
  #below({ places }: Entry): Entry[] {
    return [...this.#entries].flatMap(([resource, entries]) => (isAmong(resource, places) ? [...entries] : []));
  }

  /** A batch is written to the collection: it may be about any resource below. */
  #beside(entry: Entry, resources: readonly string[]): Entry[] {
    const found: Entry[] = [];
    for (const entries of this.#entries.values()) {
      for (const other of entries) {
        if (other !== entry && resources.some((resource) => isAmong(resource, other.places))) found.push(other);
      }
    }
    return found;
  }
}

function covers(hits: Hits, others: Hits): boolean {
  const tagPatterns = new Set(hits.tagPatterns.map((parts) => JSON.stringify(parts)));
  return (
    [...others.tags].every((tag) => hits.tags.has(tag)) &&
    others.patterns.every((pattern) => hits.patterns.includes(pattern)) &&
    others.tagPatterns.every((parts) => tagPatterns.has(JSON.stringify(parts)))
  );
}

/** Merged at once: a resource written without end while one write hangs costs its distinct targets, not its records. */
function inherit(earlier: Inheritance, record: Invalidation): Inheritance {
  return {
    hits: mergeHits([earlier.hits, record.hits]),
    paths: [...new Set([...earlier.paths, ...record.announcements.flatMap((announcement) => announcement.paths)])],
    tags: [...new Set([...earlier.tags, ...record.announcements.flatMap((announcement) => announcement.tags)])],
  };
}
