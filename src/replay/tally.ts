import type { VirtualRead } from './virtual-cache.ts';
import type { RuleEffect } from './virtual-writes.ts';

/** What became of the reads of one route, or of all. */
export class ReadTally {
  requests = 0;
  hits = 0;
  /** Answered with a stale response while it was revalidated. */
  stale = 0;
  /** Waited for the fetch of another request. */
  collapsed = 0;
  misses = 0;
  bypassed = 0;
  /** Octets of bodies that the API sent to these reads, by the log. */
  bytes = 0;
  /** Of these, what it would not have sent. */
  savedBytes = 0;
  /** Requests to the API for these reads, revalidations in the background included. */
  originRequests = 0;
  /** The same reads in a cache that ignores writes. */
  readonly ttlOnly = { hits: 0, staleHits: 0 };
  /** Why answers were not stored. */
  readonly notStored = new Map<string, number>();

  add(read: VirtualRead, bytes: number): void {
    this.requests += 1;
    this.bytes += bytes;
    if (read.outcome === 'hit') this.hits += 1;
    else if (read.outcome === 'stale') this.stale += 1;
    else if (read.outcome === 'collapsed') this.collapsed += 1;
    else if (read.outcome === 'miss') this.misses += 1;
    else this.bypassed += 1;
    const revalidates = read.outcome === 'stale' && (read.fill !== undefined || read.detail !== undefined);
    if (read.outcome === 'miss' || read.outcome === 'bypass' || revalidates) this.originRequests += 1;
    else this.savedBytes += bytes;
    if (read.detail !== undefined) this.notStored.set(read.detail, (this.notStored.get(read.detail) ?? 0) + 1);
  }

  addTtlOnly({ outcome }: VirtualRead, isStale: boolean): void {
    if (outcome !== 'hit' && outcome !== 'stale') return;
    this.ttlOnly.hits += 1;
    if (isStale) this.ttlOnly.staleHits += 1;
  }

  /** Reads that were answered from memory. */
  get fromMemory(): number {
    return this.hits + this.stale;
  }
}

/** What became of the writes that one rule matched. */
export class RuleTally {
  /** Writes that it applied to. */
  writes = 0;
  /** Of these, by how well the log tells the ids. */
  resolved = 0;
  wildcard = 0;
  leftOut = 0;
  /** It matched, but its conditions did not hold. */
  skipped = 0;
  /** Stored responses that its targets covered. Another rule of the same write may have covered them, too. */
  dropped = 0;
  /** Hits of a cache that ignores writes, on responses that this rule would have dropped. */
  staleHits = 0;

  add({ ids }: RuleEffect, dropped: number): void {
    this.writes += 1;
    if (ids === 'resolved') this.resolved += 1;
    else if (ids === 'wildcard') this.wildcard += 1;
    else this.leftOut += 1;
    this.dropped += dropped;
  }
}
