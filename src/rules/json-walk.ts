import { JSONPathError, JSONPathNode, type JSONValue } from 'json-p3';
import { MAX_VISITED } from './selection.ts';
import type { PathStep } from './types.ts';

/**
 * Takes one selected node; `holder[key]` is `value`. The holder knows how a number was written (`exactNumber`).
 * False stops the walk.
 */
export type Take = (value: unknown, holder: object, key: string | number) => boolean;

export interface WalkOutcome {
  /** A member that the path names was absent somewhere. */
  readonly missing: boolean;
  /** Why the path did not fit the body somewhere (a name in an array, a field of a scalar); undefined where it did. */
  readonly mismatch: string | undefined;
  /** Not everything was visited: `take` stopped the walk, or MAX_VISITED did. */
  readonly stopped: boolean;
  /** json-p3 gave up on the body. */
  readonly failure: string | undefined;
}

/** Applies a compiled JSONPath to a body, in the order of the body. `steps` has at least one step. */
export function walkJson(root: object, steps: readonly PathStep[], take: Take): WalkOutcome {
  const walk = new Walk(root, steps, take);
  try {
    walk.descend(root, 0);
  } catch (error) {
    // Too deep, an array too long to spread, a string too long to match.
    if (!(error instanceof RangeError || error instanceof JSONPathError)) throw error;
    walk.failure = error.message;
  }
  return walk;
}

type Parsed = { [key: string]: JSONValue };

/** Reads own properties only: `__proto__` and `constructor` are names like any other. */
class Walk implements WalkOutcome {
  readonly #root: object;
  readonly #steps: readonly PathStep[];
  readonly #take: Take;
  readonly #last: number;
  #visited = 0;
  /** Containers visited by a descendant segment (`..`). */
  #passed = 0;
  missing = false;
  mismatch: string | undefined;
  stopped = false;
  failure: string | undefined;

  constructor(root: object, steps: readonly PathStep[], take: Take) {
    this.#root = root;
    this.#steps = steps;
    this.#take = take;
    this.#last = steps.length - 1;
  }

  /** The recursion is as deep as the path has steps. */
  descend(container: object, depth: number): void {
    const step = this.#steps[depth] as PathStep;
    if (step.kind === 'segment') {
      this.#segment(container, step, depth);
    } else if (step.kind === 'descent') {
      const before = this.#visited;
      this.#everywhere(container, step.name, depth);
      if (this.#visited === before) this.missing = true;
    } else if (Array.isArray(container)) {
      this.#array(container, step, depth);
    } else if (step.kind === 'index') {
      this.mismatch = 'an index into an object';
    } else if (step.kind === 'wildcard') {
      for (const key of Object.keys(container)) this.#member(container, key, depth);
    } else if (Object.hasOwn(container, step.name)) {
      this.#member(container, step.name, depth);
    } else {
      this.missing = true;
    }
  }

  /** RFC 9535 §2.5.2.2. The recursion is as deep as the body: MAX_JSON_DEPTH at most. */
  #everywhere(container: object, name: string, depth: number): void {
    if (this.#passed++ >= MAX_VISITED) this.stopped = true;
    if (this.stopped) return;
    if (!Array.isArray(container) && Object.hasOwn(container, name)) this.#member(container, name, depth);
    for (const key in container) {
      const value = (container as Record<string, unknown>)[key];
      if (typeof value === 'object' && value !== null) this.#everywhere(value, name, depth);
    }
  }

  #array(array: readonly unknown[], step: Exclude<PathStep, { kind: 'segment' | 'descent' }>, depth: number): void {
    if (step.kind === 'name') {
      this.mismatch = 'a name in an array';
    } else if (step.kind === 'wildcard') {
      for (let i = 0; i < array.length && !this.stopped; i++) this.#visit(array[i], array, i, depth);
    } else {
      const index = step.index < 0 ? array.length + step.index : step.index;
      // A shorter array says that there is no such element.
      if (index >= 0 && index < array.length) this.#visit(array[index], array, index, depth);
    }
  }

  #member(holder: object, key: string, depth: number): void {
    if (!this.stopped) this.#visit((holder as Record<string, unknown>)[key], holder, key, depth);
  }

  #segment(container: object, step: Extract<PathStep, { kind: 'segment' }>, depth: number): void {
    const start = new JSONPathNode(container as Parsed, [], this.#root as Parsed);
    let found = false;
    for (const { value, location } of step.segment.lazyResolve([start])) {
      found = true;
      if (this.stopped) return;
      const holder = location.length > 1 ? holderOf(container, location) : container;
      this.#visit(value, holder, location.at(-1) as string | number, depth);
    }
    if (!found && !step.nothingIsAnAnswer) this.missing = true;
  }

  #visit(value: unknown, holder: object, key: string | number, depth: number): void {
    if (++this.#visited > MAX_VISITED) {
      this.stopped = true;
    } else if (depth === this.#last) {
      if (!this.#take(value, holder, key)) this.stopped = true;
    } else if (typeof value === 'object' && value !== null) {
      this.descend(value, depth + 1);
    } else if (value !== null && value !== '') {
      // Null and "" on the way say that there is none: `{"step": null}` for `.step.id`.
      this.mismatch = 'a field of a scalar';
    }
  }
}

function holderOf(container: object, location: readonly (string | number)[]): object {
  let holder: unknown = container;
  for (let i = 0; i < location.length - 1; i++) {
    holder = (holder as Record<string | number, unknown>)[location[i] as string | number];
  }
  return holder as object;
}
