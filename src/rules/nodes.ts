import { JSONPathError, JSONPathNode, type JSONValue } from 'json-p3';
import { exactNumber } from './json.ts';
import { MAX_SELECTED, MAX_VISITED } from './selection.ts';
import type { ExactNumbers, Json, Step } from './types.ts';

/** One value of a body, and what holds it: how a number was written is kept by its holder. */
export interface Node {
  readonly value: unknown;
  readonly holder: object | undefined;
  readonly key: string | number;
}

type Parsed = { [key: string]: JSONValue };

/** Everything that a compiled JSONPath selects from a body, of whatever kind; undefined beyond the bounds of a selection. */
export function nodesAt(root: unknown, steps: readonly Step[]): readonly Node[] | undefined {
  let nodes: Node[] = [{ value: root, holder: undefined, key: '' }];
  try {
    for (const step of steps) {
      nodes = nodes.flatMap(({ value }) => (typeof value === 'object' && value !== null ? below(value, step) : []));
      if (nodes.length > MAX_VISITED) return undefined;
    }
  } catch (error) {
    // json-p3 gives up on what is too deep or too long.
    if (error instanceof RangeError || error instanceof JSONPathError) return undefined;
    throw error;
  }
  return nodes.length > MAX_SELECTED ? undefined : nodes;
}

function below(container: object, step: Step): Node[] {
  if (step.kind === 'segment') {
    const found: Node[] = [];
    for (const node of step.segment.lazyResolve([new JSONPathNode(container as Parsed, [], container as Parsed)])) {
      if (found.length > MAX_VISITED) break;
      const [holder, key] = holderOf(container, node.location);
      found.push({ value: node.value, holder, key });
    }
    return found;
  }
  if (step.kind === 'descent') return everywhere(container, step.name, []);
  if (step.kind === 'wildcard')
    return Object.entries(container).map(([key, value]) => ({ value, holder: container, key }));
  const key =
    step.kind === 'name'
      ? step.name
      : step.index < 0 && Array.isArray(container)
        ? container.length + step.index
        : step.index;
  if (Array.isArray(container) !== (step.kind === 'index') || !Object.hasOwn(container, key)) return [];
  return [{ value: (container as Record<string | number, unknown>)[key], holder: container, key }];
}

/** RFC 9535 §2.5.2.2. Bodies are no deeper than MAX_JSON_DEPTH. */
function everywhere(container: object, name: string, found: Node[]): Node[] {
  if (found.length > MAX_VISITED) return found;
  if (!Array.isArray(container) && Object.hasOwn(container, name)) {
    found.push({ value: (container as Record<string, unknown>)[name], holder: container, key: name });
  }
  for (const value of Object.values(container)) {
    if (typeof value === 'object' && value !== null) everywhere(value, name, found);
  }
  return found;
}

function holderOf(container: object, location: readonly (string | number)[]): [object, string | number] {
  let holder: unknown = container;
  for (const part of location.slice(0, -1)) holder = (holder as Record<string | number, unknown>)[part];
  return [holder as object, location.at(-1) as string | number];
}

/** A body with how its numbers were written. */
export type Body = Extract<Json, { value: unknown }>;

/**
 * Whether two bodies are the same JSON, in whatever order their members stand. Members that are in `ignored` of their holder
 * are left out. Numbers are compared as they were written where a double cannot hold them.
 */
export function sameJson(a: Body, b: Body, ignored: { readonly a: Ignored; readonly b: Ignored }): boolean {
  return same(
    { value: a.value, holder: undefined, key: '' },
    { value: b.value, holder: undefined, key: '' },
    { a: a.exact, b: b.exact, ignored },
  );
}

export type Ignored = ReadonlyMap<object, ReadonlySet<string>>;

interface Comparison {
  readonly a: ExactNumbers | undefined;
  readonly b: ExactNumbers | undefined;
  readonly ignored?: { readonly a: Ignored; readonly b: Ignored };
}

/** Whether two selected values are the same JSON. The recursion is as deep as bodies may be (MAX_JSON_DEPTH). */
export function same(a: Node, b: Node, comparison: Comparison): boolean {
  const [x, y] = [a.value, b.value];
  if (typeof x === 'number' && typeof y === 'number') {
    return written(a, comparison.a) === written(b, comparison.b);
  }
  if (typeof x !== 'object' || typeof y !== 'object' || x === null || y === null) return x === y;
  if (Array.isArray(x) !== Array.isArray(y)) return false;
  const [ignoredX, ignoredY] = [comparison.ignored?.a.get(x), comparison.ignored?.b.get(y)];
  const kept = (holder: object, ignored: ReadonlySet<string> | undefined): string[] =>
    Object.keys(holder).filter((key) => ignored?.has(key) !== true);
  const [keysX, keysY] = [kept(x, ignoredX), kept(y, ignoredY)];
  if (keysX.length !== keysY.length) return false;
  return keysX.every(
    (key) =>
      Object.hasOwn(y, key) &&
      ignoredY?.has(key) !== true &&
      same(
        { value: (x as Record<string, unknown>)[key], holder: x, key },
        { value: (y as Record<string, unknown>)[key], holder: y, key },
        comparison,
      ),
  );
}

/** As it was written where that says more than the double. */
function written({ value, holder, key }: Node, exact: ExactNumbers | undefined): string {
  return (holder && exactNumber(exact, holder, key)) ?? String(value);
}

/** What a path selects, as members to be left out of a comparison. */
export function ignoredBelow(body: Body, paths: readonly (readonly Step[])[]): Ignored {
  const ignored = new Map<object, Set<string>>();
  for (const { holder, key } of paths.flatMap((steps) => nodesAt(body.value, steps) ?? [])) {
    if (holder === undefined) continue;
    const keys = ignored.get(holder) ?? new Set();
    ignored.set(holder, keys.add(String(key)));
  }
  return ignored;
}
