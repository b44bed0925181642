import type { Clock } from '../clock.ts';
import type { Bus, Member, OpenQuarantine, StepResult } from './bus.ts';
import { Membership } from './membership.ts';

export interface EvictionsOptions {
  readonly bus: Bus;
  readonly member: string;
  readonly clock: Clock;
  /** Replaced in tests that take a check out. */
  readonly membership?: Membership | undefined;
}

/** Evicts members whose lease has surely run out. This node finishes what they left behind. */
export class Evictions {
  readonly #options: EvictionsOptions;
  readonly #membership: Membership;
  #epoch = '';
  #beat = 0;
  /**
   * The answer to an eviction may have been lost. The next renewal asks for the quarantines that this node took over.
   */
  pending = false;
  count = 0;

  constructor(options: EvictionsOptions) {
    this.#options = options;
    this.#membership = options.membership ?? new Membership();
  }

  get members(): readonly string[] {
    return this.#membership.ids;
  }

  /** This node as of its last renewal. It evicts itself when it leaves. */
  get self(): Pick<Member, 'id' | 'beat'> {
    return { id: this.#options.member, beat: this.#beat };
  }

  /** This node has renewed its lease. */
  renewed(members: readonly Member[]): void {
    this.#beat = members.find(({ id }) => id === this.#options.member)?.beat ?? this.#beat;
  }

  /** Evicts silent members. Yields the answer to each eviction. */
  async *watch(
    members: readonly Member[],
    { epoch, leaseMs }: { epoch: string; leaseMs: number },
  ): AsyncGenerator<StepResult<{ readonly orphans: readonly OpenQuarantine[] }>> {
    const { bus, member, clock } = this.#options;
    // Beats start again in another epoch.
    if (this.#epoch !== epoch) this.#membership.reset();
    this.#epoch = epoch;
    for (const silent of this.#membership.observe(members, clock.monotonic(), leaseMs)) {
      if (silent.id === member) continue;
      this.pending = true;
      const answer = await bus.evict(epoch, member, silent);
      if (answer.ok) {
        this.pending = false;
        this.count += 1;
      }
      yield answer;
    }
  }
}
