import type { Timers } from '../clock.ts';
import type { Seq } from './bus.ts';
import { everything } from './record.ts';
import type { Coverage } from './tag.ts';

/** Invalidates everything that a record covers in the tier that the nodes share. Rejects if that is not certain. */
export type Publish = (coverage: Coverage, epoch: string, seq: Seq) => Promise<void>;

/** Pauses between attempts: they double. */
const RETRY_MS = { first: 100, most: 2_000 };

/** If more records than this cannot be published, because a server of a cluster is away, everything is invalidated. */
const MAX_SEPARATE = 64;

export interface PublisherOptions {
  /** Undefined: the nodes share no tier. */
  readonly publish: Publish | undefined;
  readonly timers: Timers;
  /** Whether this node has joined another epoch since. What was stored in the old one is void. */
  readonly isOver: (epoch: string) => boolean;
}

/**
 * Publishes records to the second tier (coherence.md, "Two tiers without a tag index"), and retries until that
 * succeeds. No write waits for it. The fence of a node that has applied a record refuses what it covers. A node that
 * joins does not use the tier until every earlier record is published (`Renewed.unpublished`).
 */
export class Publisher {
  readonly #options: PublisherOptions;
  #stopped = false;
  #pending = 0;
  /** Records that are being retried. */
  #failed = 0;
  /** The last record that is to be published. */
  #last: { readonly epoch: string; readonly seq: Seq } | undefined;
  /** The latest attempt to invalidate everything, which counts for all records up to `seq`. Undefined if it failed. */
  #all: { readonly epoch: string; readonly seq: Seq; readonly done: Promise<void> } | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Resolves true when the tier has stored it and `then` has run (or neither was needed), false if stopped first. */
  async publish(coverage: Coverage, epoch: string, seq: Seq, then?: () => Promise<unknown>): Promise<boolean> {
    const { timers, isOver } = this.#options;
    const isEmpty = coverage.tags.size + coverage.patterns.length + coverage.tagPatterns.length === 0;
    this.#pending += 1;
    if (this.#last?.epoch !== epoch || this.#last.seq < seq) this.#last = { epoch, seq };
    let attempts = 0;
    while (!this.#stopped && !isOver(epoch)) {
      try {
        if (!isEmpty) await this.#publish(coverage, epoch, seq);
        await then?.();
        break;
      } catch {
        // Readers find that the tier fails, too. The bus on the same Redis reports what is wrong with it.
        if (attempts++ === 0) this.#failed += 1;
        const pauseMs = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** (attempts - 1));
        await new Promise<void>((resolve) => void timers.after(pauseMs, resolve));
      }
    }
    if (attempts > 0) this.#failed -= 1;
    this.#pending -= 1;
    return !this.#stopped;
  }

  #publish(coverage: Coverage, epoch: string, seq: Seq): Promise<void> | undefined {
    const { publish } = this.#options;
    if (this.#all?.epoch === epoch && this.#all.seq >= seq) return this.#all.done;
    if (this.#failed <= MAX_SEPARATE) return publish?.(coverage, epoch, seq);
    const last = this.#last?.epoch === epoch ? this.#last.seq : seq;
    const all = { epoch, seq: last, done: Promise.resolve(publish?.(everything, epoch, last)) };
    this.#all = all;
    all.done.catch(() => {
      if (this.#all === all) this.#all = undefined;
    });
    return all.done;
  }

  /** Records are left that perhaps no other node publishes. */
  get unfinished(): boolean {
    return this.#pending > 0;
  }

  stop(): void {
    this.#stopped = true;
  }
}
