import { GatewayError } from '../errors.ts';
import { Acknowledgements } from './acknowledgements.ts';
import type { Batch, Entry, EpochMismatch, Member, Renewed, Seq } from './bus.ts';
import { type ClusterLogOptions, type ClusterStatus, stateOf } from './cluster-status.ts';
import { Commits } from './commits.ts';
import { askConflicting } from './conflict-query.ts';
import { ContactingBus } from './contact.ts';
import { successorOf } from './epoch.ts';
import { Evictions } from './evictions.ts';
import { Intents } from './intents.ts';
import { Lease, RENEWALS_PER_CHECK, RENEWALS_PER_LEASE, RETRY_SHARE, surelyOverMs } from './lease.ts';
import type { Appended, AppendOptions, Conflicting, Log, Note, NotedWrite } from './log.ts';
import { Outbox, type Standing } from './outbox.ts';
import { PositionWaiters } from './position-waiters.ts';
import { Publisher } from './publisher.ts';
import type { Invalidation, LogRecord, Position } from './record.ts';
import { Sleeper } from './sleeper.ts';
import { parseToken, tokenFor } from './token.ts';
import { decodeRecord } from './wire-record.ts';
import type { Term } from './write-set.ts';

/** The log of a gateway of several nodes, over a bus that sequences for them (coherence.md, invariants 3 to 9). */
export class ClusterLog implements Log, Standing {
  readonly #options: ClusterLogOptions;
  readonly #lease: Lease;
  readonly #evictions: Evictions;
  readonly #commits: Commits;
  readonly #intents: Intents;
  readonly #publisher: Publisher;
  readonly #outbox: Outbox;
  readonly #acknowledgements: Acknowledgements;
  #epoch = '';
  #joined = false;
  /** Counts the times that this node lost its place: what was asked before is answered to somebody else. */
  #generation = 0;
  #leaseMs: number;
  #applied: Seq = 0;
  /** The last record before this node joined, and whether all up to it are known to the second tier. */
  #behind: { readonly seq: Seq; known: boolean } = { seq: 0, known: false };
  #note = 0;
  #base: Position = 0;
  #lastPosition: Position = 0;
  /** The bus has, or may have, forgotten the intents of this node. */
  #forgotten = false;
  #renewals = 0;
  #stopped = false;
  readonly #sleeper: Sleeper;
  readonly #positionWaiters: PositionWaiters;
  #resets = 0;

  constructor(options: ClusterLogOptions) {
    const { member, clock, timers, listener } = options;
    const bus = new ContactingBus(options.bus, () => this.#lease.holds(clock.monotonic(), clock.wall()));
    this.#options = { ...options, bus };
    this.#leaseMs = options.leaseMs;
    this.#lease = options.lease ?? new Lease();
    this.#acknowledgements = new Acknowledgements(
      (applied) => bus.ack(this.#epoch, member, applied),
      (answer) => {
        if (answer.ok) this.#commits.reach(answer.committed);
        else this.epochMismatch(this.#epoch, answer.epoch);
      },
    );
    this.#evictions = new Evictions({ bus, member, clock, membership: options.membership });
    this.#positionWaiters = new PositionWaiters(timers);
    this.#sleeper = new Sleeper(timers);
    this.#commits = new Commits(timers, clock.monotonic, (record) => listener.committed(record));
    this.#intents = new Intents(bus, member, clock);
    this.#publisher = new Publisher({
      publish: options.publish,
      timers,
      isOver: (epoch) => this.#joined && this.#epoch !== epoch,
    });
    const parts = { commits: this.#commits, intents: this.#intents, publisher: this.#publisher };
    this.#outbox = new Outbox(this.#options, { standing: this, ...parts });
  }

  start(): void {
    void this.#renewing();
    void this.#reading();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#lease.void();
    this.#sleeper.wake();
    this.#commits.reset(this.#applied);
    // What it leaves behind is for another node to finish, which takes it over when this one has been silent for a lease.
    const leaves = this.#joined && this.#intents.size === 0 && !this.#outbox.unfinished;
    this.#outbox.stop();
    if (leaves) await this.#options.bus.evict(this.#epoch, '', this.#evictions.self).catch(() => undefined);
    this.#joined = false;
  }

  get epoch(): string {
    return this.#epoch;
  }

  get joined(): boolean {
    return this.#joined;
  }

  get generation(): number {
    return this.#generation;
  }

  get appliedSeq(): Seq {
    return this.#applied;
  }

  get leaseMs(): number {
    return this.#leaseMs;
  }

  append(invalidation: Invalidation, options: AppendOptions = {}): Promise<Appended> {
    return this.#outbox.append(invalidation, options);
  }

  async note(write: NotedWrite): Promise<Note> {
    const epoch = this.#epoch;
    const { id, answer, cause } = await this.#intents.note(write, this.#joined ? epoch : undefined);
    if (answer?.ok === false) this.epochMismatch(epoch, answer.epoch);
    // In another epoch it is noted again when this node joins: which it may have done, and has to do, before now.
    if (answer?.ok === true && this.#joined && this.#epoch === epoch) return { id };
    if (this.#options.onPartition === 'queue') return { id };
    // The bus may have it all the same.
    this.#intents.withdraw(id, true);
    throw new GatewayError('uncoordinated', undefined, { cause });
  }

  withdraw({ id }: Note): void {
    this.#intents.withdraw(id);
    // Where this is lost, it is said again after the next renewal.
    if (this.#joined) this.#isSame((epoch) => this.#intents.leave(epoch)).catch(() => undefined);
  }

  abandon({ id }: Note): void {
    this.#outbox.abandon(id);
  }

  conflicting(note: Note, probes: ReadonlySet<Term>): Promise<Conflicting> {
    if (!this.#joined) return Promise.resolve({ known: false, writes: [] });
    const { bus, timers, mode } = this.#options;
    const parts = { bus, timers, mode, commits: this.#commits, positionWaiters: this.#positionWaiters };
    return askConflicting(parts, this, note, probes);
  }

  ended(writes: readonly string[]): Promise<boolean> {
    return this.#intents.allEnded(writes);
  }

  serving(): boolean {
    const { clock } = this.#options;
    return this.#joined && this.#lease.holds(clock.monotonic(), clock.wall()) && !this.#outbox.hasUndelivered;
  }

  /** Every record behind the place where this node joined is known to the second tier: what is found there is not older. */
  get published(): boolean {
    return this.#joined && this.#behind.known;
  }

  /** Whether the bus still knows all that this node was told. Rejects where it cannot be asked. */
  async confirm(): Promise<boolean> {
    const epoch = this.#epoch;
    const answer = await this.#options.bus.ack(epoch, this.#options.member, this.#applied);
    if (!answer.ok) this.epochMismatch(epoch, answer.epoch);
    return answer.ok;
  }

  tokenOf({ id }: LogRecord): string {
    return tokenFor(id, this.#epoch, this.#applied);
  }

  reached(token: string, timeoutMs: number): Promise<boolean> {
    const at = parseToken(token);
    if (at === undefined || at.epoch !== this.#epoch) return Promise.resolve(false);
    return this.#positionWaiters.wait(at.seq, this.#applied, timeoutMs);
  }

  status(): ClusterStatus {
    return {
      state: stateOf(this, this.#outbox.hasUndelivered, this.#lease.catchingUp),
      epoch: this.#epoch,
      applied: this.#applied,
      committed: this.#commits.committed,
      members: this.#evictions.members,
      intents: this.#intents.size,
      queued: this.#outbox.size,
      resets: this.#resets,
      evictions: this.#evictions.count,
    };
  }

  positionOf(seq: Seq): Position {
    return this.#base + seq;
  }

  failed(error: unknown): void {
    this.#options.failed(error);
  }

  epochMismatch(sent: string, epoch: string | null): void {
    if (sent !== this.#epoch) return;
    // The epoch that was left is remembered: a bus that was set back to it, or behind it, may not have it go on.
    this.#epoch = epoch ?? sent;
    this.#leavePlace();
  }

  /** What this node holds is void: it serves nothing until it has joined anew. */
  #leavePlace(): void {
    this.#lease.void();
    this.#joined = false;
    this.#generation += 1;
    this.#acknowledgements.reset();
    this.#sleeper.wake();
  }

  async #renewing(): Promise<void> {
    while (!this.#stopped) {
      let restMs = this.#leaseMs / RENEWALS_PER_LEASE;
      try {
        if (!(await this.#renew())) continue;
      } catch {
        restMs *= RETRY_SHARE * RENEWALS_PER_LEASE;
      }
      if (!this.#stopped) await this.#sleeper.sleep(restMs);
    }
  }

  /** False: there is something to be done at once. */
  async #renew(): Promise<boolean> {
    const { bus, clock, member, nonce } = this.#options;
    const sentAt = clock.monotonic();
    const sentWall = clock.wall();
    const epoch = this.#epoch;
    const generation = this.#generation;
    this.#renewals += 1;
    const quarantines = this.#evictions.pending || !this.#joined || this.#renewals % RENEWALS_PER_CHECK === 0;
    const answer = await bus.renew(epoch, {
      member,
      applied: this.#joined ? this.#applied : null,
      intentsFrom: this.#intents.from,
      recordsFrom: this.#outbox.from,
      quarantines,
    });
    if (this.#stopped) return true;
    if (generation !== this.#generation) return false;
    if (!answer.ok) {
      this.epochMismatch(epoch, answer.epoch);
      if (answer.epoch === null)
        await bus.createEpoch(successorOf(epoch, nonce()), Math.max(this.#options.leaseMs, this.#leaseMs));
      return false;
    }
    this.#leaseMs = answer.leaseMs;
    const joining = !this.#joined;
    if (!joining && answer.first > this.#applied + 1 && answer.seq > this.#applied) {
      // Trimmed away before they were read.
      this.#leavePlace();
      return false;
    }
    if (joining) this.#join(answer);
    this.#behind.known ||= answer.unpublished > this.#behind.seq;
    this.#lease.granted({ sentAt, sentWall, leaseMs: answer.leaseMs, seq: answer.seq }, this.#applied);
    this.#commits.reach(answer.committed);
    if (quarantines) this.#adopt(answer);
    this.#ack();
    this.#outbox.flush();
    this.#forgotten ||= joining || answer.joined;
    if (this.#forgotten) await this.#noteAgain();
    await this.#isSame((epoch) => this.#intents.leave(epoch));
    await this.#watch(answer.members);
    return true;
  }

  #join(answer: Renewed): void {
    const position = Math.max(this.#lastPosition, this.#outbox.highest) + 1;
    this.#base = position - answer.seq;
    this.#lastPosition = position;
    this.#applied = answer.seq;
    this.#acknowledgements.reset();
    this.#behind = { seq: answer.seq, known: false };
    this.#note = answer.note;
    this.#joined = true;
    this.#resets += 1;
    this.#commits.reset(answer.committed);
    this.#intents.reset();
    const quarantines = answer.quarantines.map(({ seq, payload }) => ({
      position: this.positionOf(seq),
      coverage: decodeRecord(payload).coverage,
    }));
    this.#options.listener.reset(position, quarantines);
    // What was appended before, and is not committed yet, is announced by those who have applied it: not here.
    if (answer.committed < answer.seq) this.#commits.when(answer.seq, () => this.#options.listener.caughtUp());
    this.#positionWaiters.reset();
    this.#outbox.joined();
    this.#sleeper.wake();
  }

  #adopt({ quarantines }: Renewed): void {
    this.#evictions.pending = false;
    this.#outbox.adopt(quarantines.filter(({ owner }) => owner === this.#options.member));
  }

  async #noteAgain(): Promise<void> {
    if (await this.#isSame((epoch) => this.#intents.noteAgain(epoch))) this.#forgotten = false;
  }

  /** Whether a step was made in the epoch that this node is in. */
  async #isSame(step: (epoch: string) => Promise<EpochMismatch | undefined>): Promise<boolean> {
    const epoch = this.#epoch;
    const mismatch = await step(epoch);
    if (mismatch !== undefined) this.epochMismatch(epoch, mismatch.epoch);
    return mismatch === undefined;
  }

  async #watch(members: readonly Member[]): Promise<void> {
    const epoch = this.#epoch;
    for await (const answer of this.#evictions.watch(members, { epoch, leaseMs: this.#leaseMs })) {
      if (!answer.ok) return this.epochMismatch(epoch, answer.epoch);
      if (this.#joined && this.#epoch === epoch) this.#outbox.adopt(answer.orphans);
    }
  }

  async #reading(): Promise<void> {
    while (!this.#stopped) {
      if (!this.#joined) {
        await this.#sleeper.sleep(this.#leaseMs);
        continue;
      }
      const epoch = this.#epoch;
      const generation = this.#generation;
      try {
        const answer = await this.#options.bus.read(epoch, this.#applied, this.#note);
        if (this.#stopped || generation !== this.#generation) continue;
        if (answer.ok) this.#receive(answer);
        else this.epochMismatch(epoch, answer.epoch);
      } catch {
        await this.#sleeper.sleep(this.#leaseMs * RETRY_SHARE);
      }
    }
  }

  #receive({ entries, notes, note }: Batch): void {
    for (const entry of entries) {
      if (entry.seq <= this.#applied) continue;
      // Dense: a gap is what was trimmed.
      if (entry.seq > this.#applied + 1) {
        this.#leavePlace();
        return;
      }
      try {
        this.#apply(entry);
      } catch (error) {
        this.#options.failed(error);
        this.#leavePlace();
        return;
      }
    }
    this.#note = note;
    for (const each of notes) {
      if (each.kind === 'committed') this.#commits.reach(each.seq);
      else this.#intents.ended(each.intent);
    }
    this.#ack();
  }

  #apply({ seq, payload, ref, intent, again, foreign, held }: Entry): void {
    const { endsQuarantine, announcements, ...rest } = decodeRecord(payload);
    const position = this.positionOf(seq);
    const record: LogRecord = {
      ...rest,
      // What is repeated was announced the first time; what is held will be by a second record.
      announcements: again === true || held === true ? [] : announcements,
      ...(endsQuarantine !== undefined && { endsQuarantine: this.positionOf(endsQuarantine) }),
      position,
      id: `${this.#epoch}-${seq}`,
    };
    const local = ref === undefined ? undefined : this.#outbox.localStepOf(ref);
    local?.applying();
    const removed = this.#options.listener.applied(record);
    local?.applied(record);
    this.#applied = seq;
    this.#lastPosition = position;
    this.#lease.applied(seq);
    if (ref !== undefined) this.#outbox.applied(ref, seq, { record, removed, held: held === true });
    if (again === true) {
      // For a member that is gone. All do it, so that it is done.
      const epoch = this.#epoch;
      void this.#publisher.known(record.coverage, epoch, seq, () => this.#options.bus.published(epoch, seq));
    }
    if (foreign === true) void this.#publisher.known(record.coverage, this.#epoch, seq);
    this.#commits.applied({ seq, record, dueAt: this.#options.clock.monotonic() + surelyOverMs(this.#leaseMs) });
    if (intent !== undefined) this.#commits.when(seq, () => this.#intents.ended(intent));
    this.#positionWaiters.applied(seq);
  }

  #ack(): void {
    if (this.#joined) void this.#acknowledgements.acknowledge(this.#applied);
  }
}
