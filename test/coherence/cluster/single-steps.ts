import {
  type Append,
  type AppendResult,
  type Conflicts,
  type Contact,
  type IntentNote,
  noContact,
  type Seq,
  type Step,
  type StepResult,
} from '../../../src/coherence/bus.ts';
import { Sequencer } from '../../../src/coherence/sequencer.ts';

/** A sequencer, each step of which is a group of its own. */
export class SingleSteps extends Sequencer {
  append(epoch: string, member: string, append: Append, contact?: Contact): StepResult<AppendResult> {
    return this.#single(epoch, member, { kind: 'append', append }, contact);
  }

  ack(epoch: string, member: string, applied: Seq): StepResult<{ committed: Seq }> {
    return this.#single(epoch, member, { kind: 'ack', applied });
  }

  intend(epoch: string, member: string, note: IntentNote): StepResult {
    return this.#single(epoch, member, { kind: 'intend', note });
  }

  withdraw(epoch: string, intent: string): StepResult {
    return this.#single(epoch, memberOf(intent), { kind: 'withdraw', intent });
  }

  conflicting(epoch: string, intent: string, probes: string): StepResult<Conflicts> {
    return this.#single(epoch, memberOf(intent), { kind: 'conflicting', intent, probes });
  }

  #single<T>(epoch: string, member: string, step: Step, contact: Contact = noContact): StepResult<T> {
    const result = this.group(epoch, member, [step], contact);
    return result.ok ? { ok: true, ...(result.answers[0] as T) } : result;
  }
}

const memberOf = (intent: string): string => intent.slice(0, intent.lastIndexOf(':'));
