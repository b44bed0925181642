import type { Timers } from '../clock.ts';
import type { Seq } from './bus.ts';
import type { Coverage } from './tag.ts';

/** Makes everything that a record covers invalid in the tier that the nodes share. Rejects where that is not sure. */
export type Publish = (coverage: Coverage, epoch: string, seq: Seq) => Promise<void>;

const RETRY_MS = 100;

export interface PublisherOptions {
  /** Undefined: the nodes share no tier. */
  readonly publish: Publish | undefined;
  readonly timers: Timers;
  /** Whether this node has joined another epoch since: what is stored of that one is void by itself. */
  readonly isOver: (epoch: string) => boolean;
}

/**
 * Makes records known to the second tier (coherence.md, "Two tiers without a tag index"), however often that fails. No write waits
 * for it: nodes that have applied a record refuse by their fence what it hit, and one that joins does not use the tier before
 * every record behind its place is known there (`Renewed.unpublished`).
 */
export class Publisher {
  readonly #options: PublisherOptions;
  #stopped = false;
  #pending = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Resolves when it is known there and `then` has been done, or none of it is needed any longer: false where this node has stopped before. */
  async known(coverage: Coverage, epoch: string, seq: Seq, then?: () => Promise<unknown>): Promise<boolean> {
    const { publish, timers } = this.#options;
    const nothing = coverage.tags.size + coverage.patterns.length + coverage.tagPatterns.length === 0;
    this.#pending += 1;
    const done = (): boolean => {
      this.#pending -= 1;
      return !this.#stopped;
    };
    while (!this.#stopped && !this.#options.isOver(epoch)) {
      try {
        if (!nothing) await publish?.(coverage, epoch, seq);
        await then?.();
        return done();
      } catch {
        // Whoever reaches for the tier finds it away, too; the bus on the same Redis tells what is wrong with it.
        await new Promise<void>((resolve) => void timers.after(RETRY_MS, resolve));
      }
    }
    return done();
  }

  /** There are records that only this node may be making known. */
  get unfinished(): boolean {
    return this.#pending > 0;
  }

  stop(): void {
    this.#stopped = true;
  }
}
