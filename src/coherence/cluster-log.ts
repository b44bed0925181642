import { GatewayError } from '../errors.ts';
import { Acknowledgements } from './acknowledgements.ts';
import type { Batch, Entry, EpochMismatch, Member, Renewed, Seq } from './bus.ts';
import { type ClusterLogOptions, type ClusterStatus, stateOf } from './cluster-status.ts';
import { Commits } from './commits.ts';
import { askConflicting, type ConflictQueryOptions } from './conflict-query.ts';
import { ContactingBus } from './contact.ts';
import { successorOf } from './epoch.ts';
import { Evictions } from './evictions.ts';
import { GroupCommit } from './group-commit.ts';
import { Intents } from './intents.ts';
import { Lease, RENEWALS_PER_CHECK, RENEWALS_PER_LEASE, RETRY_SHARE, surelyOverMs } from './lease.ts';
import type { Appended, AppendOptions, Conflicting, Log, Note, NotedWrite, SharedTurn } from './log.ts';
import { Outbox, type OutboxParts } from './outbox.ts';
import { PositionWaiters } from './position-waiters.ts';
import { Publisher } from './publisher.ts';
import { type Invalidation, type LogRecord, type Position, recordOf } from './record.ts';
import { type SharedTurnParts, takeSharedTurn } from './shared-turns.ts';
import { Sleeper } from './sleeper.ts';
import { LogStanding } from './standing.ts';
import { parseToken, tokenFor } from './token.ts';
import { decodeRecord } from './wire-record.ts';
import type { Term } from './write-set.ts';

/** The log of a gateway of several nodes, over a bus that sequences for them (coherence.md, invariants 3 to 9). */
export class ClusterLog implements Log {
  readonly #options: ClusterLogOptions;
  readonly #steps: GroupCommit;
  readonly #lease: Lease;
  readonly #evictions: Evictions;
  readonly #commits: Commits;
  readonly #intents: Intents;
  readonly #publisher: Publisher;
  readonly #outbox: Outbox;
  readonly #acknowledgements: Acknowledgements;
  readonly #standing: LogStanding;
  /** The bus has forgotten this node's intents, or may have. */
  #forgotten = false;
  #renewals = 0;
  /** Resolves once this node renews no longer. */
  #renewed: Promise<void> = Promise.resolve();
  #stopped = false;
  readonly #sleeper: Sleeper;
  readonly #positionWaiters: PositionWaiters;
  readonly #parts: OutboxParts & ConflictQueryOptions & SharedTurnParts;
  /** Changes when this node becomes a member: for the first time, or again after it was evicted. */
  #membership = 0;

  constructor(options: ClusterLogOptions) {
    const { member, clock, timers, listener } = options;
    const bus = new ContactingBus(options.bus, () => this.#lease.holds(clock.monotonic(), clock.wall()));
    const steps = new GroupCommit({ bus, member, soon: options.soon });
    this.#options = { ...options, bus };
    this.#steps = steps;
    this.#standing = new LogStanding(options.leaseMs);
    this.#lease = options.lease ?? new Lease();
    this.#acknowledgements = new Acknowledgements(
      (applied) => steps.ack(this.epoch, applied),
      (answer) => {
        if (answer.ok) this.#commits.advanceTo(answer.committed);
        else this.epochMismatch(this.epoch, answer.epoch);
      },
    );
    this.#evictions = new Evictions({ bus, member, clock, membership: options.membership });
    this.#positionWaiters = new PositionWaiters(timers);
    this.#sleeper = new Sleeper(timers);
    this.#commits = new Commits(timers, clock.monotonic, (record) => listener.committed(record));
    this.#intents = new Intents(steps, member, clock);
    this.#publisher = new Publisher({
      publish: options.publish,
      timers,
      isOver: (epoch) => this.#standing.joined && this.epoch !== epoch,
    });
    this.#parts = {
      ...{ timers, mode: options.mode, steps, standing: this.#standing, commits: this.#commits },
      ...{ intents: this.#intents, publisher: this.#publisher, positionWaiters: this.#positionWaiters },
      epochMismatch: (sent, epoch) => this.epochMismatch(sent, epoch),
      ...{ membership: () => this.#membership, monotonic: clock.monotonic },
      holdsLease: () => this.#lease.holds(clock.monotonic(), clock.wall()),
      withdraw: (id) => this.withdraw({ id }),
    };
    this.#outbox = new Outbox(this.#options, this.#parts);
  }

  start(): void {
    this.#renewed = this.#renewing();
    void this.#reading();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#lease.void();
    this.#sleeper.wake();
    this.#commits.reset(this.#standing.applied);
    // Another node finishes what is left. It takes over once this node has been silent for a lease.
    const leaves = this.#standing.joined && this.#intents.size === 0 && !this.#outbox.unfinished;
    this.#outbox.stop();
    if (leaves) {
      // A member that leaves intents is not let go, nor is one that has renewed meanwhile.
      await Promise.all([this.#steps.drained(), this.#renewed]);
      // If this fails, the others evict it once its lease has surely run out.
      await this.#options.bus.evict(this.epoch, '', this.#evictions.self).catch(() => undefined);
    }
    this.#standing.stop();
  }

  get epoch(): string {
    return this.#standing.epoch;
  }

  get leaseMs(): number {
    return this.#standing.leaseMs;
  }

  append(invalidation: Invalidation, options: AppendOptions = {}): Promise<Appended> {
    return this.#outbox.append(invalidation, options);
  }

  async note(write: NotedWrite): Promise<Note> {
    const epoch = this.epoch;
    const { id, answer, cause } = await this.#intents.note(write, this.#standing.joined ? epoch : undefined);
    if (answer?.ok === false) this.epochMismatch(epoch, answer.epoch);
    // In another epoch the answer proves nothing: this node may have noted its intents there before this one existed.
    if (answer?.ok === true && this.#standing.joined && this.epoch === epoch) return { id };
    if (this.#options.onPartition === 'queue') return { id, unshared: true };
    // The bus may have received it all the same.
    this.#intents.withdraw(id, true);
    throw new GatewayError('uncoordinated', 'the write was not forwarded', { cause });
  }

  withdraw({ id }: Note): void {
    this.#intents.withdraw(id);
    if (this.#standing.joined) this.#sendWithdrawals();
  }

  abandon({ id }: Note): void {
    this.#outbox.abandon(id);
  }

  conflicting(note: Note, probes: ReadonlySet<Term>): Promise<Conflicting> {
    if (!this.#standing.joined) return Promise.resolve({ known: false, writes: [] });
    return askConflicting(this.#parts, note, probes);
  }

  turn(resource: string, waitMs: number): Promise<SharedTurn> {
    return takeSharedTurn(this.#parts, resource, waitMs);
  }

  ended(writes: readonly string[]): Promise<boolean> {
    return this.#intents.allEnded(writes);
  }

  serving(): boolean {
    const { clock } = this.#options;
    return this.#standing.joined && this.#lease.holds(clock.monotonic(), clock.wall()) && !this.#outbox.hasUndelivered;
  }

  /** Every record from before this node joined is published to the second tier: what is found there is not older. */
  get published(): boolean {
    return this.#standing.published;
  }

  /** Whether the bus still knows everything it told this node. Rejects if the bus cannot be reached. */
  async confirm(): Promise<boolean> {
    const epoch = this.epoch;
    const applied = this.#standing.applied;
    const answer = await this.#steps.ack(epoch, () => applied);
    if (!answer.ok) this.epochMismatch(epoch, answer.epoch);
    return answer.ok;
  }

  tokenOf({ id }: LogRecord): string {
    return tokenFor(id, this.epoch, this.#standing.applied);
  }

  reached(token: string, timeoutMs: number): Promise<boolean> {
    const at = parseToken(token);
    if (at === undefined || at.epoch !== this.epoch) return Promise.resolve(false);
    return this.#positionWaiters.wait(at.seq, this.#standing.applied, timeoutMs);
  }

  status(): ClusterStatus {
    return {
      state: stateOf({
        joined: this.#standing.joined,
        serving: this.serving(),
        hasUndelivered: this.#outbox.hasUndelivered,
        catchingUp: this.#lease.catchingUp,
      }),
      epoch: this.epoch,
      applied: this.#standing.applied,
      committed: this.#commits.committed,
      members: this.#evictions.members,
      intents: this.#intents.size,
      queued: this.#outbox.size,
      resets: this.#standing.joins,
      evictions: this.#evictions.count,
    };
  }

  positionOf(seq: Seq): Position {
    return this.#standing.positionOf(seq);
  }

  /** The bus is in another epoch than the step that was sent to it: `null` where it is in none. */
  epochMismatch(sent: string, epoch: string | null): void {
    if (sent !== this.epoch) return;
    // Remembers the epoch that was left: a bus that was set back to it, or before it, must not continue there.
    this.#leave(epoch ?? sent);
  }

  /** What this node holds is void. It serves nothing until it has joined again. */
  #leave(epoch?: string): void {
    this.#lease.void();
    this.#standing.leave(epoch);
    this.#acknowledgements.reset();
    this.#sleeper.wake();
  }

  async #renewing(): Promise<void> {
    while (!this.#stopped) {
      let restMs = this.leaseMs / RENEWALS_PER_LEASE;
      try {
        if (!(await this.#renew())) continue;
      } catch {
        restMs *= RETRY_SHARE * RENEWALS_PER_LEASE;
      }
      if (!this.#stopped) await this.#sleeper.sleep(restMs);
    }
  }

  /** Resolves false if the next renewal has to follow at once. */
  async #renew(): Promise<boolean> {
    const { bus, clock, member, nonce } = this.#options;
    const sentAt = clock.monotonic();
    const sentWall = clock.wall();
    const epoch = this.epoch;
    const generation = this.#standing.generation;
    this.#renewals += 1;
    const quarantines = this.#evictions.pending || !this.#standing.joined || this.#renewals % RENEWALS_PER_CHECK === 0;
    const answer = await bus.renew(epoch, {
      member,
      applied: this.#standing.joined ? this.#standing.applied : null,
      intentsFrom: this.#intents.from,
      recordsFrom: this.#outbox.from,
      quarantines,
    });
    if (answer.ok) this.#evictions.renewed(answer.members);
    if (answer.ok && answer.joined) this.#membership += 1;
    if (this.#stopped) return true;
    if (generation !== this.#standing.generation) return false;
    if (!answer.ok) {
      this.epochMismatch(epoch, answer.epoch);
      if (answer.epoch === null)
        await bus.createEpoch(successorOf(epoch, nonce()), Math.max(this.#options.leaseMs, this.leaseMs));
      return false;
    }
    const joining = !this.#standing.joined;
    if (!joining && answer.first > this.#standing.applied + 1 && answer.seq > this.#standing.applied) {
      // The records were trimmed before this node had read them.
      this.#leave();
      return false;
    }
    if (joining) this.#join(answer);
    this.#standing.renewed(answer);
    this.#lease.granted({ sentAt, sentWall, leaseMs: answer.leaseMs, seq: answer.seq }, this.#standing.applied);
    this.#commits.advanceTo(answer.committed);
    if (quarantines) this.#adopt(answer);
    this.#ack();
    this.#outbox.flush();
    this.#forgotten ||= joining || answer.joined;
    if (this.#forgotten) this.#forgotten = !(await this.#inSameEpoch((epoch) => this.#intents.noteAgain(epoch)));
    this.#sendWithdrawals();
    await this.#watch(answer.members);
    return true;
  }

  #join(answer: Renewed): void {
    const position = this.#standing.join(answer, this.#outbox.highest);
    this.#acknowledgements.reset();
    this.#commits.reset(answer.committed, surelyOverMs(answer.leaseMs));
    this.#intents.reset();
    const quarantines = answer.quarantines.map(({ seq, payload }) => ({
      ...decodeRecord(payload),
      position: this.positionOf(seq),
    }));
    this.#options.listener.reset(position, quarantines);
    const { caughtUp } = this.#options.listener;
    // Earlier records that are not committed yet are announced by the nodes that have applied them, not here. Records
    // of the epoch before may be announced nowhere, and another node may still serve what they cover.
    if (answer.committed < answer.seq) this.#commits.when(answer.seq, caughtUp);
    else if (this.#commits.barrierMs > 0) this.#commits.afterBarrier(caughtUp);
    this.#positionWaiters.reset();
    this.#outbox.joined();
    this.#sleeper.wake();
  }

  #adopt({ quarantines }: Renewed): void {
    this.#evictions.pending = false;
    this.#outbox.adopt(quarantines.filter(({ owner }) => owner === this.#options.member));
  }

  /** Not awaited: no renewal must be late for it. What fails stays to be withdrawn, and goes with the next renewal. */
  #sendWithdrawals(): void {
    this.#inSameEpoch((epoch) => this.#intents.sendWithdrawals(epoch)).catch(() => undefined);
  }

  /** Whether the bus made a step in the epoch that this node is in. */
  async #inSameEpoch(step: (epoch: string) => Promise<EpochMismatch | undefined>): Promise<boolean> {
    const epoch = this.epoch;
    const mismatch = await step(epoch);
    if (mismatch !== undefined) this.epochMismatch(epoch, mismatch.epoch);
    return mismatch === undefined;
  }

  async #watch(members: readonly Member[]): Promise<void> {
    const epoch = this.epoch;
    for await (const answer of this.#evictions.watch(members, { epoch, leaseMs: this.leaseMs })) {
      if (!answer.ok) return this.epochMismatch(epoch, answer.epoch);
      if (this.#standing.joined && this.epoch === epoch) this.#outbox.adopt(answer.orphans);
    }
  }

  async #reading(): Promise<void> {
    while (!this.#stopped) {
      if (!this.#standing.joined) {
        await this.#sleeper.sleep(this.leaseMs);
        continue;
      }
      const { epoch, generation } = this.#standing;
      try {
        const answer = await this.#options.bus.read(epoch, this.#standing.applied, this.#standing.note);
        if (this.#stopped || generation !== this.#standing.generation) continue;
        if (answer.ok) this.#receive(answer);
        else this.epochMismatch(epoch, answer.epoch);
      } catch {
        await this.#sleeper.sleep(this.leaseMs * RETRY_SHARE);
      }
    }
  }

  #receive({ entries, notes, note }: Batch): void {
    for (const entry of entries) {
      if (entry.seq <= this.#standing.applied) continue;
      // Sequence numbers are dense: a gap was trimmed.
      if (entry.seq > this.#standing.applied + 1) {
        this.#leave();
        return;
      }
      try {
        this.#apply(entry);
      } catch (error) {
        this.#options.failed(error);
        this.#leave();
        return;
      }
    }
    this.#standing.read(note);
    for (const each of notes) {
      if (each.kind === 'committed') this.#commits.advanceTo(each.seq);
      else this.#commits.when(each.kind === 'recorded' ? each.seq : 0, () => this.#intents.ended(each.intent));
    }
    this.#ack();
  }

  #apply({ seq, payload, ref, intent, again, foreign, held }: Entry): void {
    const { coverage, announcements, quarantine, quarantineMs, endsQuarantine, at } = decodeRecord(payload);
    const invalidation = {
      coverage,
      // A repeated record was announced the first time. A held one is announced by a second record.
      announcements: again === true || held === true ? [] : announcements,
      quarantine,
      quarantineMs,
      endsQuarantine: endsQuarantine === undefined ? undefined : this.positionOf(endsQuarantine),
    };
    const record = recordOf(invalidation, { position: this.positionOf(seq), id: `${this.epoch}-${seq}`, at });
    const local = ref === undefined ? undefined : this.#outbox.localStepOf(ref);
    local?.applying();
    const removed = this.#options.listener.applied(record);
    local?.applied(record);
    this.#standing.applying(seq);
    this.#lease.applied(seq);
    if (ref !== undefined) this.#outbox.applied(ref, seq, { record, removed, held: held === true });
    if (again === true) {
      // Its member is gone. Every node publishes the record, so that it is done even if some of them fail.
      const epoch = this.epoch;
      void this.#publisher.publish(record.coverage, epoch, seq, () => this.#options.bus.published(epoch, seq));
    }
    if (foreign === true) void this.#publisher.publish(record.coverage, this.epoch, seq);
    this.#commits.applied({ seq, record, dueAt: this.#options.clock.monotonic() + surelyOverMs(this.leaseMs) });
    if (intent !== undefined) this.#commits.when(seq, () => this.#intents.ended(intent));
    this.#positionWaiters.applied(seq);
  }

  #ack(): void {
    if (this.#standing.joined) void this.#acknowledgements.acknowledge(this.#standing.applied);
  }
}
