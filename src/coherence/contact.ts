import type { Bus, Contact, Seq, Step, StepAnswer, StepResult } from './bus.ts';
import { BusOver } from './bus-over.ts';

/**
 * The bus as one member sees it. Each step that reports the member's position, or appends a record, also carries what
 * the bus has told the member before. The first such step exposes a bus that was set back, before it commits anything.
 */
export class ContactingBus extends BusOver {
  readonly #held: () => boolean;
  #number = 0;
  #epoch = '';
  #answered = 0;
  #seq: Seq = 0;
  /** The last record that was read. */
  #read: { readonly epoch: string; readonly seq: Seq; readonly ref: string } = { epoch: '', seq: 0, ref: '' };

  constructor(bus: Bus, held: () => boolean) {
    super(bus);
    this.#held = held;
  }

  override renew(...[epoch, asked]: Parameters<Bus['renew']>): ReturnType<Bus['renew']> {
    const { epoch: readIn, seq, ref } = this.#read;
    const renewal = { ...asked, appliedRef: epoch === readIn && asked.applied === seq ? ref : '' };
    return this.#contact(
      epoch,
      (contact) => this.bus.renew(epoch, renewal, contact),
      (answer) => answer.seq,
    );
  }

  override group(...[epoch, member, steps]: Parameters<Bus['group']>): ReturnType<Bus['group']> {
    return this.#contact(
      epoch,
      (contact) => this.bus.group(epoch, member, steps, contact),
      ({ answers }) => highestSeq(steps, answers),
    );
  }

  override async read(...args: Parameters<Bus['read']>): ReturnType<Bus['read']> {
    const answer = await this.bus.read(...args);
    const last = answer.ok ? answer.entries.at(-1) : undefined;
    if (last !== undefined) this.#read = { epoch: args[0], seq: last.seq, ref: last.ref ?? '' };
    return answer;
  }

  async #contact<T>(
    epoch: string,
    step: (contact: Contact) => Promise<StepResult<T>>,
    seqOf: (answer: T) => Seq,
  ): Promise<StepResult<T>> {
    const number = ++this.#number;
    const known = epoch === this.#epoch;
    const answer = await step({
      number,
      answered: known ? this.#answered : 0,
      seq: known ? this.#seq : 0,
      held: this.#held(),
    });
    if (answer.ok) this.#told(epoch, number, seqOf(answer));
    return answer;
  }

  #told(epoch: string, number: number, seq: Seq): void {
    if (epoch !== this.#epoch) {
      // A late answer from an epoch that this node has left.
      if (number < this.#answered) return;
      this.#epoch = epoch;
      this.#answered = 0;
      this.#seq = 0;
    }
    this.#answered = Math.max(this.#answered, number);
    this.#seq = Math.max(this.#seq, seq);
  }
}

/** The highest `seq` that the bus has named, or has taken for an acknowledged one. */
function highestSeq(steps: readonly Step[], answers: readonly StepAnswer[]): Seq {
  let highest = 0;
  for (const [i, answer] of answers.entries()) {
    const step = steps[i];
    if (answer.kind === 'append' || answer.kind === 'conflicting') highest = Math.max(highest, answer.seq);
    else if (answer.kind === 'ack' && step?.kind === 'ack') highest = Math.max(highest, step.applied);
  }
  return highest;
}
