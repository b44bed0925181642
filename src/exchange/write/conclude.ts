import type { Timers } from '../../clock.ts';
import type { WriteInFlight } from '../../coherence/in-flight.ts';
import type { Appended, LocalStep, Log, Note } from '../../coherence/log.ts';
import { difference, type Invalidation, isIncluded, type LogRecord, nothingCovered } from '../../coherence/record.ts';
import type { Coverage } from '../../coherence/tag.ts';
import {
  type Command,
  MAX_WAIT_MS,
  next,
  type Outcome,
  type WriteEvent,
  type WriteState,
} from '../../coherence/transaction.ts';

/** What concluding a write needs of others. */
export interface ConcludePorts {
  readonly log: Log;
  readonly timers: Timers;
  /** Other nodes write to the log, too. */
  readonly shared: boolean;
}

/** A write that was answered, and the records that it may come to. */
export interface ConcludingWrite {
  readonly inFlight: WriteInFlight;
  readonly note: Note | undefined;
  /** Its targets depend on what it read. */
  readonly selects: boolean;
  /** Something that it reads is in an open quarantine window. */
  readonly readsQuarantined: boolean;
  /** What its rules come to. `disturbed`: also those that ask for a change where there seems to be none. */
  own(disturbed: boolean): Promise<OwnRecord>;
  /** What its rules come to now that the conflicting writes are recorded. */
  complete(): Promise<Invalidation>;
  /** All that it may have changed, as far as is known. */
  noted(): Invalidation;
}

export interface OwnRecord {
  readonly invalidation: Invalidation;
  readonly local: LocalStep;
  /** Called once it is in the log. */
  made(appended: Appended): void;
}

/** Concludes a write as transaction.ts says. Resolves with its record when the answer may leave; undefined where it has none. */
export async function conclude(
  ports: ConcludePorts,
  write: ConcludingWrite,
  outcome: Outcome,
): Promise<LogRecord | undefined> {
  return await new Conclusion(ports, write).run(outcome);
}

/** Does what transaction.ts says, and tells it what came of that. */
class Conclusion {
  readonly #ports: ConcludePorts;
  readonly #write: ConcludingWrite;
  /** What the write's own record covers. */
  #covered: Coverage = nothingCovered;
  #record: LogRecord | undefined;
  /** What it has to wait for: on this node, and on others. */
  #pending: { readonly here: readonly Promise<void>[]; readonly onOtherNodes: readonly string[] } = {
    here: [],
    onOtherNodes: [],
  };

  constructor(ports: ConcludePorts, write: ConcludingWrite) {
    this.#ports = ports;
    this.#write = write;
  }

  async run(outcome: Outcome): Promise<LogRecord | undefined> {
    const { selects } = this.#write;
    const quarantined = this.#write.readsQuarantined;
    let event: WriteEvent = { type: 'answered', outcome, selects, quarantined };
    let state: WriteState = { phase: 'forwarded' };
    for (;;) {
      const step: { state: WriteState; command: Command } = next(state, event);
      state = step.state;
      if (step.command.do === 'release') return step.command.recorded ? this.#record : undefined;
      event = await this.#do(step.command, state);
    }
  }

  #do(command: Command, state: WriteState): Promise<WriteEvent> {
    switch (command.do) {
      case 'ask':
        return this.#ask();
      case 'wait':
        return this.#wait();
      case 'append':
        return command.what === 'own' ? this.#appendOwn(state) : this.#appendMore(command.what);
      default:
        throw new Error(`a write that has been answered cannot ${command.do}`);
    }
  }

  /** A node that is alone knows everything by itself. */
  async #ask(): Promise<WriteEvent> {
    const { log, shared } = this.#ports;
    const { inFlight, note } = this.#write;
    const here = inFlight.conflicting();
    const { known, writes } =
      shared && note !== undefined ? await log.conflicting(note, inFlight.probes) : { known: !shared, writes: [] };
    this.#pending = { here, onOtherNodes: writes };
    return { type: 'told', known, pending: here.length + writes.length, disturbed: inFlight.conflicted };
  }

  async #appendOwn(state: WriteState): Promise<WriteEvent> {
    const { inFlight, note } = this.#write;
    const { outcome, selects } = state as WriteState & { phase: 'answered' };
    const here = selects ? inFlight.conflicting() : [];
    const own = await this.#write.own(outcome === 'done' && selects && inFlight.conflicted);
    const waits = here.length > 0;
    // Whoever is told of it fetches what it names, and what it may lack until the conflicting writes are recorded.
    const announced = waits ? { ...own.invalidation, announcements: [] } : own.invalidation;
    const asks = selects ? { probes: inFlight.probes, keepsNote: waits } : {};
    const appended = await this.#ports.log.append(announced, { note, local: own.local, ...asks });
    inFlight.recorded();
    this.#covered = own.invalidation.coverage;
    this.#record = appended.record;
    own.made(appended);
    const { conflicting: onOtherNodes = [] } = appended;
    this.#pending = { here, onOtherNodes };
    return {
      type: 'appended',
      known: appended.applied && appended.conflicting !== undefined,
      pending: here.length + onOtherNodes.length,
      lacking: !isIncluded(inFlight.carriedOver().coverage, this.#covered),
      announced: !appended.held,
    };
  }

  async #appendMore(what: 'rest' | 'noted'): Promise<WriteEvent> {
    const { note } = this.#write;
    const { record } = await this.#ports.log.append(await this.#more(what), { note });
    this.#record ??= record;
    return { type: 'appended', known: true, pending: 0, lacking: false, announced: true };
  }

  async #more(what: 'rest' | 'noted'): Promise<Invalidation> {
    if (what === 'noted') return this.#write.noted();
    const { coverage, announcements } = await this.#write.complete();
    return { coverage: difference(coverage, this.#covered), announcements };
  }

  async #wait(): Promise<WriteEvent> {
    const { log, timers } = this.#ports;
    const { here, onOtherNodes } = this.#pending;
    const all = await new Promise<boolean>((resolve, reject) => {
      const cancel = timers.after(MAX_WAIT_MS, () => resolve(false));
      Promise.all([log.ended(onOtherNodes), ...here])
        .then(([seen]) => resolve(seen), reject)
        .finally(cancel);
    });
    return { type: 'ended', all };
  }
}
