import { type Clock, isoTime } from '../clock.ts';
import type { Conflicts, EpochMismatch, IntentNote, StepResult } from './bus.ts';
import type { MemberSteps } from './group-commit.ts';
import type { NotedWrite } from './log.ts';
import { type Invalidation, nothingCovered } from './record.ts';
import { encodeRecord } from './wire-record.ts';
import { encodeTerms } from './write-set.ts';

/** How many ended intents are remembered: the answer that names one may arrive after its end. */
const MAX_ENDED = 4_096;

/**
 * Withdrawals that the bus is yet to be told of: they grow with the writes that are refused while it is out of reach.
 * The next renewal withdraws what is forgotten here as well (`from`).
 */
const MAX_LEAVING = 1_000;

/** How often an intent is withdrawn if the bus has not confirmed it: it may still be on its way, and arrive later. */
const WITHDRAWALS_IF_LOST = 8;

/** The intents of this node that are in the bus, or should be, and those of other nodes that its writes wait for. */
export class Intents {
  readonly #own = new Map<number, { readonly note: IntentNote; readonly record: Invalidation }>();
  /**
   * Intents that have ended here but may still be in the bus, where other writes would wait for them. The number says
   * how often the bus still has to be told.
   */
  readonly #withdrawing = new Map<string, number>();
  /** Of these, the ones that a withdrawal is under way for. */
  readonly #underWay = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #waiting = new Map<string, Set<(seen: boolean) => void>>();
  readonly #steps: MemberSteps;
  readonly #member: string;
  readonly #clock: Clock;
  #last = 0;

  constructor(steps: MemberSteps, member: string, clock: Clock) {
    this.#steps = steps;
    this.#member = member;
    this.#clock = clock;
  }

  get size(): number {
    return this.#own.size;
  }

  /** Withdrawn, and the bus may still have to be told. */
  get leaving(): number {
    return this.#withdrawing.size;
  }

  /** The lowest number that may still be in the bus. */
  get from(): number {
    for (const number of this.#own.keys()) return number;
    return this.#last + 1;
  }

  /**
   * Notes a write in the bus. Until the intent is dropped, it is noted again whenever the bus has forgotten it.
   * @param epoch undefined: this node has not joined one, so the intent is kept until it has
   */
  async note(
    { posts, coverage, announcements, quarantineMs }: NotedWrite,
    epoch: string | undefined,
  ): Promise<{ readonly id: string; readonly answer?: StepResult; readonly cause?: unknown }> {
    this.#last += 1;
    const record = { coverage, announcements, quarantine: true, quarantineMs };
    const at = isoTime(this.#clock.wall());
    const id = `${this.#member}:${this.#last}`;
    const note = { id, posts: encodeTerms(posts), payload: encodeRecord({ ...record, at }) };
    this.#own.set(this.#last, { note, record });
    try {
      return epoch === undefined ? { id } : { id, answer: await this.#steps.intend(epoch, note) };
    } catch (cause) {
      return { id, cause };
    }
  }

  /**
   * Notes that this node waits for its turn. The answer names the intents that came before. If this node dies, the
   * record that replaces the intent covers nothing: the write itself has an intent of its own.
   * @param term encoded
   */
  queue(term: string, epoch: string): { readonly id: string; readonly answer: Promise<StepResult<Conflicts>> } {
    this.#last += 1;
    const record = { coverage: nothingCovered, announcements: [], quarantine: true, quarantineMs: 0 };
    const at = isoTime(this.#clock.wall());
    const note = { id: `${this.#member}:${this.#last}`, posts: term, payload: encodeRecord({ ...record, at }) };
    this.#own.set(this.#last, { note, record });
    return { id: note.id, answer: this.#steps.queue(epoch, note, term) };
  }

  /**
   * The indeterminate record that replaces the intent when its writer gives up. Undefined once the intent was dropped.
   */
  recordOf(id: string): Invalidation | undefined {
    return this.#own.get(this.#numberOf(id))?.record;
  }

  /**
   * A first record is in the log, and a second one follows: no other write waits for it, wherever it is noted again.
   */
  recorded(id: string): void {
    const own = this.#own.get(this.#numberOf(id));
    if (own !== undefined) this.#own.set(this.#numberOf(id), { ...own, note: { ...own.note, recorded: true } });
  }

  /** The record of its write is in the log. */
  drop(id: string): void {
    this.#own.delete(this.#numberOf(id));
  }

  /**
   * Its write makes no record. Further calls have no effect. `lost`: it is not known whether the bus has the intent.
   */
  withdraw(id: string, lost = false): void {
    if (!this.#own.delete(this.#numberOf(id))) return;
    this.#withdrawing.set(id, lost ? WITHDRAWALS_IF_LOST : 1);
    const [oldest] = this.#withdrawing.keys();
    if (this.#withdrawing.size > MAX_LEAVING && oldest !== undefined) this.#withdrawing.delete(oldest);
  }

  /** Sends pending withdrawals to the bus. */
  async sendWithdrawals(epoch: string): Promise<EpochMismatch | undefined> {
    const ids = [...this.#withdrawing.keys()].filter((id) => !this.#underWay.has(id));
    return firstMismatch(await Promise.all(ids.map((id) => this.#sendWithdrawal(epoch, id))));
  }

  async #sendWithdrawal(epoch: string, id: string): Promise<StepResult> {
    this.#underWay.add(id);
    try {
      const answer = await this.#steps.withdraw(epoch, id);
      const times = this.#withdrawing.get(id);
      if (answer.ok && times !== undefined && times > 1) this.#withdrawing.set(id, times - 1);
      else if (answer.ok) this.#withdrawing.delete(id);
      return answer;
    } finally {
      this.#underWay.delete(id);
    }
  }

  #numberOf(id: string): number {
    return Number(id.slice(this.#member.length + 1));
  }

  /** Notes every intent of this node again: the bus has forgotten them. */
  async noteAgain(epoch: string): Promise<EpochMismatch | undefined> {
    return firstMismatch(await Promise.all([...this.#own.values()].map(({ note }) => this.#steps.intend(epoch, note))));
  }

  /** The intent is no longer in the bus. */
  ended(id: string): void {
    this.#ended.add(id);
    if (this.#ended.size > MAX_ENDED)
      for (const oldest of [...this.#ended].slice(0, MAX_ENDED / 2)) this.#ended.delete(oldest);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    for (const done of waiting ?? []) done(true);
  }

  /** Notes about ended intents may have been missed. */
  reset(): void {
    for (const waiting of this.#waiting.values()) for (const done of waiting) done(false);
    this.#waiting.clear();
  }

  /** Resolves true when all intents have ended; false if their end may have been missed. */
  async allEnded(ids: readonly string[]): Promise<boolean> {
    const seen = await Promise.all(
      ids.map(
        (id) =>
          new Promise<boolean>((resolve) => {
            if (this.#ended.has(id)) return resolve(true);
            const waiting = this.#waiting.get(id) ?? new Set();
            waiting.add(resolve);
            this.#waiting.set(id, waiting);
          }),
      ),
    );
    return seen.every((each) => each);
  }
}

const firstMismatch = (answers: readonly StepResult[]): EpochMismatch | undefined =>
  answers.find((answer): answer is EpochMismatch => !answer.ok);
