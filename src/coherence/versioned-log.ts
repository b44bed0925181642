import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { AppendOptions, Committed, Intent, Intention, Log } from './log.ts';
import type { Invalidation, LogRecord } from './record.ts';

export interface VersionedLogOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** Makes everything that the record hits invalid in the tier that the nodes share. */
  readonly bump: (record: LogRecord) => Promise<void>;
  /** Nodes that join do not use the tier for longer than this: later the versions of a record must not come. */
  readonly withinMs: number;
}

/** A log whose records are also known to the shared tier before their writes are acknowledged. */
export class VersionedLog implements Log {
  readonly #options: VersionedLogOptions;

  constructor(options: VersionedLogOptions) {
    this.#options = options;
  }

  get epoch(): string {
    return this.#options.log.epoch;
  }

  async append(invalidation: Invalidation, options: AppendOptions = {}): Promise<Committed> {
    const { log, clock, bump, withinMs } = this.#options;
    const { hits } = invalidation;
    if (hits.tags.size + hits.patterns.length + hits.tagPatterns.length === 0) return log.append(invalidation, options);
    const startedAt = clock.monotonic();
    let bumping: Promise<void> | undefined;
    const committed = await log.append(invalidation, {
      ...options,
      beside: {
        applying: () => options.beside?.applying(),
        applied: (record) => {
          options.beside?.applied(record);
          bumping = bump(record);
          // Whoever waits for it hears of it; a record that was queued has nobody left who does.
          bumping.catch(() => undefined);
        },
      },
    });
    // Queued, since the others cannot be reached: bumped when it is applied.
    if (bumping === undefined && committed.record.id === undefined) return committed;
    try {
      await (bumping ?? bump(committed.record));
    } catch (error) {
      throw new GatewayError('unconfirmed', undefined, { cause: error });
    }
    if (clock.monotonic() - startedAt > withinMs) throw new GatewayError('unconfirmed');
    return committed;
  }

  intend(note: Intention): Promise<Intent> {
    return this.#options.log.intend(note);
  }

  withdraw(intent: Intent): void {
    this.#options.log.withdraw(intent);
  }

  serving(): boolean {
    return this.#options.log.serving();
  }

  reached(token: string, timeoutMs: number): Promise<boolean> {
    return this.#options.log.reached(token, timeoutMs);
  }
}
