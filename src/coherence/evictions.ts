import type { Clock } from '../clock.ts';
import type { Answer, Bus, Member, OpenQuarantine } from './bus.ts';
import { Membership } from './membership.ts';

export interface EvictionsOptions {
  readonly bus: Bus;
  readonly member: string;
  readonly clock: Clock;
  /** Replaced in tests that take a check out. */
  readonly membership?: Membership | undefined;
}

/** Removes members whose lease has surely run out. What they left behind is this node's to finish. */
export class Evictions {
  readonly #options: EvictionsOptions;
  readonly #membership: Membership;
  #epoch = '';
  #beat = 0;
  /** An answer that tells of what was taken over may have been lost: it is asked for with the next renewal. */
  pending = false;
  count = 0;

  constructor(options: EvictionsOptions) {
    this.#options = options;
    this.#membership = options.membership ?? new Membership();
  }

  get members(): readonly string[] {
    return this.#membership.ids;
  }

  /** This node, as it last renewed itself: how it leaves. */
  get self(): Pick<Member, 'id' | 'beat'> {
    return { id: this.#options.member, beat: this.#beat };
  }

  /** Yields what comes of each eviction. */
  async *watch(
    members: readonly Member[],
    { epoch, leaseMs }: { epoch: string; leaseMs: number },
  ): AsyncGenerator<Answer<{ readonly orphans: readonly OpenQuarantine[] }>> {
    const { bus, member, clock } = this.#options;
    // In another epoch beats begin anew.
    if (this.#epoch !== epoch) this.#membership.reset();
    this.#epoch = epoch;
    this.#beat = members.find(({ id }) => id === member)?.beat ?? this.#beat;
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
