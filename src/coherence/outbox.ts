import type { Clock, Timers } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Append, Bus, Appended as BusAppended, OpenQuarantine, Seq } from './bus.ts';
import type { Commits } from './commits.ts';
import type { Intents } from './intents.ts';
import { surelyOverMs } from './lease.ts';
import type { Appended, AppendOptions } from './log.ts';
import { OpenQuarantines } from './open-quarantines.ts';
import type { PendingAppend } from './pending-append.ts';
import type { Publisher } from './publisher.ts';
import { everything, type Invalidation, type LogRecord, type Position } from './record.ts';
import { charactersOf } from './record-size.ts';
import { encodeRecord } from './wire-record.ts';
import { encodeTerms } from './write-set.ts';

/** Records that wait for the bus. Beyond them, one record that covers everything stands for all further ones. */
const MAX_WAITING = 10_000;
/** Characters of their names: a batch may name thousands of things. */
const MAX_WAITING_CHARACTERS = 32_000_000;

export interface OutboxOptions {
  readonly bus: Bus;
  readonly member: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly mode: 'strict' | 'eventual';
  readonly onPartition: 'reject' | 'queue';
  /** How long a write waits for its record to reach the bus. Its client is then told that it is not known. */
  readonly confirmMs: number;
  readonly quarantineMs: number;
  /** Records that may wait for the bus. */
  readonly maxWaiting?: number;
  readonly maxWaitingCharacters?: number;
}

/** What the outbox needs to know of the node's standing in the log. */
export interface Standing {
  readonly epoch: string;
  readonly joined: boolean;
  readonly leaseMs: number;
  /** Counts the times that this node lost its standing: ends of other writes may have been missed since. */
  readonly generation: number;
  readonly appliedSeq: Seq;
  positionOf(seq: Seq): Position;
  epochMismatch(sent: string, epoch: string | null): void;
  failed(error: unknown): void;
}

interface Surroundings {
  readonly standing: Standing;
  readonly commits: Commits;
  readonly intents: Intents;
  readonly publisher: Publisher;
}

/** The records of this node on their way into the log, and what their writers wait for. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #standing: Standing;
  readonly #commits: Commits;
  readonly #intents: Intents;
  readonly #publisher: Publisher;
  readonly #pending = new Map<string, PendingAppend>();
  /** Numbers of those that the second tier does not know yet. */
  readonly #unpublished = new Set<number>();
  readonly #quarantines: OpenQuarantines;
  #overflow: PendingAppend | undefined;
  #stopped = false;
  #sent = 0;
  #undelivered = 0;
  /** Of the records that are pending. */
  #characters = 0;

  constructor(options: OutboxOptions, { standing, commits, intents, publisher }: Surroundings) {
    this.#options = options;
    this.#standing = standing;
    this.#commits = commits;
    this.#intents = intents;
    this.#publisher = publisher;
    this.#quarantines = new OpenQuarantines({
      ...{ timers: options.timers, quarantineMs: options.quarantineMs, failed: this.#failed },
      epoch: () => standing.epoch,
      positionOf: (seq) => standing.positionOf(seq),
      append: (invalidation) => this.append(invalidation, {}),
    });
  }

  /** Writes were acknowledged that no other node knows of: this one may not serve what it holds. */
  get hasUndelivered(): boolean {
    return this.#undelivered > 0;
  }

  /** There is something that only this node, or who takes over from it, can finish. */
  get unfinished(): boolean {
    return this.#quarantines.size > 0 || this.#pending.size > 0 || this.#publisher.unfinished;
  }

  /** The highest position by which a writer may know its record. */
  get highest(): Position {
    let highest = this.#quarantines.highest;
    for (const { progress } of this.#pending.values()) {
      if (progress.at === 'placed') highest = Math.max(highest, progress.position);
    }
    return highest;
  }

  /** The lowest number that may still have to be sent, or made known to the second tier. */
  get from(): number {
    const [first] = this.#pending.values();
    return Math.min(first?.number ?? this.#sent + 1, ...this.#unpublished);
  }

  get size(): number {
    return this.#pending.size;
  }

  append(invalidation: Invalidation, options: AppendOptions): Promise<Appended> {
    if (this.#isFull) return this.#overflown(invalidation, options);
    return new Promise((resolve, reject) => {
      const pending = this.#post(invalidation, options, { resolve, reject });
      pending.cancels.push(this.#options.timers.after(this.#options.confirmMs, () => this.#unconfirmed(pending)));
      void this.#send(pending);
    });
  }

  get #isFull(): boolean {
    const { maxWaiting = MAX_WAITING, maxWaitingCharacters = MAX_WAITING_CHARACTERS } = this.#options;
    return this.#pending.size >= maxWaiting || this.#characters >= maxWaitingCharacters;
  }

  /** Nobody waits for it. */
  appendBehind(invalidation: Invalidation, options: AppendOptions): void {
    void this.#send(this.#post(invalidation, options, undefined));
  }

  #post(invalidation: Invalidation, options: AppendOptions, writer: PendingAppend['writer']): PendingAppend {
    this.#sent += 1;
    const { epoch, appliedSeq: seq } = this.#standing;
    const pending: PendingAppend = {
      ref: `${this.#options.member}:${this.#sent}`,
      number: this.#sent,
      invalidation,
      at: new Date(this.#options.clock.wall()).toISOString(),
      notes: options.note === undefined ? [] : [options.note.id],
      probes: options.probes === undefined ? '' : encodeTerms(options.probes),
      keepsNote: options.keepsNote === true,
      asOf: { epoch, seq },
      local: options.local,
      progress: { at: 'waiting' },
      applied: undefined,
      writer,
      asking: false,
      committed: false,
      publishing: false,
      undelivered: false,
      cancels: [],
    };
    this.#pending.set(pending.ref, pending);
    this.#characters += charactersOf(invalidation);
    return pending;
  }

  /** Too many wait: one record stands for all further ones. What has left may be in the log already, before this write. */
  #overflown(invalidation: Invalidation, { note }: AppendOptions): Promise<Appended> {
    const { onPartition, clock } = this.#options;
    let pending = this.#overflow;
    if (pending === undefined || pending.progress.at !== 'waiting') {
      pending = this.#post(
        { coverage: everything, announcements: [], quarantine: true, quarantineMs: 0 },
        {},
        undefined,
      );
      this.#overflow = pending;
    }
    // Its quarantine ends when the last of theirs does.
    const quarantineMs = Math.max(
      pending.invalidation.quarantineMs ?? 0,
      invalidation.quarantineMs ?? 0,
      this.#options.quarantineMs,
    );
    pending.invalidation = { ...pending.invalidation, quarantineMs };
    if (note !== undefined) pending.notes.push(note.id);
    if (onPartition === 'reject') return Promise.reject(new GatewayError('unconfirmed'));
    this.#markUndelivered(pending);
    const { endsQuarantine: _, ...rest } = invalidation;
    const record = { ...rest, position: this.#standing.positionOf(0), at: new Date(clock.wall()).toISOString() };
    return Promise.resolve({ record, removed: 0, applied: false, held: false, conflicting: undefined });
  }

  /** The bus can be reached: sends what waits for it. */
  flush(): void {
    for (const pending of this.#pending.values()) void this.#send(pending);
  }

  /** What the writer of one of ours does when it is applied here. */
  localStepOf(ref: string): AppendOptions['local'] {
    return this.#pending.get(ref)?.local;
  }

  /** One of ours has come down the log. */
  applied(ref: string, seq: Seq, applied: { record: LogRecord; removed: number; held: boolean }): void {
    const pending = this.#pending.get(ref);
    if (pending === undefined) return;
    pending.applied = applied;
    if (pending.progress.at !== 'placed') this.#placed(pending, this.#standing.epoch, { seq, held: applied.held });
    void this.#publish(pending);
    if (this.#options.mode === 'eventual' || pending.writer === undefined) this.#finish(pending);
  }

  /** This node has joined with nothing in memory: what had been appended is effective here. */
  joined(): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.progress.at !== 'placed') continue;
      if (this.#options.mode === 'eventual' || pending.writer === undefined) this.#finish(pending);
    }
    this.#quarantines.renew();
    this.flush();
  }

  /** Indeterminate records that this node has taken over from one that is gone. */
  adopt(orphans: readonly OpenQuarantine[]): void {
    this.#quarantines.adopt(orphans);
  }

  stop(): void {
    this.#stopped = true;
    this.#publisher.stop();
    for (const pending of [...this.#pending.values()]) {
      for (const cancel of pending.cancels) cancel();
      pending.writer?.reject(new GatewayError('unconfirmed'));
    }
    this.#pending.clear();
    this.#characters = 0;
  }

  /** Of what is appended for nobody. When this node stops, another takes it over. */
  readonly #failed = (error: unknown): void => {
    if (!this.#stopped) this.#standing.failed(error);
  };

  async #send(pending: PendingAppend): Promise<void> {
    if (pending.progress.at !== 'waiting') return;
    if (!this.#standing.joined) return this.#delayed(pending);
    const { bus, member } = this.#options;
    const { epoch, generation } = this.#standing;
    const append = this.#write(pending, epoch);
    pending.progress = { at: 'sending', ends: append.endsQuarantine };
    pending.asking = true;
    try {
      const answer = await bus.append(epoch, member, append);
      if (answer.ok) this.#placed(pending, epoch, answer, generation);
      else this.#standing.epochMismatch(epoch, answer.epoch);
    } catch {
      // The bus is out of reach: the renewals say so, and say when it is back.
    } finally {
      pending.asking = false;
    }
    if (pending.committed) this.#finish(pending);
    if (isPlaced(pending)) return;
    pending.progress = { at: 'waiting' };
    this.#delayed(pending);
  }

  #write({ invalidation, at, ref, notes, probes, keepsNote, asOf }: PendingAppend, epoch: string): Append {
    const { endsQuarantine, ...rest } = invalidation;
    const seq = this.#quarantines.seqOf(endsQuarantine, epoch);
    const ends = seq === undefined ? {} : { endsQuarantine: seq };
    const [intent] = notes;
    return {
      payload: encodeRecord({ ...rest, ...ends, at }),
      ref,
      quarantine: invalidation.quarantine === true,
      ...ends,
      ...(intent !== undefined && { intent }),
      ...{ probes, kept: keepsNote, asOf: asOf.epoch === epoch ? asOf.seq : 0 },
    };
  }

  #delayed(pending: PendingAppend): void {
    if (this.#options.onPartition === 'reject' || pending.writer === undefined) return;
    this.#markUndelivered(pending);
    this.#release(pending);
  }

  #markUndelivered(pending: PendingAppend): void {
    if (!pending.undelivered) this.#undelivered += 1;
    pending.undelivered = true;
  }

  #unconfirmed(pending: PendingAppend): void {
    if (isPlaced(pending) || pending.writer === undefined) return;
    pending.writer.reject(new GatewayError('unconfirmed'));
    pending.writer = undefined;
  }

  #placed(
    pending: PendingAppend,
    epoch: string,
    { seq, held, conflicting }: { seq: Seq; held: boolean } & Partial<BusAppended>,
    generation = this.#standing.generation,
  ): void {
    const position = this.#standing.positionOf(seq);
    const { invalidation, progress } = pending;
    if (progress.at === 'placed') {
      if (progress.conflicting === undefined && progress.seq === seq)
        pending.progress = { ...progress, conflicting, generation };
      // This node was thought dead between two attempts, so that both were taken. Nobody else knows of the second.
      const twice = progress.seq !== seq || progress.epoch !== epoch;
      if (twice && invalidation.quarantine === true) this.#quarantines.endLater(position, { epoch, seq }, invalidation);
      return;
    }
    const ends = progress.at === 'sending' ? progress.ends : undefined;
    pending.progress = { at: 'placed', epoch, seq, position, held, conflicting, generation };
    for (const id of pending.notes) {
      if (!held) this.#intents.drop(id);
      // Its writer was told that it is not known: nobody would make the second record.
      else if (pending.writer === undefined) this.abandon(id);
    }
    if (invalidation.endsQuarantine !== undefined) this.#quarantines.ended(invalidation, epoch, ends);
    if (invalidation.quarantine === true) {
      // Where its writer was answered before, it knows no position whose quarantine it could end.
      if (pending.writer === undefined) this.#quarantines.endLater(position, { epoch, seq }, invalidation);
      else this.#quarantines.add(position, { epoch, seq }, invalidation);
    }
    this.#awaitCommit(pending, { epoch, seq });
  }

  #awaitCommit(pending: PendingAppend, { epoch, seq }: { epoch: string; seq: Seq }): void {
    const finish = (): void => this.#finish(pending);
    // Every lease that could be used without having applied the record was given before now.
    const overdue = (): void => {
      if (this.#standing.epoch === epoch) this.#commits.reach(seq);
      finish();
    };
    pending.cancels.push(this.#options.timers.after(surelyOverMs(this.#standing.leaseMs), overdue));
    if (this.#standing.epoch !== epoch) return;
    if (this.#options.mode === 'strict' && pending.writer !== undefined) this.#commits.when(seq, finish);
  }

  /** Makes an indeterminate record of what was noted: its writer is gone. */
  abandon(id: string): void {
    const record = this.#intents.recordOf(id);
    if (record !== undefined && !this.#stopped) this.appendBehind(record, { note: { id } });
  }

  /** From when nobody on this node can be given what it covers, since that would be before it is known. */
  async #publish(pending: PendingAppend): Promise<void> {
    const { number, progress, invalidation } = pending;
    if (pending.publishing || progress.at !== 'placed') return;
    pending.publishing = true;
    this.#unpublished.add(number);
    if (await this.#publisher.known(invalidation.coverage, progress.epoch, progress.seq))
      this.#unpublished.delete(number);
  }

  #finish(pending: PendingAppend): void {
    pending.committed = true;
    if (pending.asking && pending.writer !== undefined) return;
    for (const cancel of pending.cancels) cancel();
    void this.#publish(pending);
    if (this.#pending.delete(pending.ref)) this.#characters -= charactersOf(pending.invalidation);
    if (pending.undelivered) this.#undelivered -= 1;
    pending.undelivered = false;
    this.#release(pending);
  }

  #release(pending: PendingAppend): void {
    const { writer, invalidation, at, applied, progress } = pending;
    pending.writer = undefined;
    const { endsQuarantine, ...rest } = invalidation;
    const place = progress.at === 'placed' ? progress : undefined;
    const position = place?.position ?? this.#standing.positionOf(0);
    // The position by which it is known here, though this node may have joined anew before it came down the log.
    const record = (applied && { ...applied.record, position }) ?? {
      ...rest,
      position,
      at,
      ...(place !== undefined && { id: `${place.epoch}-${place.seq}` }),
    };
    writer?.resolve({
      record,
      removed: applied?.removed ?? 0,
      applied: applied !== undefined,
      held: place?.held ?? pending.keepsNote,
      conflicting: place?.generation === this.#standing.generation ? place.conflicting : undefined,
    });
  }
}

/** A function, as the compiler does not know that it changes while something is awaited. */
function isPlaced({ progress }: PendingAppend): boolean {
  return progress.at === 'placed';
}
