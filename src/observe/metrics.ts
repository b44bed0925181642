import { NeverHit } from './never-hit.ts';

/** Plain integers, read when they are scraped: a hit pays for one increment. */
export class Metrics {
  readonly reads: Record<string, number> = {};
  readonly writes: Record<string, number> = {};
  readonly neverHit = new NeverHit();
  /** By reason: what an origin answered and the gateway did not store. */
  readonly notStored: Record<string, number> = {};
  unresolved = 0;
  removed = 0;
  originFailures = 0;
  /** Writes that got the first answer to their idempotency key again. */
  repeatedWrites = 0;
  /** Writes that were not valid, by what is done with those. */
  readonly invalidWrites: Record<string, number> = {};

  /** By outcome: attempts to deliver to webhooks. */
  readonly webhooks: Record<string, number> = {};

  countWebhook(outcome: string): void {
    this.webhooks[outcome] = (this.webhooks[outcome] ?? 0) + 1;
  }

  countNotStored(reason: string): void {
    this.notStored[reason] = (this.notStored[reason] ?? 0) + 1;
  }

  countRead(outcome: string): void {
    this.reads[outcome] = (this.reads[outcome] ?? 0) + 1;
  }

  countInvalid(mode: string): void {
    this.invalidWrites[mode] = (this.invalidWrites[mode] ?? 0) + 1;
  }

  countWrite(outcome: string): void {
    this.writes[outcome] = (this.writes[outcome] ?? 0) + 1;
  }
}
