import type { Bus, Step, StepAnswer } from '../../src/coherence/bus.ts';
import { BusOver } from '../../src/coherence/bus-over.ts';
import { Sequencer } from '../../src/coherence/sequencer.ts';

/* What may go wrong with steps that share a group (src/coherence/group-commit.ts). */

/** Of each group, it appends the first record only. */
export class SequencerThatLosesTheSecond extends Sequencer {
  #appends = 0;
  #seq = 0;

  override group(...args: Parameters<Sequencer['group']>): ReturnType<Sequencer['group']> {
    this.#appends = 0;
    return super.group(...args);
  }

  protected override make(...args: Parameters<Sequencer['make']>): ReturnType<Sequencer['make']> {
    if (args[0].kind === 'append') this.#appends += 1;
    if (args[0].kind === 'append' && this.#appends > 1)
      return { kind: 'append', seq: this.#seq, conflicting: [], held: false };
    const answer = super.make(...args);
    if (answer.kind === 'append') this.#seq = answer.seq;
    return answer;
  }
}

/** Acknowledges what it reads before its node has applied it. */
export class BusThatAcknowledgesEarly extends BusOver {
  #member = '';

  override group(...args: Parameters<Bus['group']>): ReturnType<Bus['group']> {
    this.#member = args[1];
    return this.bus.group(...args);
  }

  override async read(...args: Parameters<Bus['read']>): ReturnType<Bus['read']> {
    const answer = await this.bus.read(...args);
    const last = answer.ok ? answer.entries.at(-1) : undefined;
    if (last !== undefined) await this.bus.group(args[0], this.#member, [{ kind: 'ack', applied: last.seq }]);
    return answer;
  }
}

/** The answers of a group are others. */
export class BusWithAnswers extends BusOver {
  readonly #alter: (answers: readonly StepAnswer[], steps: readonly Step[]) => readonly StepAnswer[];

  constructor(bus: Bus, alter: (answers: readonly StepAnswer[], steps: readonly Step[]) => readonly StepAnswer[]) {
    super(bus);
    this.#alter = alter;
  }

  override async group(...args: Parameters<Bus['group']>): ReturnType<Bus['group']> {
    const result = await this.bus.group(...args);
    return result.ok ? { ok: true, answers: this.#alter(result.answers, args[2]) } : result;
  }
}

/** What failed alone is taken for made. */
export function noFailures(answers: readonly StepAnswer[], steps: readonly Step[]): readonly StepAnswer[] {
  return answers.map((answer, i) => {
    if (answer.kind !== 'failed') return answer;
    const { kind = 'withdraw' } = steps[i] ?? {};
    if (kind === 'append') return { kind, seq: 1, conflicting: [], held: false };
    return kind === 'intend' ? { kind } : answer;
  });
}
