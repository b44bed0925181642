import type { Clock, Timers } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Append, Bus, OpenDoubt, Seq } from './bus.ts';
import type { Commits } from './commits.ts';
import type { Intents } from './intents.ts';
import { surelyOverMs } from './lease.ts';
import type { Letter, OwnDoubt } from './letter.ts';
import type { AppendOptions, Committed } from './log.ts';
import type { Publisher } from './publisher.ts';
import { everything, type Invalidation, type LogRecord, type Position } from './record.ts';
import { decodeRecord, encodeRecord } from './wire-record.ts';

/** Records that wait for the bus. Beyond them, one record that hits everything stands for all further ones. */
const MAX_WAITING = 10_000;

export interface OutboxOptions {
  readonly bus: Bus;
  readonly member: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly mode: 'strict' | 'eventual';
  readonly onPartition: 'reject' | 'queue';
  /** How long a write waits for its record to reach the bus. Its client is then told that it is not known. */
  readonly confirmMs: number;
  readonly settleMs: number;
  /** Records that may wait for the bus. */
  readonly maxWaiting?: number;
}

/** What the outbox needs to know of the node's place in the log. */
export interface Place {
  readonly epoch: string;
  readonly joined: boolean;
  readonly leaseMs: number;
  positionOf(seq: Seq): Position;
  elsewhere(sent: string, epoch: string | null): void;
  failed(error: unknown): void;
}

interface Surroundings {
  readonly place: Place;
  readonly commits: Commits;
  readonly intents: Intents;
  readonly publisher: Publisher;
}

/** The records of this node on their way into the log, and what their writers wait for. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #place: Place;
  readonly #commits: Commits;
  readonly #intents: Intents;
  readonly #publisher: Publisher;
  readonly #letters = new Map<string, Letter>();
  /** Numbers of those that the second tier does not know yet. */
  readonly #unpublished = new Set<number>();
  /** By the position that their writer knows. */
  readonly #doubts = new Map<Position, OwnDoubt>();
  #overflow: Letter | undefined;
  #stopped = false;
  #sent = 0;
  #owed = 0;

  constructor(options: OutboxOptions, { place, commits, intents, publisher }: Surroundings) {
    this.#options = options;
    this.#place = place;
    this.#commits = commits;
    this.#intents = intents;
    this.#publisher = publisher;
  }

  /** Writes were acknowledged that no other node knows of: this one may not serve what it holds. */
  get owes(): boolean {
    return this.#owed > 0;
  }

  /** There is something that only this node, or who takes over from it, can finish. */
  get unfinished(): boolean {
    return this.#doubts.size > 0 || this.#letters.size > 0 || this.#publisher.unfinished;
  }

  /** The highest position by which a writer may know its record. */
  get highest(): Position {
    let highest = 0;
    for (const position of this.#doubts.keys()) highest = Math.max(highest, position);
    for (const { place } of this.#letters.values()) highest = Math.max(highest, place?.position ?? 0);
    return highest;
  }

  /** The lowest number that may still have to be sent, or made known to the second tier. */
  get from(): number {
    const [first] = this.#letters.values();
    return Math.min(first?.number ?? this.#sent + 1, ...this.#unpublished);
  }

  get size(): number {
    return this.#letters.size;
  }

  append(
    invalidation: Invalidation,
    { intent, keepsIntent = false, dependsOn = [], beside }: AppendOptions,
  ): Promise<Committed> {
    if (this.#letters.size >= (this.#options.maxWaiting ?? MAX_WAITING)) return this.#overflown(invalidation, intent);
    return new Promise((resolve, reject) => {
      const letter = this.#post(invalidation, intent, { resolve, reject });
      letter.local = beside;
      letter.asks = { dependsOn, kept: keepsIntent };
      if (keepsIntent) letter.fulfils.pop();
      letter.cancels.push(this.#options.timers.after(this.#options.confirmMs, () => this.#unconfirmed(letter)));
      void this.#send(letter);
    });
  }

  #post(invalidation: Invalidation, intent: Letter['intent'], settle: Letter['settle']): Letter {
    this.#sent += 1;
    const letter: Letter = {
      ref: `${this.#options.member}:${this.#sent}`,
      number: this.#sent,
      invalidation,
      at: new Date(this.#options.clock.wall()).toISOString(),
      intent,
      asks: { dependsOn: [], kept: false },
      local: undefined,
      fulfils: intent === undefined ? [] : [intent.id],
      sending: false,
      settles: undefined,
      place: undefined,
      beside: undefined,
      applied: undefined,
      settle,
      publishing: false,
      owed: false,
      cancels: [],
    };
    this.#letters.set(letter.ref, letter);
    return letter;
  }

  /** Too many wait: one record stands for all further ones. What has left may be in the log already, before this write. */
  #overflown(invalidation: Invalidation, intent: Letter['intent']): Promise<Committed> {
    const { onPartition, clock } = this.#options;
    let letter = this.#overflow;
    if (letter === undefined || letter.sending || letter.place !== undefined) {
      letter = this.#post({ hits: everything, announcements: [], doubt: true, settleMs: 0 }, undefined, undefined);
      this.#overflow = letter;
    }
    // It is settled when the last of them is.
    const settleMs = Math.max(letter.invalidation.settleMs ?? 0, invalidation.settleMs ?? 0, this.#options.settleMs);
    letter.invalidation = { ...letter.invalidation, settleMs };
    if (intent !== undefined) letter.fulfils.push(intent.id);
    if (onPartition === 'reject') return Promise.reject(new GatewayError('unconfirmed'));
    if (!letter.owed) this.#owed += 1;
    letter.owed = true;
    const { settled: _, ...rest } = invalidation;
    const record = { ...rest, position: this.#place.positionOf(0), at: new Date(clock.wall()).toISOString() };
    return Promise.resolve({ record, removed: 0, applied: false, othersRecorded: () => Promise.resolve(false) });
  }

  /** The bus can be reached: sends what waits for it. */
  flush(): void {
    for (const letter of this.#letters.values()) void this.#send(letter);
  }

  /** What the writer of one of ours does when it is applied here. */
  besideOf(ref: string): AppendOptions['beside'] {
    return this.#letters.get(ref)?.local;
  }

  /** One of ours has come down the log. */
  applied(ref: string, seq: Seq, applied: { record: LogRecord; removed: number }): void {
    const letter = this.#letters.get(ref);
    if (letter === undefined) return;
    letter.applied = applied;
    if (letter.place === undefined) this.#accepted(letter, { epoch: this.#place.epoch, seq }, undefined);
    void this.#publish(letter);
    if (this.#options.mode === 'eventual' || letter.settle === undefined) this.#finish(letter);
  }

  /** This node has joined with nothing in memory: what had been appended is effective here. */
  joined(): void {
    for (const letter of [...this.#letters.values()]) {
      if (letter.place === undefined) continue;
      if (this.#options.mode === 'eventual' || letter.settle === undefined) this.#finish(letter);
    }
    for (const [position, doubt] of this.#doubts)
      if (doubt.place.epoch !== this.#place.epoch) this.#renewDoubt(position, doubt);
    this.flush();
  }

  /** Doubts that this node has taken over from one that is gone. */
  adopt(orphans: readonly OpenDoubt[]): void {
    const epoch = this.#place.epoch;
    if (orphans.length === 0) return;
    const known = new Set(
      [...this.#doubts.values()].map(({ place }) => (place.epoch === epoch ? place.seq : undefined)),
    );
    for (const { seq, payload } of orphans) {
      if (known.has(seq)) continue;
      this.#doubtLater(this.#place.positionOf(seq), { epoch, seq }, decodeRecord(payload));
    }
  }

  /** A doubt that nobody but this node will settle. */
  #doubtLater(position: Position, place: OwnDoubt['place'], { hits, announcements, settleMs }: Invalidation): void {
    const invalidation = { hits, announcements, ...(settleMs !== undefined && { settleMs }) };
    this.#doubts.set(position, { invalidation, place });
    this.#options.timers.after(settleMs ?? this.#options.settleMs, () => {
      this.append({ hits, announcements, settled: position }, {}).catch(this.#failed);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#publisher.stop();
    for (const letter of [...this.#letters.values()]) {
      for (const cancel of letter.cancels) cancel();
      letter.settle?.reject(new GatewayError('unconfirmed'));
    }
    this.#letters.clear();
  }

  /** Of what is appended for nobody. When this node stops, another takes it over. */
  readonly #failed = (error: unknown): void => {
    if (!this.#stopped) this.#place.failed(error);
  };

  async #send(letter: Letter): Promise<void> {
    if (letter.sending || letter.place !== undefined) return;
    if (!this.#place.joined) return this.#delayed(letter);
    const { bus, member } = this.#options;
    const epoch = this.#place.epoch;
    letter.sending = true;
    try {
      const answer = await bus.append(epoch, member, this.#write(letter, epoch));
      if (answer.ok) this.#accepted(letter, { epoch, seq: answer.seq }, answer.beside);
      else this.#place.elsewhere(epoch, answer.epoch);
    } catch {
      // The bus is out of reach: the renewals say so, and say when it is back.
    } finally {
      letter.sending = false;
    }
    if (letter.place === undefined) this.#delayed(letter);
  }

  #write(letter: Letter, epoch: string): Append {
    const { invalidation, at, ref, intent, asks } = letter;
    const { settled, ...rest } = invalidation;
    const doubt = settled === undefined ? undefined : this.#doubts.get(settled)?.place;
    const settles = doubt?.epoch === epoch ? { settled: doubt.seq } : {};
    letter.settles = settles.settled;
    return {
      payload: encodeRecord({ ...rest, ...settles, at }),
      ref,
      doubt: invalidation.doubt === true,
      ...settles,
      ...(intent !== undefined && {
        intent: { ...asks, id: intent.id },
      }),
    };
  }

  #delayed(letter: Letter): void {
    if (this.#options.onPartition === 'reject' || letter.settle === undefined) return;
    letter.owed = true;
    this.#owed += 1;
    this.#release(letter);
  }

  #unconfirmed(letter: Letter): void {
    if (letter.place !== undefined || letter.settle === undefined) return;
    letter.settle.reject(new GatewayError('unconfirmed'));
    letter.settle = undefined;
  }

  #accepted(letter: Letter, place: { epoch: string; seq: Seq }, beside: readonly string[] | undefined): void {
    letter.beside ??= beside;
    const position = this.#place.positionOf(place.seq);
    if (letter.place !== undefined) {
      // This node was thought dead between two attempts, so that both were taken. Nobody else knows of the second.
      const twice = letter.place.seq !== place.seq || letter.place.epoch !== place.epoch;
      if (twice && letter.invalidation.doubt === true) this.#doubtLater(position, place, letter.invalidation);
      return;
    }
    letter.place = { ...place, position };
    const { invalidation } = letter;
    for (const intent of letter.fulfils) this.#intents.drop(intent);
    if (invalidation.settled !== undefined) this.#settled(invalidation, place.epoch, letter.settles);
    if (invalidation.doubt === true) {
      // Where its writer was answered before, it knows no position that it could settle.
      if (letter.settle === undefined) this.#doubtLater(position, place, invalidation);
      else this.#doubts.set(position, { invalidation, place });
    }
    const finish = (): void => this.#finish(letter);
    // Every lease that could be used without having applied the record was given before now.
    const overdue = (): void => {
      if (this.#place.epoch === place.epoch) this.#commits.reach(place.seq);
      finish();
    };
    letter.cancels.push(this.#options.timers.after(surelyOverMs(this.#place.leaseMs), overdue));
    if (this.#place.epoch !== place.epoch) return;
    if (this.#options.mode === 'strict' && letter.settle !== undefined) this.#commits.when(place.seq, finish);
  }

  #settled(invalidation: Invalidation, epoch: string, settles: Seq | undefined): void {
    const position = invalidation.settled as Position;
    const doubt = this.#doubts.get(position);
    const moved = doubt?.place.epoch === epoch && doubt.place.seq !== settles;
    // It was put into a new epoch while the record that ends it was on its way.
    if (moved) this.append(invalidation, {}).catch(this.#failed);
    else this.#doubts.delete(position);
  }

  /** From when nobody on this node can be given what it hit, since that would be before it is known. */
  async #publish(letter: Letter): Promise<void> {
    const { number, place, invalidation } = letter;
    if (letter.publishing || place === undefined) return;
    letter.publishing = true;
    this.#unpublished.add(number);
    if (await this.#publisher.known(invalidation.hits, place.epoch, place.seq)) this.#unpublished.delete(number);
  }

  #finish(letter: Letter): void {
    for (const cancel of letter.cancels) cancel();
    void this.#publish(letter);
    this.#letters.delete(letter.ref);
    if (letter.owed) this.#owed -= 1;
    letter.owed = false;
    this.#release(letter);
  }

  #release(letter: Letter): void {
    const { settle, invalidation, at, applied, beside, place } = letter;
    letter.settle = undefined;
    const { settled, ...rest } = invalidation;
    const position = place?.position ?? this.#place.positionOf(0);
    // The position by which a doubt of it is known here, though this node may have joined anew before it came down the log.
    const record = (applied && { ...applied.record, position }) ?? {
      ...rest,
      position,
      at,
      ...(place !== undefined && { id: `${place.epoch}-${place.seq}` }),
    };
    settle?.resolve({
      record,
      removed: applied?.removed ?? 0,
      applied: applied !== undefined,
      othersRecorded: async () => {
        const known = letter.beside ?? beside;
        if (known === undefined) return false;
        await this.#intents.allEnded(known);
        return true;
      },
    });
  }

  /** A new epoch knows of no doubt: this one is still open. */
  #renewDoubt(position: Position, doubt: OwnDoubt): void {
    const { hits, announcements, settleMs } = doubt.invalidation;
    this.append({ hits, announcements: [], doubt: true, ...(settleMs !== undefined && { settleMs }) }, {})
      .then(({ record }) => {
        const renewed = this.#doubts.get(record.position);
        if (renewed === undefined || record.position === position) return undefined;
        this.#doubts.delete(record.position);
        if (this.#doubts.has(position)) {
          doubt.place = renewed.place;
          return undefined;
        }
        // It was settled meanwhile.
        this.#doubts.set(record.position, renewed);
        return this.append({ hits, announcements, settled: record.position }, {});
      })
      .catch(this.#failed);
  }
}
