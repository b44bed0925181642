import type { Timers } from '../clock.ts';
import type { Seq } from './bus.ts';
import type { Coverage } from './tag.ts';

/** Invalidates everything that a record covers in the tier that the nodes share. Rejects if that is not certain. */
export type Publish = (coverage: Coverage, epoch: string, seq: Seq) => Promise<void>;

const RETRY_MS = 100;

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

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Resolves true when the tier has stored it and `then` has run (or neither was needed), false if stopped first. */
  async publish(coverage: Coverage, epoch: string, seq: Seq, then?: () => Promise<unknown>): Promise<boolean> {
    const { publish, timers } = this.#options;
    const isEmpty = coverage.tags.size + coverage.patterns.length + coverage.tagPatterns.length === 0;
    this.#pending += 1;
    const done = (): boolean => {
      this.#pending -= 1;
      return !this.#stopped;
    };
    while (!this.#stopped && !this.#options.isOver(epoch)) {
      try {
        if (!isEmpty) await publish?.(coverage, epoch, seq);
        await then?.();
        return done();
      } catch {
        // Readers find that the tier fails, too. The bus on the same Redis reports what is wrong with it.
        await new Promise<void>((resolve) => void timers.after(RETRY_MS, resolve));
      }
    }
    return done();
  }

  /** Records are left that perhaps no other node publishes. */
  get unfinished(): boolean {
    return this.#pending > 0;
  }

  stop(): void {
    this.#stopped = true;
  }
}
