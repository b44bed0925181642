import type { Event } from './event.ts';
import { eventFrame, eventIn } from './frame.ts';
import type { HeldEvent } from './history.ts';
import type { Topic } from './topic.ts';

/** The frames of one event: one for all who may see the whole, and one for each topic that may see a part. */
export class FramesOf {
  readonly #held: HeldEvent;
  #event: Event | undefined;

  constructor(held: HeldEvent) {
    this.#held = held;
  }

  /** Undefined if the topic's subscribers must not know of the event. */
  for(topic: Topic): Buffer | undefined {
    if (topic.rights.grant === undefined) return this.#held.frame;
    this.#event ??= eventIn(this.#held.frame);
    const seen = topic.view(this.#event);
    return seen && eventFrame(seen);
  }
}
