import { type Clock, isoTime, type Timers } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Whole } from '../whole.ts';
import type { Append, AppendResult, OpenQuarantine, Seq } from './bus.ts';
import type { Commits } from './commits.ts';
import type { MemberSteps } from './group-commit.ts';
import type { Intents } from './intents.ts';
import { surelyOverMs } from './lease.ts';
import type { Appended, AppendOptions } from './log.ts';
import { OpenQuarantines } from './open-quarantines.ts';
import { isPlaced, type PendingAppend } from './pending-append.ts';
import type { Publisher } from './publisher.ts';
import { everything, type Invalidation, type LogRecord, type Position, recordOf } from './record.ts';
import { charactersOf } from './record-size.ts';
import type { LogStanding } from './standing.ts';
import { encodeRecord, type WireRecord } from './wire-record.ts';
import { encodeTerms, nothingKnown, recordTerms, type TagKnowledge } from './write-set.ts';

/** Records that wait for the bus. Beyond it, one record that covers everything replaces all further ones. */
const MAX_WAITING = 10_000;
/** Characters of their names: a batch may name thousands of things. */
const MAX_WAITING_CHARACTERS = 32_000_000;

export interface OutboxOptions {
  readonly member: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly mode: 'strict' | 'eventual';
  readonly onPartition: 'reject' | 'queue';
  /** How long a write waits for its record to reach the bus. Then its client is told that the write is unconfirmed. */
  readonly confirmMs: number;
  readonly quarantineMs: number;
  /** Without it, a record that names tags conflicts with every write. */
  readonly knowledge?: TagKnowledge;
  /** Records that may wait for the bus. */
  readonly maxWaiting?: number;
  readonly maxWaitingCharacters?: number;
  /** Reports a failure that no writer waits for. */
  failed(error: unknown): void;
}

export interface OutboxParts {
  readonly steps: MemberSteps;
  readonly standing: LogStanding;
  readonly commits: Commits;
  readonly intents: Intents;
  readonly publisher: Publisher;
  /** The bus is in another epoch than the step that was sent to it. */
  epochMismatch(sent: string, epoch: string | null): void;
}

/** This node's records on their way into the log, and the writers that wait for them. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #steps: MemberSteps;
  readonly #standing: LogStanding;
  readonly #commits: Commits;
  readonly #intents: Intents;
  readonly #publisher: Publisher;
  readonly #epochMismatch: OutboxParts['epochMismatch'];
  readonly #pending = new Map<string, PendingAppend>();
  /** Numbers of the records that are not published to the second tier yet. */
  readonly #unpublished = new Set<number>();
  readonly #quarantines: OpenQuarantines;
  #overflow: PendingAppend | undefined;
  #stopped = false;
  #sent = 0;
  #undelivered = 0;
  /** Of the records that are pending. */
  #characters = 0;

  constructor(options: OutboxOptions, { steps, standing, commits, intents, publisher, epochMismatch }: OutboxParts) {
    this.#options = options;
    this.#steps = steps;
    this.#standing = standing;
    this.#commits = commits;
    this.#intents = intents;
    this.#publisher = publisher;
    this.#epochMismatch = epochMismatch;
    this.#quarantines = new OpenQuarantines({
      ...{ timers: options.timers, quarantineMs: options.quarantineMs, failed: this.#failed },
      epoch: () => standing.epoch,
      positionOf: (seq) => standing.positionOf(seq),
      append: (invalidation) => this.append(invalidation, {}),
    });
  }

  /** Writes were acknowledged whose records no other node has. This node must not serve what it holds. */
  get hasUndelivered(): boolean {
    return this.#undelivered > 0;
  }

  /** Work is left that only this node, or the one that takes over from it, can finish. */
  get unfinished(): boolean {
    return this.#quarantines.size > 0 || this.#pending.size > 0 || this.#publisher.unfinished;
  }

  /** The highest position that a writer may know its record by. */
  get highest(): Position {
    let highest = this.#quarantines.highest;
    for (const { progress } of this.#pending.values()) {
      if (progress.at === 'placed') highest = Math.max(highest, progress.position);
    }
    return highest;
  }

  /** The lowest number that may still have to be sent, or published to the second tier. */
  get from(): number {
    const [first] = this.#pending.values();
    let lowest = first?.number ?? this.#sent + 1;
    for (const number of this.#unpublished) lowest = Math.min(lowest, number);
    return lowest;
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

  /** Appends a record that no writer waits for. */
  appendBehind(invalidation: Invalidation, options: AppendOptions): void {
    void this.#send(this.#post(invalidation, options, undefined));
  }

  #post(invalidation: Invalidation, options: AppendOptions, writer: PendingAppend['writer']): PendingAppend {
    this.#sent += 1;
    const { epoch, applied: seq } = this.#standing;
    const pending: PendingAppend = {
      ref: `${this.#options.member}:${this.#sent}`,
      number: this.#sent,
      invalidation,
      at: isoTime(this.#options.clock.wall()),
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

  /**
   * Too many records wait: one that covers everything replaces all further ones. Once sent it may precede this write in
   * the log, so then another one is made.
   */
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
    // Its quarantine ends when the last of theirs would have.
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
    const record = { ...rest, position: this.#standing.positionOf(0), at: isoTime(clock.wall()) };
    return Promise.resolve({ record, removed: 0, applied: false, held: false, conflicting: undefined });
  }

  /** The bus can be reached: sends the waiting records. */
  flush(): void {
    for (const pending of this.#pending.values()) void this.#send(pending);
  }

  /** The local step of one of this node's records. */
  localStepOf(ref: string): AppendOptions['local'] {
    return this.#pending.get(ref)?.local;
  }

  /** One of this node's records has come down the log. */
  applied(ref: string, seq: Seq, applied: { record: LogRecord; removed: number; held: boolean }): void {
    const pending = this.#pending.get(ref);
    if (pending === undefined) return;
    pending.applied = applied;
    if (pending.progress.at !== 'placed') this.#placed(pending, this.#standing.epoch, { seq, held: applied.held });
    void this.#publish(pending);
    if (this.#options.mode === 'eventual' || pending.writer === undefined) this.#finish(pending);
  }

  /** This node has joined with an empty memory, so the records that are in the log are effective here. */
  joined(): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.progress.at !== 'placed') continue;
      if (this.#options.mode === 'eventual' || pending.writer === undefined) this.#finish(pending);
    }
    this.#quarantines.renew();
    this.flush();
  }

  /** Takes over indeterminate records from a member that is gone. */
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

  /** Reports a failed append that no writer waits for. After a stop, another node takes the record over. */
  readonly #failed = (error: unknown): void => {
    if (!this.#stopped) this.#options.failed(error);
  };

  async #send(pending: PendingAppend): Promise<void> {
    if (pending.progress.at !== 'waiting') return;
    if (!this.#standing.joined) return this.#delayed(pending);
    const { epoch, generation } = this.#standing;
    // Behind the barrier, other nodes may not have noted their writes again. A second record covers all that this write
    // may have changed: asking later would find writes that wait for this one.
    const isBarred = this.#commits.barrierMs > 0;
    const append = this.#write(pending, epoch, isBarred);
    pending.progress = { at: 'sending', ends: append.endsQuarantine };
    pending.asking = true;
    try {
      const answer = await this.#steps.append(epoch, append);
      if (answer.ok)
        this.#placed(pending, epoch, isBarred ? { seq: answer.seq, held: answer.held } : answer, generation);
      else this.#epochMismatch(epoch, answer.epoch);
    } catch {
      // The bus cannot be reached. The renewals report it, and call `flush` when it is back.
    } finally {
      pending.asking = false;
    }
    if (pending.committed) this.#finish(pending);
    if (isPlaced(pending)) return;
    pending.progress = { at: 'waiting' };
    this.#delayed(pending);
  }

  #write(pending: PendingAppend, epoch: string, isBarred: boolean): Append {
    const { invalidation, at, ref, notes, probes, keepsNote, asOf } = pending;
    const { coverage, announcements, quarantine, quarantineMs } = invalidation;
    const endsQuarantine = this.#quarantines.seqOf(invalidation.endsQuarantine, epoch);
    const record: Whole<WireRecord> = { coverage, announcements, quarantine, quarantineMs, endsQuarantine, at };
    return {
      payload: encodeRecord(record),
      ref,
      quarantine: quarantine === true,
      endsQuarantine,
      intent: notes[0],
      probes,
      hold: keepsNote || (isBarred && probes !== ''),
      asOf: asOf.epoch === epoch ? asOf.seq : 0,
      posts: encodeTerms(recordTerms(coverage, this.#options.knowledge ?? nothingKnown)),
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
    { seq, held, conflicting }: { seq: Seq; held: boolean } & Partial<AppendResult>,
    generation = this.#standing.generation,
  ): void {
    const position = this.#standing.positionOf(seq);
    const { invalidation, progress } = pending;
    if (progress.at === 'placed') {
      if (progress.conflicting === undefined && progress.seq === seq)
        pending.progress = { ...progress, conflicting, generation };
      // This node was evicted between two attempts, so the bus took both. No writer knows of the second record.
      const isSecond = progress.seq !== seq || progress.epoch !== epoch;
      if (isSecond && invalidation.quarantine === true)
        this.#quarantines.endLater(position, { epoch, seq }, invalidation);
      return;
    }
    const ends = progress.at === 'sending' ? progress.ends : undefined;
    pending.progress = { at: 'placed', epoch, seq, position, held, conflicting, generation };
    for (const id of pending.notes) {
      if (!held) this.#intents.drop(id);
      // Its writer was told `unconfirmed` and will not make the second record.
      else if (pending.writer === undefined) this.abandon(id);
      else this.#intents.recorded(id);
    }
    if (invalidation.endsQuarantine !== undefined) this.#quarantines.ended(invalidation, epoch, ends);
    if (invalidation.quarantine === true) {
      // A writer that was answered before knows no position whose quarantine it could end.
      if (pending.writer === undefined) this.#quarantines.endLater(position, { epoch, seq }, invalidation);
      else this.#quarantines.add(position, { epoch, seq }, invalidation);
    }
    this.#awaitCommit(pending, { epoch, seq });
  }

  #awaitCommit(pending: PendingAppend, { epoch, seq }: { epoch: string; seq: Seq }): void {
    const finish = (): void => this.#finish(pending);
    // A node that has not applied the record can only hold a lease granted before now.
    const overdue = (): void => {
      if (this.#standing.epoch === epoch) this.#commits.advanceTo(seq);
      finish();
    };
    pending.cancels.push(this.#options.timers.after(surelyOverMs(this.#standing.leaseMs), overdue));
    if (this.#standing.epoch !== epoch) return;
    if (this.#options.mode === 'strict' && pending.writer !== undefined) this.#commits.when(seq, finish);
  }

  /** Makes an indeterminate record of an intent whose writer has given up. */
  abandon(id: string): void {
    const record = this.#intents.recordOf(id);
    if (record !== undefined && !this.#stopped) this.appendBehind(record, { note: { id } });
  }

  /** Publishes the record to the second tier. Called once no client of this node can be sent what it covers. */
  async #publish(pending: PendingAppend): Promise<void> {
    const { number, progress, invalidation } = pending;
    if (pending.publishing || progress.at !== 'placed') return;
    pending.publishing = true;
    this.#unpublished.add(number);
    if (await this.#publisher.publish(invalidation.coverage, progress.epoch, progress.seq))
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
    if (writer === undefined) return;
    const place = progress.at === 'placed' ? progress : undefined;
    const position = place?.position ?? this.#standing.positionOf(0);
    const id = place && `${place.epoch}-${place.seq}`;
    // The position that the writer knows. This node may have joined again before the record came down the log.
    const record =
      applied === undefined ? recordOf(invalidation, { position, id, at }) : { ...applied.record, position };
    writer.resolve({
      record,
      removed: applied?.removed ?? 0,
      applied: applied !== undefined,
      held: place?.held ?? pending.keepsNote,
      conflicting: place?.generation === this.#standing.generation ? place.conflicting : undefined,
    });
  }
}
