import type { Soon } from '../clock.ts';
import type {
  Append,
  AppendResult,
  Bus,
  Conflicts,
  EpochMismatch,
  IntentNote,
  Seq,
  Step,
  StepAnswer,
  StepResult,
} from './bus.ts';

/**
 * Bounds of one group: a sequencer makes its steps at once, and nobody else is answered meanwhile. What is beyond them
 * goes with the next group. A group has one step at least, however long it is.
 */
export const groupBounds = {
  steps: 256,
  characters: 256 * 1024,
} as const;

/**
 * How many groups may fail while a step waits to be sent. Then it fails, too: if the bus hangs, a writer must not wait
 * for the timeout of one group after the other.
 */
const MOST_FAILURES = 2;

type Kind = Step['kind'];
type AnswerTo<K extends Kind> = Extract<StepAnswer, { readonly kind: K }>;

/**
 * The steps of one member. Each rejects when the bus cannot be reached; the bus may have made the step all the same.
 */
export interface MemberSteps {
  append(epoch: string, append: Append): Promise<StepResult<AppendResult>>;
  intend(epoch: string, note: IntentNote): Promise<StepResult>;
  /** Notes an intent and asks, with no step of another member in between, which others post one of `probes`. */
  queue(epoch: string, note: IntentNote, probes: string): Promise<StepResult<Conflicts>>;
  withdraw(epoch: string, intent: string): Promise<StepResult>;
  conflicting(epoch: string, intent: string, probes: string): Promise<StepResult<Conflicts>>;
  /** @param applied asked when the step is sent */
  ack(epoch: string, applied: () => Seq): Promise<StepResult<{ readonly committed: Seq }>>;
}

interface Waiting {
  readonly epoch: string;
  readonly characters: number;
  /** Sent together, and made without a step of another member in between. */
  readonly steps: () => readonly Step[];
  answered(answers: readonly StepAnswer[] | EpochMismatch): void;
  failed(error: unknown): void;
  /** Groups that failed while it waited. */
  failures: number;
}

export interface GroupCommitOptions {
  readonly bus: Pick<Bus, 'group'>;
  readonly member: string;
  /** When a group leaves. Steps of several writes often come in one turn of the event loop. Default: at once. */
  readonly soon?: Soon | undefined;
}

/**
 * Group commit: the steps of one member share round trips. A step that comes while none is under way is sent in the
 * same turn of the event loop. What comes during a round trip waits, and goes together in the next one, in the order in
 * which it came.
 */
export class GroupCommit implements MemberSteps {
  readonly #options: GroupCommitOptions;
  #waiting: Waiting[] = [];
  #sending = false;
  #drained: (() => void)[] = [];

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  append(epoch: string, append: Append): Promise<StepResult<AppendResult>> {
    const { payload, probes, posts = '' } = append;
    return this.#step(epoch, payload.length + probes.length + posts.length, () => [{ kind: 'append', append }]);
  }

  intend(epoch: string, note: IntentNote): Promise<StepResult> {
    return this.#step(epoch, note.payload.length + note.posts.length, () => [{ kind: 'intend', note }]);
  }

  queue(epoch: string, note: IntentNote, probes: string): Promise<StepResult<Conflicts>> {
    const { id: intent, payload, posts } = note;
    const steps = [
      { kind: 'intend', note },
      { kind: 'conflicting', intent, probes },
    ] as const;
    return this.#step<'conflicting'>(epoch, payload.length + posts.length + probes.length, () => steps);
  }

  withdraw(epoch: string, intent: string): Promise<StepResult> {
    return this.#step(epoch, 0, () => [{ kind: 'withdraw', intent }]);
  }

  conflicting(epoch: string, intent: string, probes: string): Promise<StepResult<Conflicts>> {
    return this.#step(epoch, probes.length, () => [{ kind: 'conflicting', intent, probes }]);
  }

  ack(epoch: string, applied: () => Seq): Promise<StepResult<{ readonly committed: Seq }>> {
    return this.#step(epoch, 0, () => [{ kind: 'ack', applied: applied() }]);
  }

  /** Resolves once no step waits, or is under way. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#sending) this.#drained.push(resolve);
      else resolve();
    });
  }

  /** Resolves with the answer to the last of the steps. */
  #step<K extends Kind>(
    epoch: string,
    characters: number,
    steps: () => readonly [...Step[], Extract<Step, { readonly kind: K }>],
  ): Promise<StepResult<AnswerTo<K>>> {
    return new Promise((resolve, reject) => {
      const answered = (answers: readonly StepAnswer[] | EpochMismatch): void => {
        const failed = 'ok' in answers ? undefined : answers.find((answer) => answer.kind === 'failed');
        if ('ok' in answers) resolve(answers);
        else if (failed !== undefined) reject(new Error(failed.reason));
        else resolve({ ok: true, ...(answers.at(-1) as AnswerTo<K>) });
      };
      this.#waiting.push({ epoch, characters, steps, answered, failed: reject, failures: 0 });
      if (!this.#sending) this.#sendSoon();
    });
  }

  #sendSoon(): void {
    this.#sending = true;
    const { soon = (run): void => run() } = this.#options;
    soon(() => void this.#send(this.#next()));
  }

  /** The steps that go together: those that came first, and are of one epoch. */
  #next(): Waiting[] {
    const { epoch } = this.#waiting[0] as Waiting;
    let characters = 0;
    const over = this.#waiting.findIndex((each, i) => {
      characters += each.characters;
      return each.epoch !== epoch || i >= groupBounds.steps || (i > 0 && characters > groupBounds.characters);
    });
    return this.#waiting.splice(0, over < 0 ? this.#waiting.length : over);
  }

  async #send(group: readonly Waiting[]): Promise<void> {
    const { epoch } = group[0] as Waiting;
    try {
      const made = group.map(({ steps }) => steps());
      const { bus, member } = this.#options;
      const result = await bus.group(epoch, member, made.flat());
      let at = 0;
      for (const [i, { answered, failed }] of group.entries()) {
        const count = (made[i] as readonly Step[]).length;
        const answers = result.ok ? result.answers.slice(at, at + count) : result;
        at += count;
        if ('ok' in answers || answers.length === count) answered(answers);
        else failed(new Error('the bus did not answer the step'));
      }
    } catch (error) {
      // The bus may have made all of them, or none.
      for (const { failed } of group) failed(error);
      this.#failLongWaiting(error);
    }
    this.#sending = this.#waiting.length > 0;
    if (this.#sending) return this.#sendSoon();
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #failLongWaiting(error: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      each.failures += 1;
      if (each.failures < MOST_FAILURES) this.#waiting.push(each);
      else each.failed(error);
    }
  }
}
