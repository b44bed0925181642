import { pathMatchesPattern } from '../route/pattern.ts';
import { ancestry, headOf, type Places } from './places.ts';
import type { Invalidation } from './record.ts';
import { mergeHits, nothingHit } from './record.ts';
import type { Hits } from './tag.ts';

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
  readonly places: Places;
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
 * flight beside it have their records, too: A→B's hits B. Beside it is whatever may change its resource (`Places`): a write to the
 * same, to what is above it, and one elsewhere that names it. The cost of all this follows the depth of paths and what is found, not
 * how many are in flight.
 */
export class WritesInFlight {
  readonly #byResource = new Index();
  /** By each path at or above their resource. */
  readonly #byAncestor = new Index();
  readonly #byExact = new Index();
  readonly #byBelow = new Index();
  #size = 0;

  /** `places`: where it may change something. */
  begin(resource: string, places: Places = { exact: [], below: [resource] }): WriteInFlight {
    let recorded: () => void = () => {};
    const done = new Promise<void>((resolve) => {
      recorded = resolve;
    });
    const inheritance = { hits: nothingHit, paths: [], tags: [] };
    const entry: Entry = { resource, places, inheritance, alone: true, done };
    const dependsOn = [resource];
    for (const other of [...this.#beside(entry, dependsOn), ...this.#within(places)]) {
      other.alone = false;
      entry.alone = false;
    }
    this.#register(entry);
    let open = true;
    const finish = (): void => {
      if (open) this.#forget(entry);
      open = false;
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
        await Promise.all([...this.#beside(entry, dependsOn)].map((other) => other.done));
      },
      end: finish,
    };
  }

  /** Called for every record, in log order. */
  note(record: Invalidation): void {
    const { tags, patterns } = record.hits;
    const hit = new Set<Entry>();
    for (const tag of tags)
      if (tag.startsWith('p:')) for (const entry of this.#byResource.at(tag.slice(2))) hit.add(entry);
    for (const pattern of patterns) {
      for (const entry of this.#byAncestor.at(headOf(pattern))) {
        if (pathMatchesPattern(entry.resource, pattern)) hit.add(entry);
      }
    }
    for (const entry of hit) entry.inheritance = inherit(entry.inheritance, record);
  }

  get size(): number {
    return this.#size;
  }

  #register(entry: Entry): void {
    this.#size += 1;
    this.#byResource.add(entry.resource, entry);
    for (const path of ancestry(entry.resource)) this.#byAncestor.add(path, entry);
    for (const path of entry.places.exact) this.#byExact.add(path, entry);
    for (const path of entry.places.below) this.#byBelow.add(path, entry);
  }

  #forget(entry: Entry): void {
    this.#size -= 1;
    this.#byResource.remove(entry.resource, entry);
    for (const path of ancestry(entry.resource)) this.#byAncestor.remove(path, entry);
    for (const path of entry.places.exact) this.#byExact.remove(path, entry);
    for (const path of entry.places.below) this.#byBelow.remove(path, entry);
  }

  /** Those whose own resource is among these places. */
  #within({ exact, below }: Places): Set<Entry> {
    const found = new Set<Entry>();
    for (const path of exact) for (const entry of this.#byResource.at(path)) found.add(entry);
    for (const path of below) for (const entry of this.#byAncestor.at(path)) found.add(entry);
    return found;
  }

  /** Those that may change one of these resources. */
  #beside(entry: Entry, resources: readonly string[]): Set<Entry> {
    const found = new Set<Entry>();
    for (const resource of resources) {
      for (const other of this.#byExact.at(resource)) found.add(other);
      for (const path of ancestry(resource)) for (const other of this.#byBelow.at(path)) found.add(other);
    }
    found.delete(entry);
    return found;
  }
}

class Index {
  readonly #entries = new Map<string, Set<Entry>>();

  at(path: string): Iterable<Entry> {
    return this.#entries.get(path) ?? [];
  }

  add(path: string, entry: Entry): void {
    const entries = this.#entries.get(path);
    if (entries === undefined) this.#entries.set(path, new Set([entry]));
    else entries.add(entry);
  }

  remove(path: string, entry: Entry): void {
    const entries = this.#entries.get(path);
    entries?.delete(entry);
    if (entries?.size === 0) this.#entries.delete(path);
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
