import type { Timers } from '../../clock.ts';
import type { WriteInFlight } from '../../coherence/in-flight.ts';
import type { Appended, Conflicting, LocalStep, Log, Note } from '../../coherence/log.ts';
import { difference, type Invalidation, isIncluded, type LogRecord, nothingCovered } from '../../coherence/record.ts';
import type { Coverage } from '../../coherence/tag.ts';
import {
  type Command,
  MAX_WAIT_MS,
  type Outcome,
  type Transaction,
  type WriteEvent,
  type WriteState,
} from '../../coherence/transaction.ts';

/** What concluding a write depends on. */
export interface ConcludePorts {
  readonly log: Log;
  readonly timers: Timers;
  /** Other nodes also write to the log. */
  readonly shared: boolean;
}

/** An answered write and the records that may be made for it. */
export interface ConcludingWrite {
  /** It has been forwarded. */
  readonly transaction: Transaction;
  readonly inFlight: WriteInFlight;
  readonly note: Note | undefined;
  /** Its targets depend on representations that it read. */
  readonly selects: boolean;
  /** Something that it reads is in quarantine. */
  readonly readsQuarantined: boolean;
  /** The record of its rules. `disturbed`: a write conflicted, so rules that found no change apply as well. */
  own(disturbed: boolean): Promise<OwnRecord>;
  /** The invalidation of its rules, computed again after the conflicting writes have been recorded. */
  complete(): Promise<CompletedRecord>;
  /** Everything that it may have changed, as noted before it was forwarded. */
  noted(): Invalidation;
}

export interface CompletedRecord {
  readonly invalidation: Invalidation;
  /** Called when the record is in the log. */
  made(appended: Appended): void;
}

export interface OwnRecord extends CompletedRecord {
  readonly local: LocalStep;
}

/**
 * Concludes a write as the state machine in coherence/transaction.ts prescribes. Resolves when the answer may be sent,
 * with the write's record, or undefined if it has none.
 */
export async function conclude(
  ports: ConcludePorts,
  write: ConcludingWrite,
  outcome: Outcome,
): Promise<LogRecord | undefined> {
  return await new Conclusion(ports, write).run(outcome);
}

/** Carries out the commands of transaction.ts and feeds the results back to it. */
class Conclusion {
  readonly #ports: ConcludePorts;
  readonly #write: ConcludingWrite;
  /** The coverage of the write's own record. */
  #covered: Coverage = nothingCovered;
  #record: LogRecord | undefined;
  /** The conflicting writes to wait for, on this node and on others. */
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
    for (;;) {
      const command: Command = this.#write.transaction.take(event);
      if (command.do === 'release') return command.recorded ? this.#record : undefined;
      event = await this.#do(command);
    }
  }

  #do(command: Command): Promise<WriteEvent> {
    switch (command.do) {
      case 'ask':
        return this.#ask(command.withdraws);
      case 'wait':
        return this.#wait();
      case 'append':
        return command.what === 'own' ? this.#appendOwn() : this.#appendMore(command.what);
      default:
        throw new Error(`an answered write cannot ${command.do}`);
    }
  }

  /** Finds the conflicting writes. A single node knows them all; otherwise the log is asked. */
  async #ask(withdraws: boolean): Promise<WriteEvent> {
    const { log, shared } = this.#ports;
    const { inFlight, note } = this.#write;
    if (withdraws) {
      inFlight.recorded();
      if (note !== undefined) log.withdraw(note);
    }
    const here = inFlight.conflicting();
    const { known, writes } =
      shared && note !== undefined ? await log.conflicting(note, inFlight.probes) : { known: !shared, writes: [] };
    this.#pending = { here, onOtherNodes: writes };
    const pending = here.length + writes.length;
    const quarantined = this.#write.readsQuarantined;
    return { type: 'told', known, pending, disturbed: inFlight.conflicted, quarantined };
  }

  async #appendOwn(): Promise<WriteEvent> {
    const { inFlight, note, transaction } = this.#write;
    const { outcome, selects } = transaction.state as WriteState & { phase: 'answered' };
    const own = await this.#write.own(outcome === 'done' && selects && inFlight.conflicted);
    // Only now: a write may have changed what `own` has looked up since this one was answered.
    const here = selects ? inFlight.conflicting() : [];
    // A record may have been applied since `own` was made.
    const lacks = selects && !isIncluded(inFlight.carriedOver().coverage, own.invalidation.coverage);
    const keepsNote = here.length > 0 || lacks;
    // Subscribers refetch on an announcement. It waits until the record has the targets of the conflicting writes, too.
    const announced = keepsNote ? { ...own.invalidation, announcements: [] } : own.invalidation;
    const { local } = own;
    const asked = selects ? { note, local, probes: inFlight.probes, keepsNote } : { note, local };
    const appended = await this.#ports.log.append(announced, asked);
    inFlight.recorded();
    this.#covered = own.invalidation.coverage;
    this.#record = appended.record;
    own.made(appended);
    const { known, writes } = await this.#conflictingWith(appended);
    this.#pending = { here, onOtherNodes: writes };
    return {
      type: 'appended',
      known,
      pending: here.length + writes.length,
      lacking: !isIncluded(inFlight.carriedOver().coverage, this.#covered),
      announced: !appended.held,
    };
  }

  /** Those that the log has named with the record. It is asked again where the record came before that answer. */
  async #conflictingWith({ applied, conflicting }: Appended): Promise<Conflicting> {
    const { log, shared } = this.#ports;
    const { inFlight, note, selects } = this.#write;
    if (conflicting !== undefined) return { known: applied, writes: conflicting };
    if (!applied || !selects || !shared || note === undefined) return { known: false, writes: [] };
    return await log.conflicting(note, inFlight.probes);
  }

  async #appendMore(what: 'rest' | 'noted'): Promise<WriteEvent> {
    const { note } = this.#write;
    const { invalidation, made } = await this.#more(what);
    const appended = await this.#ports.log.append(invalidation, { note });
    made(appended);
    this.#record ??= appended.record;
    return { type: 'appended', known: true, pending: 0, lacking: false, announced: true };
  }

  async #more(what: 'rest' | 'noted'): Promise<CompletedRecord> {
    if (what === 'noted') return { invalidation: this.#write.noted(), made: () => {} };
    const { invalidation, made } = await this.#write.complete();
    if (invalidation.quarantine === true) return { invalidation, made };
    return { invalidation: { ...invalidation, coverage: difference(invalidation.coverage, this.#covered) }, made };
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
