import type { Event } from './event.ts';
import { eventFrame, eventIn } from './frame.ts';
import type { HeldEvent } from './held-event.ts';
import type { Topic } from './topic.ts';
import { Prepared } from './wire.ts';

/** The frames of one event: those for all who may see the whole, and those for each topic that may see a part. */
export class FramesOf {
  readonly #held: HeldEvent;
  readonly #whole: Prepared;
  #event: Event | undefined;

  constructor(held: HeldEvent) {
    this.#held = held;
    this.#whole = new Prepared((wire) => wire.event(held));
  }

  /** Undefined if the topic's subscribers must not know of the event. */
  for(topic: Topic): Prepared | undefined {
    if (topic.rights.grant === undefined) return this.#whole;
    this.#event ??= eventIn(this.#held.frame);
    const seen = topic.view(this.#event);
    if (seen === undefined) return undefined;
    const { id, type } = this.#held;
    const frame = eventFrame(seen);
    return new Prepared((wire) => wire.event({ id, type, frame }));
  }
}
