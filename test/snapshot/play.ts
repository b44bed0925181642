import { random, turns } from '../support/random.ts';
import { itemOf, LIST, type Validator } from './items-api.ts';
import { type Counts, ITEMS, Life, type Rules, type Switches } from './life.ts';

const STEPS = 30;

export interface Played {
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly counts: Counts;
}

/** Every combination. */
export const allSwitches: readonly Switches[] = (['off', 'revalidate', 'trust'] as const).flatMap((load) =>
  (['off', 'stop', 'often'] as const).flatMap((save) =>
    [false, true].flatMap((staleIfError) => [false, true].map((redis) => ({ load, save, staleIfError, redis }))),
  ),
);

/** Random saves, crashes, loads, reads, writes and removals, with an API that goes down and comes up. */
export async function play(seed: number, switches: Switches): Promise<Played> {
  const life = await Life.begin({ ...switches, circuit: seed % 2 === 0 });
  try {
    await new Player(life, random(seed)).play();
    return { violations: life.violations, trace: life.trace, counts: life.counts };
  } finally {
    await life.end();
  }
}

/** What may happen in one life: with everything in each, few would show what it takes several of one kind to show. */
interface Style {
  /** Of ten ends, so many are crashes. */
  readonly crashes: number;
  readonly goesDown: boolean;
  readonly damages: boolean;
  readonly pauses: boolean;
  /** After a run of other rules nothing is trusted, which would hide what else goes wrong. */
  readonly changesRules: boolean;
}

class Player {
  readonly #life: Life;
  readonly #choose: (below: number) => number;
  readonly #style: Style;

  constructor(life: Life, choose: (below: number) => number) {
    this.#life = life;
    this.#choose = choose;
    this.#style = {
      crashes: this.#of([0, 3, 6]),
      goesDown: this.#of([false, true]),
      damages: this.#of([false, false, true]),
      pauses: this.#of([false, true]),
      changesRules: this.#of([false, true]),
    };
  }

  async play(): Promise<void> {
    const { api } = this.#life;
    api.validator = this.#of<Validator>(['etag', 'etag', 'last-modified', 'row', 'none']);
    api.maxAge = this.#of([3_600, 3_600, 0]);
    for (let step = 0; step < STEPS && this.#life.violations.length === 0; step++) await this.#step();
    // Whatever is left in memory is looked at.
    api.down = false;
    await this.#life.recovered();
    await this.#readAll();
    if (this.#life.violations.length === 0) await this.#lastSnapshot();
  }

  /** What a snapshot brings back of all that there is: some lives have saved nothing so far that could be loaded. */
  async #lastSnapshot(): Promise<void> {
    const life = this.#life;
    if (life.switches.load === 'off' || life.switches.save === 'off') return;
    for (let again = 0; again < 2; again++) {
      await life.stop();
      await life.start();
      await life.loaded();
      await this.#readAll();
    }
    await life.stop();
  }

  async #readAll(): Promise<void> {
    for (const path of [LIST, ...Array.from({ length: ITEMS }, (_, id) => itemOf(id))]) await this.#life.read(path);
  }

  async #step(): Promise<void> {
    const life = this.#life;
    switch (this.#of(['read', 'read', 'write', 'race', 'again', 'again', 'save', 'weather', 'cut', 'wait'] as const)) {
      case 'read':
        for (let i = 0; i < 4; i++) await life.read(this.#path(), this.#by());
        break;
      case 'write':
        await life.write(this.#id(), this.#kind(), this.#by());
        break;
      case 'race':
        await Promise.all([
          life.write(this.#id(), this.#kind(), this.#by()),
          ...Array.from({ length: 3 }, () => this.#later(() => life.read(this.#path(), this.#by()))),
        ]);
        break;
      case 'again':
        await this.#again();
        break;
      case 'save':
        await life.saved();
        break;
      case 'weather':
        life.api.down = this.#style.goesDown && !life.api.down;
        break;
      case 'cut':
        life.api.cuts = !life.api.down;
        await life.write(this.#id(), this.#kind(), this.#by());
        break;
      case 'wait':
        if (this.#style.pauses) await turns(this.#choose(60));
    }
  }

  /** It ends, things happen, and it starts. */
  async #again(): Promise<void> {
    const life = this.#life;
    const { load, save, redis } = life.switches;
    if (this.#choose(2) === 0) await this.#readAll();
    if (this.#choose(10) >= this.#style.crashes) await life.stop();
    else if (life.api.down || this.#choose(2) > 0) life.crash();
    else await life.writeAndCrash(this.#id(), this.#kind());
    if (redis && this.#choose(2) === 0) await life.write(this.#id(), this.#kind(), 'other');
    // Whoever trusts what was saved knows that nothing goes past the gateway. Another node would not know of it either.
    if (!redis && load !== 'trust' && this.#choose(2) === 0) life.changeByHand(this.#id(), this.#kind());
    if (this.#style.damages && this.#choose(3) === 0)
      life.damage(this.#of(['cut', 'flip', 'gap', 'old']), this.#choose);
    // Now and then without one of the two.
    const uses = { load: this.#choose(6) === 0 ? 'off' : load, save: this.#choose(3) === 0 ? 'off' : save } as const;
    const rules = this.#of<Rules>(['by path', 'by path', 'by tag']);
    await life.start(this.#style.changesRules ? rules : 'by path', uses);
    if (this.#choose(3) > 0) await life.loaded();
    if (this.#choose(2) === 0) await this.#readAll();
  }

  async #later(act: () => Promise<void>): Promise<void> {
    await turns(this.#choose(8));
    await act();
  }

  #of<T>(all: readonly T[]): T {
    return all[this.#choose(all.length)] as T;
  }

  #id(): number {
    return this.#choose(ITEMS);
  }

  #path(): string {
    return this.#of([LIST, itemOf(this.#id())]);
  }

  #kind(): 'write' | 'remove' {
    return this.#of(['write', 'remove']);
  }

  #by(): 'own' | 'other' {
    return this.#life.switches.redis && this.#choose(3) === 0 ? 'other' : 'own';
  }
}
