import type { Clock, Timers } from '../../src/clock.ts';

/** Numbers from a seed (mulberry32): the same seed is the same schedule. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  integer(below: number): number {
    return Math.floor(this.next() * below);
  }

  happens(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.integer(from.length)] as T;
  }
}

interface Due {
  readonly at: number;
  readonly order: number;
  /** Undefined: it has been cancelled. */
  run: (() => void) | undefined;
}

/** Promise reactions that run between two events: more than the longest chain of them in the code under test. */
const REACTIONS = 16;
const MAX_TRACE = 4_000;

/** Virtual time: everything that happens is an event in one queue. */
export class World {
  readonly chance: Chance;
  readonly #told: { readonly at: number; readonly who: string; readonly what: string }[] = [];
  now = 0;
  /** What comes after that is not played. */
  isOver = (): boolean => false;
  #order = 0;
  readonly #queue: Due[] = [];

  constructor(seed: number) {
    this.chance = new Chance(seed);
  }

  /** Returns what cancels it. */
  after(ms: number, run: () => void): () => void {
    this.#order += 1;
    const due: Due = { at: this.now + Math.max(0, ms), order: this.#order, run };
    push(this.#queue, due);
    return () => {
      due.run = undefined;
    };
  }

  async runUntil(time: number): Promise<void> {
    for (let next = this.#queue[0]; next !== undefined && next.at <= time; next = this.#queue[0]) {
      if (this.isOver()) return;
      pop(this.#queue);
      // Most timeouts are: nothing follows from them.
      if (next.run === undefined) continue;
      this.now = next.at;
      next.run();
      await this.settle();
    }
    this.now = time;
  }

  /** All that follows from an event at once. */
  protected async settle(): Promise<void> {
    for (let i = 0; i < REACTIONS; i++) await null;
  }

  tell(who: string, what: string): void {
    if (this.#told.length < MAX_TRACE) this.#told.push({ at: this.now, who, what });
  }

  /** What has been told, a line each. */
  get trace(): string[] {
    return this.#told.map(({ at, who, what }) => `${at.toFixed(1).padStart(8)} ${who.padEnd(7)} ${what}`);
  }
}

function before(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Due[], due: Due): void {
  let i = heap.length;
  heap.push(due);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (before(heap[parent] as Due, due)) break;
    heap[i] = heap[parent] as Due;
    i = parent;
  }
  heap[i] = due;
}

function pop(heap: Due[]): void {
  const last = heap.pop() as Due;
  if (heap.length === 0) return;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Due, heap[child] as Due)) child += 1;
    if (before(last, heap[child] as Due)) break;
    heap[i] = heap[child] as Due;
    i = child;
  }
  heap[i] = last;
}

/** A process on a machine with clocks of its own: it can be stopped, suspended with its machine, and killed. */
export class Process {
  readonly name: string;
  readonly #world: World;
  readonly #rate: number;
  #wallOffset: number;
  #diedAt = Number.POSITIVE_INFINITY;
  #stoppedUntil = 0;
  /** While a machine is suspended, its monotonic clock stands still. */
  #lost = 0;

  /** `wallOffset`: of machines whose wall clocks are compared by what they share. */
  constructor(world: World, name: string, wallOffset?: number) {
    this.#world = world;
    this.name = name;
    this.#rate = world.chance.between(0.997, 1.003);
    const offset = world.chance.between(1e9, 2e9);
    this.#wallOffset = wallOffset ?? offset;
  }

  get alive(): boolean {
    return this.#diedAt === Number.POSITIVE_INFINITY;
  }

  /** When it was killed; never, as long as it lives. */
  get diedAt(): number {
    return this.#diedAt;
  }

  get stopped(): boolean {
    return this.#world.now < this.#stoppedUntil;
  }

  kill(): void {
    this.#diedAt = Math.min(this.#diedAt, this.#world.now);
  }

  stop(ms: number): void {
    this.#stoppedUntil = Math.max(this.#stoppedUntil, this.#world.now + ms);
  }

  suspend(ms: number): void {
    if (this.stopped) return;
    this.stop(ms);
    this.#lost += ms;
  }

  /** Its wall clock is set to another time. */
  setClock(byMs: number): void {
    this.#wallOffset += byMs;
  }

  /** What reaches a stopped process is done when it goes on; a dead one is never reached. */
  run(task: () => void): void {
    if (!this.alive) return;
    if (this.stopped) this.#world.after(this.#stoppedUntil - this.#world.now, () => this.run(task));
    else task();
  }

  readonly clock: Clock = {
    monotonic: () => (this.#world.now - this.#lost) * this.#rate,
    wall: () => this.#wallOffset + this.#world.now,
  };

  readonly timers: Timers = {
    after: (ms, run) => {
      let cancelled = false;
      const dueAt = this.clock.monotonic() + ms;
      const arm = (): void => {
        const rest = dueAt - this.clock.monotonic();
        if (rest > 1e-6) cancel = this.#world.after(rest / this.#rate, fire);
        else run();
      };
      const fire = (): void => this.run(() => (cancelled ? undefined : arm()));
      let cancel = this.#world.after(Math.max(ms, 1e-3) / this.#rate, fire);
      return () => {
        cancelled = true;
        cancel();
      };
    },
  };
}
