import type { Process, World } from './world.ts';

export const ACCOMMODATIONS = 3;
export const STEPS = 4;
/** How long after a node has given up the origin may still apply a write. */
export const MAX_LATE_MS = 100;
const TIMEOUT_MS = 60;

export interface Representation {
  readonly version: number;
  /** Of an accommodation: the step it is in. */
  readonly step: number;
}

export type WriteAnswer =
  | { readonly kind: 'done'; readonly version: number; readonly step: number }
  | { kind: 'refused' };

export const accommodation = (i: number): string => `/accommodations/${i}`;
export const stepPath = (i: number): string => `/steps/${i}`;
export const allPaths: readonly string[] = [
  ...Array.from({ length: ACCOMMODATIONS }, (_, i) => accommodation(i)),
  ...Array.from({ length: STEPS }, (_, i) => stepPath(i)),
];

/** Numbers its versions: each write gets the next number, and with it every representation that it changes. */
export class Origin {
  readonly versions = new Map<string, number>(allPaths.map((path) => [path, 0]));
  /** What each version changed. */
  readonly touched: string[][] = [[]];
  readonly #steps = Array.from({ length: ACCOMMODATIONS }, (_, i) => i % STEPS);
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Rejects when the answer is lost. */
  read(process: Process, path: string): Promise<Representation> {
    return this.#ask(process, () => this.#represent(path), false);
  }

  /** Moves an accommodation to a step. Rejects when it is unknown what became of the write. */
  write(process: Process, i: number, step: number): Promise<WriteAnswer> {
    if (this.#world.chance.happens(0.05)) return this.#ask(process, () => ({ kind: 'refused' }), false);
    return this.#ask<WriteAnswer>(process, () => this.#apply(i, step), true);
  }

  #represent(path: string): Representation {
    const [, kind, i] = path.split('/');
    return {
      version: this.versions.get(path) ?? 0,
      step: kind === 'accommodations' ? (this.#steps[Number(i)] ?? 0) : 0,
    };
  }

  #apply(i: number, step: number): WriteAnswer {
    const version = this.touched.length;
    const before = this.#steps[i] ?? 0;
    const paths = [...new Set([accommodation(i), stepPath(before), stepPath(step)])];
    this.touched.push(paths);
    for (const path of paths) this.versions.set(path, version);
    this.#steps[i] = step;
    this.#world.tell('origin', `v${version}: ${paths.join(' ')}`);
    return { kind: 'done', version, step };
  }

  #ask<T>(process: Process, apply: () => T, mayBeLate: boolean): Promise<T> {
    const { chance } = this.#world;
    return new Promise((resolve, reject) => {
      const answered = process.timers.after(TIMEOUT_MS, () => reject(new Error('the origin does not answer')));
      const late = mayBeLate && chance.happens(0.06);
      const there = late ? chance.between(TIMEOUT_MS, TIMEOUT_MS + MAX_LATE_MS - 5) : chance.between(0.5, 12);
      if (chance.happens(0.01)) return;
      this.#world.after(there, () => {
        const answer = apply();
        if (chance.happens(0.01)) return;
        const back = chance.happens(0.25) ? chance.between(5, 47) : chance.between(0.5, 8);
        const receive = (): void => {
          answered();
          resolve(answer);
        };
        this.#world.after(back, () => process.run(receive));
      });
    });
  }
}
