import type { Filter } from './filter.ts';
import type { Subscribed } from './replay.ts';
import type { Rights } from './rights.ts';
import { Topic } from './topic.ts';
import { TopicIndex } from './topic-index.ts';

/** The subscribers by their topics. Undefined is the topic of those who are sent no events. */
export class Subscriptions {
  readonly topics = new TopicIndex();
  readonly #byTopic = new Map<Topic | undefined, Set<Subscribed>>();

  /**
   * Equal topics are one object.
   * @throws PatternError
   */
  topicOf(filter: Filter | undefined, rights: Rights): Topic | undefined {
    const wanted = filter && new Topic(filter, rights);
    return wanted && (this.topics.get(wanted.key) ?? wanted);
  }

  join(subscribed: Subscribed): void {
    const { topic } = subscribed;
    const subscriptions = this.#byTopic.get(topic) ?? new Set();
    if (subscriptions.size === 0) {
      if (topic !== undefined) this.topics.add(topic);
      this.#byTopic.set(topic, subscriptions);
    }
    subscriptions.add(subscribed);
  }

  /** False if it had left. */
  leave(subscribed: Subscribed): boolean {
    const { topic } = subscribed;
    const subscriptions = this.#byTopic.get(topic);
    if (subscriptions?.delete(subscribed) !== true) return false;
    if (subscriptions.size === 0) {
      this.#byTopic.delete(topic);
      if (topic !== undefined) this.topics.remove(topic);
    }
    return true;
  }

  of(topic: Topic): Iterable<Subscribed> {
    return this.#byTopic.get(topic) ?? [];
  }

  /** All of them, as they are now. */
  all(): Subscribed[] {
    return [...this.#byTopic.values()].flatMap((subscriptions) => [...subscriptions]);
  }
}
