import type { Topic } from './topic.ts';
import { Prepared } from './wire.ts';

/**
 * How something of this gateway stands: an origin, say. It is no event of the log: it has no id, and is not held for
 * those who resume. Instead, whoever begins to ask for its tag is told how it stands.
 */
export interface Signal {
  readonly type: string;
  readonly tag: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Wall clock. */
  readonly at: number;
}

export interface Told {
  readonly tag: string;
  readonly bytes: Prepared;
  /** Whether it has changed since the gateway began. */
  readonly isNews: boolean;
}

/** The latest signal of each tag. */
export class Signals {
  readonly #latest = new Map<string, Told>();

  set(signal: Signal, isNews: boolean): Told {
    const { type, tag } = signal;
    const frame = frameOf(signal);
    const told = { tag, isNews, bytes: new Prepared((wire) => wire.event({ id: undefined, type, frame })) };
    this.#latest.set(tag, told);
    return told;
  }

  get all(): readonly Told[] {
    return [...this.#latest.values()];
  }

  /**
   * What the subscribers of a topic are told when they begin, or come from another one. Those who ask for everything
   * are not told of what has never changed.
   */
  for(topic: Topic | undefined, before?: Topic): Told[] {
    if (topic === undefined) return [];
    return this.all.filter(
      ({ tag, isNews }) => (isNews || !topic.isAll) && topic.showsTag(tag) && before?.showsTag(tag) !== true,
    );
  }
}

/** As an event without an id. Nobody's request is its cause. */
function frameOf({ type, tag, payload, at }: Signal): Buffer {
  const cause = { method: 'NONE', path: tag, rule: null };
  const data = { paths: [], tags: [tag], cause, payload, at: new Date(at).toISOString() };
  return Buffer.from(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}
