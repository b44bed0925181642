import { type Invalidation, isIncluded, mergeCoverage, nothingCovered } from './record.ts';
import type { Coverage } from './tag.ts';
import {
  mayCover,
  nothingKnown,
  postedTerms,
  probedTerms,
  type Representation,
  recordTerms,
  type TagKnowledge,
  type Term,
  type WriteSet,
} from './write-set.ts';

/** Targets that a write carries over from earlier writes: what their records cover, and what they announced. */
export interface CarriedOver {
  readonly coverage: Coverage;
  readonly paths: readonly string[];
  readonly tags: readonly string[];
}

/** A write between the read of its `before` and its record. */
export interface WriteInFlight {
  /** Targets of the records that covered something it reads, from its beginning up to its own record. */
  carriedOver(): CarriedOver;
  /** Another write was in flight that may change what this one reads, or reads what this one may change. */
  readonly conflicted: boolean;
  /** Adds to the read set: representations that its lookups will fetch. */
  reads(representations: readonly Representation[]): void;
  /** The terms of its read set. The nodes that share the log look for writes that post one of them. */
  readonly probes: ReadonlySet<Term>;
  /** The terms of its write set, by which other writes find it. */
  readonly posts: ReadonlySet<Term>;
  /**
   * Writes in flight on this node that may change what this one reads. Each promise resolves when its write is
   * recorded.
   */
  conflicting(): Promise<void>[];
  /** Its record is applied next. Later records are not carried over. */
  applying(): void;
  /** Its record is in the log, or it makes none. Other writes stop waiting for it. */
  recorded(): void;
}

const nothingCarried: CarriedOver = { coverage: nothingCovered, paths: [], tags: [] };

/**
 * The writes in flight on this node. Take two writes that move an accommodation A→B and B→C at the same time. Both read
 * "A" as their `before`; the origin answers "B" and "C". By themselves, their records cover A, B and A, C.
 *
 * Carry over: if A→B is recorded first, a node may have stored B since then, while the accommodation was in it. So the
 * record of B→C also covers the targets of A→B.
 *
 * Wait: if B→C is recorded first, although the origin applied it second, no record covers B yet. A node that stored B
 * in between holds it as it was before B→C. So a write whose targets depend on what it read is released only when the
 * writes that conflict with it are recorded: the record of A→B covers B. transaction.ts decides when that is.
 *
 * The cost depends on the terms of a write and on its conflicts, not on how many writes are in flight.
 */
export class WritesInFlight {
  readonly #all: All;

  constructor(knowledge: TagKnowledge = nothingKnown) {
    this.#all = { knowledge, posted: new Index(), probed: new Index(), size: 0 };
  }

  begin(writeSet: WriteSet, reads: readonly Representation[]): WriteInFlight {
    return new Entry(this.#all, writeSet, reads);
  }

  /** Has to be called for every record, in log order. */
  note(record: Invalidation): void {
    const { size, probed, knowledge } = this.#all;
    if (size === 0) return;
    const found = new Set<Entry>();
    probed.collect(recordTerms(record.coverage, knowledge), found);
    for (const entry of found) entry.note(record);
  }

  get size(): number {
    return this.#all.size;
  }
}

/** All writes in flight on this node, by their terms. */
interface All {
  readonly knowledge: TagKnowledge;
  readonly posted: Index;
  readonly probed: Index;
  size: number;
}

class Entry implements WriteInFlight {
  readonly posts: ReadonlySet<Term>;
  probes: ReadonlySet<Term>;
  conflicted = false;
  readonly #all: All;
  readonly #reads: Representation[];
  #carriedOver = nothingCarried;
  #applying = false;
  #open = true;
  /** Made for the first write that waits for this one. */
  #done: Promise<void> | undefined;
  #resolve: (() => void) | undefined;

  constructor(all: All, writeSet: WriteSet, reads: readonly Representation[]) {
    this.#all = all;
    this.#reads = [...reads];
    this.posts = postedTerms(writeSet, all.knowledge);
    this.probes = probedTerms(reads, all.knowledge);
    const others = new Set<Entry>();
    all.posted.collect(this.probes, others);
    all.probed.collect(this.posts, others);
    for (const other of others) other.conflicted = true;
    this.conflicted = others.size > 0;
    all.size += 1;
    all.posted.add(this.posts, this);
    all.probed.add(this.probes, this);
  }

  carriedOver(): CarriedOver {
    return this.#carriedOver;
  }

  reads(representations: readonly Representation[]): void {
    const more = probedTerms(representations, this.#all.knowledge);
    this.#reads.push(...representations);
    this.#all.probed.add(more, this);
    this.probes = new Set([...this.probes, ...more]);
  }

  conflicting(): Promise<void>[] {
    const found = new Set<Entry>();
    this.#all.posted.collect(this.probes, found);
    found.delete(this);
    return [...found].map((other) => other.done);
  }

  /** Resolves when this write is recorded. Asked for after that, it never would: no index finds it any more. */
  get done(): Promise<void> {
    this.#done ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    return this.#done;
  }

  /** A record that may cover what it reads. */
  note(record: Invalidation): void {
    const { knowledge } = this.#all;
    if (this.#applying || !this.#reads.some((each) => mayCover(record.coverage, each, knowledge))) return;
    this.conflicted = true;
    this.#carriedOver = carryOver(this.#carriedOver, record);
  }

  applying(): void {
    this.#applying = true;
  }

  recorded(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#all.size -= 1;
    this.#all.posted.remove(this.posts, this);
    this.#all.probed.remove(this.probes, this);
    this.#resolve?.();
  }
}

/** Which writes have a term. Most terms have one: it stands in the map itself, since a set of one costs far more. */
class Index {
  readonly #entries = new Map<Term, Entry | Set<Entry>>();

  /** Adds the entries that have at least one of the terms. */
  collect(terms: ReadonlySet<Term>, found: Set<Entry>): void {
    for (const term of terms) {
      const entries = this.#entries.get(term);
      if (entries === undefined) continue;
      if (entries instanceof Set) for (const entry of entries) found.add(entry);
      else found.add(entries);
    }
  }

  add(terms: ReadonlySet<Term>, entry: Entry): void {
    for (const term of terms) {
      const entries = this.#entries.get(term);
      if (entries === undefined) this.#entries.set(term, entry);
      else if (entries instanceof Set) entries.add(entry);
      else if (entries !== entry) this.#entries.set(term, new Set([entries, entry]));
    }
  }

  remove(terms: ReadonlySet<Term>, entry: Entry): void {
    for (const term of terms) {
      const entries = this.#entries.get(term);
      if (entries === entry) this.#entries.delete(term);
      else if (entries instanceof Set && entries.delete(entry) && entries.size === 0) this.#entries.delete(term);
    }
  }
}

/**
 * Merged at once: while one write hangs, a resource written again and again costs its distinct targets, not its
 * records.
 */
function carryOver({ coverage, paths, tags }: CarriedOver, record: Invalidation): CarriedOver {
  const { announcements } = record;
  return {
    coverage: isIncluded(record.coverage, coverage) ? coverage : mergeCoverage([coverage, record.coverage]),
    paths: announcements.reduce((all, announcement) => union(all, announcement.paths), paths),
    tags: announcements.reduce((all, announcement) => union(all, announcement.tags), tags),
  };
}

/** Nearly always, conflicting writes name the same. */
function union(all: readonly string[], more: readonly string[]): readonly string[] {
  return more.every((each) => all.includes(each)) ? all : [...new Set([...all, ...more])];
}
