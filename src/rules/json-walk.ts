import { JSONPathNode, type JSONValue } from 'json-p3';
import { exactNumber } from './json.ts';
import { MAX_ID_LENGTH, MAX_SELECTED, MAX_VISITED, nothing, type Selection } from './selection.ts';
import type { ExactNumbers, Step } from './types.ts';

/** Leads from a container to a value in it: a name, an index, or a path of them. */
type Key = string | number | readonly (string | number)[];
type Parsed = { [key: string]: JSONValue };

/**
 * One application of a compiled JSONPath to one body. Own properties only: `__proto__` and `constructor` are names like any
 * other.
 */
export class JsonWalk {
  readonly #root: object;
  readonly #exact: ExactNumbers | undefined;
  readonly #steps: readonly Step[];
  readonly #values = new Set<string>();
  #visited = 0;
  /** Containers that a descent has gone through. */
  #passed = 0;
  #missing = false;
  #found = false;
  #unusable: string | undefined;

  constructor(root: object, exact: ExactNumbers | undefined, steps: readonly Step[]) {
    this.#root = root;
    this.#exact = exact;
    this.#steps = steps;
  }

  selection(): Selection {
    const values = [...this.#values];
    if (this.#full()) return nothing('too-many', `more than ${MAX_SELECTED} values or ${MAX_VISITED} nodes`);
    if (this.#unusable !== undefined)
      return { values, certainty: 'unknown', reason: this.#unusable, found: this.#found };
    if (!this.#missing) return { values, certainty: 'all', reason: values.length === 0 ? 'nothing selected' : '' };
    if (values.length === 0) return nothing('missing', 'missing');
    // Of several elements some have the field: what the others stand for is not known.
    return { values, certainty: 'unknown', reason: 'missing in some elements' };
  }

  /** From a container on; a recursion as deep as the path has steps. */
  descend(container: object, depth: number): void {
    const step = this.#steps[depth] as Step;
    if (step.kind === 'segment') {
      this.#segment(container, step, depth);
    } else if (step.kind === 'descent') {
      const found = this.#visited;
      this.#everywhere(container, step.name, depth);
      if (this.#visited === found) this.#missing = true;
    } else if (Array.isArray(container)) {
      this.#array(container, step, depth);
    } else if (step.kind === 'index') {
      this.#unusable = 'an index into an object';
    } else if (step.kind === 'wildcard') {
      for (const key of Object.keys(container)) this.#member(container, key, depth);
    } else if (Object.hasOwn(container, step.name)) {
      this.#member(container, step.name, depth);
    } else {
      this.#missing = true;
    }
  }

  /** RFC 9535 §2.5.2.2. Bodies are no deeper than MAX_JSON_DEPTH. */
  #everywhere(container: object, name: string, depth: number): void {
    if (this.#passed++ > MAX_VISITED || this.#full()) return;
    if (!Array.isArray(container) && Object.hasOwn(container, name)) this.#member(container, name, depth);
    for (const key in container) {
      const value = (container as Record<string, unknown>)[key];
      if (typeof value === 'object' && value !== null) this.#everywhere(value, name, depth);
    }
  }

  #array(array: readonly unknown[], step: Exclude<Step, { kind: 'segment' | 'descent' }>, depth: number): void {
    if (step.kind === 'name') {
      this.#unusable = 'a name in an array';
    } else if (step.kind === 'wildcard') {
      for (let i = 0; i < array.length && !this.#full(); i++) this.#visit(array[i], array, i, depth);
    } else {
      const index = step.index < 0 ? array.length + step.index : step.index;
      // An array that is shorter says that there is no such element.
      if (index >= 0 && index < array.length) this.#visit(array[index], array, index, depth);
    }
  }

  #member(holder: object, key: string, depth: number): void {
    if (!this.#full()) this.#visit((holder as Record<string, unknown>)[key], holder, key, depth);
  }

  #segment(container: object, step: Extract<Step, { kind: 'segment' }>, depth: number): void {
    const start = new JSONPathNode(container as Parsed, [], this.#root as Parsed);
    let found = false;
    for (const node of step.segment.lazyResolve([start])) {
      found = true;
      if (this.#full()) return;
      this.#visit(node.value, container, node.location, depth);
    }
    if (!found && !step.nothingIsAnAnswer) this.#missing = true;
  }

  #visit(value: unknown, holder: object, key: Key, depth: number): void {
    this.#visited++;
    // Null says that there is none, at the end of the path or on the way (`{"step": null}` for `.step.id`); so does "".
    if (value === null || value === '') return;
    if (depth === this.#steps.length - 1) this.#take(value, holder, key);
    else if (typeof value === 'object') this.descend(value, depth + 1);
    else this.#unusable = 'a field of a scalar';
  }

  #take(value: unknown, holder: object, key: Key): void {
    this.#found = true;
    let id: string;
    if (typeof value === 'string') id = value.toWellFormed();
    else if (typeof value === 'number') id = this.#exactly(value, holder, key);
    // A flag has one spelling and stands in queries (`?archived=true`): refusing it would widen for nothing.
    else if (typeof value === 'boolean') id = String(value);
    else {
      this.#unusable = Array.isArray(value) ? 'an array is no id' : 'an object is no id';
      return;
    }
    if (id.length > MAX_ID_LENGTH) this.#unusable = 'too long for an id';
    else this.#values.add(id);
  }

  #exactly(value: number, holder: object, key: Key): string {
    if (this.#exact === undefined) return String(value);
    if (typeof key !== 'object') return exactNumber(this.#exact, holder, key) ?? String(value);
    let inner: unknown = holder;
    for (const part of key.slice(0, -1)) inner = (inner as Record<string | number, unknown>)[part];
    return exactNumber(this.#exact, inner as object, key.at(-1) as string | number) ?? String(value);
  }

  #full(): boolean {
    return this.#values.size > MAX_SELECTED || this.#visited > MAX_VISITED || this.#passed > MAX_VISITED;
  }
}
