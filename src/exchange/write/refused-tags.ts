import type { Clock } from '../../clock.ts';

/** How often tags that no stored response here has given may invalidate one resource: anybody can make tags up. */
const QUIET_MS = 1_000;
/** How many resources are remembered for that time: a flood of made-up tags makes at most that many records in it. */
const MAX_RESOURCES = 1_000;

/** Which resources have been invalidated lately because of a tag that may be another node's, or made up. */
export class RefusedTags {
  readonly #clock: Clock;
  /** Resource → when it was invalidated. The oldest first. */
  readonly #invalidated = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the resource may be invalidated now. It is then remembered. */
  take(resource: string): boolean {
    const now = this.#clock.monotonic();
    for (const [each, at] of this.#invalidated) {
      if (now - at < QUIET_MS) break;
      this.#invalidated.delete(each);
    }
    if (this.#invalidated.has(resource) || this.#invalidated.size >= MAX_RESOURCES) return false;
    this.#invalidated.set(resource, now);
    return true;
  }
}
