import type { ParsedLine } from './access-log.ts';
import type { Entry } from './entry.ts';
import { Heap } from './heap.ts';

/**
 * Logs are in the order of completion, so a request that took a minute comes a minute late. Longer ones are taken as
 * this long: entries are held back for as long, and they have to fit into memory.
 */
export const MAX_DURATION_MS = 60_000;
/** Entries held back, so that a log of many requests a second does not fill the memory. */
const MAX_HELD = 100_000;
/** Lines of one second that are spread over it. */
const MAX_OF_ONE_SECOND = 100_000;

/** An entry with its place in the log: of two that start together, the earlier line comes first. */
export interface Ordered {
  readonly entry: Entry;
  readonly line: number;
}

export interface OrderOptions {
  readonly windowMs?: number;
  readonly maxHeld?: number;
}

/** Puts entries into the order in which they started. */
export class StartOrder {
  readonly #windowMs: number;
  readonly #maxHeld: number;
  readonly #held = new Heap<Ordered>(
    (a, b) => a.entry.startedAt < b.entry.startedAt || (a.entry.startedAt === b.entry.startedAt && a.line < b.line),
  );
  #second: { at: number; lines: { parsed: ParsedLine; line: number }[] } = { at: Number.NaN, lines: [] };
  #latestEnd = Number.NEGATIVE_INFINITY;
  #latestStart = Number.NEGATIVE_INFINITY;
  /** Entries that came too late to be put in order. */
  late = 0;

  constructor({ windowMs = MAX_DURATION_MS, maxHeld = MAX_HELD }: OrderOptions = {}) {
    this.#windowMs = windowMs;
    this.#maxHeld = maxHeld;
  }

  /** Takes the next line of an access log. @returns the entries whose turn has come */
  line(parsed: ParsedLine, line: number): Ordered[] {
    const { endedAt } = parsed.entry;
    const { at, lines } = this.#second;
    if (parsed.wholeSeconds && endedAt === at && lines.length < MAX_OF_ONE_SECOND) {
      lines.push({ parsed, line });
      return [];
    }
    const due = this.#endSecond();
    if (!parsed.wholeSeconds) return [...due, ...this.entry(parsed.entry, line)];
    this.#second = { at: endedAt, lines: [{ parsed, line }] };
    return due;
  }

  /** Takes an entry whose times are exact. */
  entry(entry: Entry, line: number): Ordered[] {
    const startedAt = Math.max(entry.startedAt, entry.endedAt - this.#windowMs);
    this.#latestEnd = Math.max(this.#latestEnd, entry.endedAt);
    this.#held.push({ entry: startedAt === entry.startedAt ? entry : { ...entry, startedAt }, line });
    const due: Ordered[] = [];
    // Whatever comes later ended later, so it did not start before this.
    const until = this.#latestEnd - this.#windowMs;
    for (let next = this.#held.peek(); next !== undefined; next = this.#held.peek()) {
      if (next.entry.startedAt >= until && this.#held.size <= this.#maxHeld) break;
      due.push(this.#next());
    }
    return due;
  }

  /** The rest, at the end of the log. */
  end(): Ordered[] {
    const due = this.#endSecond();
    while (this.#held.size > 0) due.push(this.#next());
    return due;
  }

  #next(): Ordered {
    const next = this.#held.pop() as Ordered;
    const { startedAt } = next.entry;
    if (startedAt < this.#latestStart) this.late += 1;
    this.#latestStart = Math.max(this.#latestStart, startedAt);
    return next;
  }

  /**
   * The lines of one second, spread evenly over it. Otherwise all of them would be under way at once, and each read of
   * one resource but the first would seem to wait for the first.
   */
  #endSecond(): Ordered[] {
    const { lines } = this.#second;
    this.#second = { at: Number.NaN, lines: [] };
    return lines.flatMap(({ parsed: { entry, durationMs = 0 }, line }, i) => {
      const endedAt = entry.endedAt + (1000 * i) / lines.length;
      return this.entry({ ...entry, endedAt, startedAt: endedAt - durationMs }, line);
    });
  }
}
