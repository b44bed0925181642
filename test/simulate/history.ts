import type { World } from './world.ts';

/** `floor` is from when the read began. */
interface AnsweredRead {
  readonly path: string;
  readonly floor: { readonly version: number; readonly why: string };
  readonly version: number;
  readonly how: string;
}

/**
 * What clients saw. For each path it knows the oldest version that a read may still return: once a write was
 * acknowledged, or announced, no read that begins returns an older version of anything that the write touched.
 */
export class History {
  readonly violations: string[] = [];
  reads = 0;
  hits = 0;
  /** Of another node. */
  shared = 0;
  acknowledged = 0;
  announced = 0;
  readonly #floor = new Map<string, { version: number; why: string }>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  began(path: string): { version: number; why: string } {
    return this.#floor.get(path) ?? { version: 0, why: 'at first' };
  }

  answered(node: string, { path, floor, version, how }: AnsweredRead): void {
    this.reads += 1;
    if (how === 'hit') this.hits += 1;
    this.#world.tell(node, `GET ${path} → v${version} (${how})`);
    if (version < floor.version)
      this.violated(`${node} answered ${path} with v${version} (${how}), after ${floor.why}`);
  }

  effective(paths: readonly string[], version: number, why: string): void {
    for (const path of paths) {
      if (this.began(path).version < version) this.#floor.set(path, { version, why: `v${version} was ${why}` });
    }
  }

  violated(what: string): void {
    this.#world.tell('!', what);
    this.violations.push(`${this.#world.now.toFixed(1)}: ${what}`);
  }
}
