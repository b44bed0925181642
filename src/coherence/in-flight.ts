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
  end(): void;
}

/**
 * Invariant 5: of two writes in flight to one resource, the later record also takes the earlier one's targets. Moving
 * an accommodation A→B and B→C at once, the second write read "A" as its `before` and answers "C": by itself it would
 * leave B stale.
 */
export class WritesInFlight {
  readonly #byResource = new Map<string, Set<{ inheritance: Inheritance }>>();

  begin(resource: string): WriteInFlight {
    const write = { inheritance: { hits: nothingHit, paths: [], tags: [] } as Inheritance };
    const writes = this.#byResource.get(resource) ?? new Set();
    writes.add(write);
    this.#byResource.set(resource, writes);
    return {
      inherited: () => write.inheritance,
      end: () => {
        writes.delete(write);
        // The set may have been replaced since: only an empty one that is still in place is dropped.
        if (writes.size === 0 && this.#byResource.get(resource) === writes) this.#byResource.delete(resource);
      },
    };
  }

  /** Called for every record, in log order. The cost follows the writes in flight, not what is stored. */
  note(record: Invalidation): void {
    for (const [resource, writes] of this.#byResource) {
      if (!isHit({ path: resource, tags: [pathTag(resource)] }, record.hits)) continue;
      for (const write of writes) write.inheritance = inherit(write.inheritance, record);
    }
  }

  get size(): number {
    let size = 0;
    for (const writes of this.#byResource.values()) size += writes.size;
    return size;
  }
}

/** Merged at once: a resource written without end while one write hangs costs its distinct targets, not its records. */
function inherit(earlier: Inheritance, record: Invalidation): Inheritance {
  return {
    hits: mergeHits([earlier.hits, record.hits]),
    paths: [...new Set([...earlier.paths, ...record.announcements.flatMap((announcement) => announcement.paths)])],
    tags: [...new Set([...earlier.tags, ...record.announcements.flatMap((announcement) => announcement.tags)])],
  };
}
