import type { Member } from './bus.ts';
import { surelyOverMs } from './lease.ts';

/**
 * Finds members that have been silent for so long that their lease has surely run out. This node's own clock measures
 * it, from when it first saw the member's last beat. No other code may remove a member.
 */
export class Membership {
  #seen = new Map<string, { beat: number; since: number }>();

  observe(members: readonly Member[], now: number, leaseMs: number): Member[] {
    const seen = new Map<string, { beat: number; since: number }>();
    const silent: Member[] = [];
    for (const member of members) {
      const before = this.#seen.get(member.id);
      const since = before?.beat === member.beat ? before.since : now;
      seen.set(member.id, { beat: member.beat, since });
      if (now - since > surelyOverMs(leaseMs)) silent.push(member);
    }
    this.#seen = seen;
    return silent;
  }

  get ids(): string[] {
    return [...this.#seen.keys()];
  }

  /** Beats start again in another epoch. */
  reset(): void {
    this.#seen.clear();
  }
}
