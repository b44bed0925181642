import { exactNumber } from './json.ts';
import { walkJson } from './json-walk.ts';
import { MAX_SELECTED } from './selection.ts';
import type { ExactNumbers, Json, PathStep } from './types.ts';

/** A value in a body with its container, which identifies how a number was written (`exactNumber`). */
export interface Node {
  readonly value: unknown;
  readonly holder: object | undefined;
  readonly key: string | number;
}

/** Every value that a compiled JSONPath selects from a body; undefined beyond the bounds of a selection. */
export function nodesAt(root: unknown, steps: readonly PathStep[]): readonly Node[] | undefined {
  if (steps.length === 0) return [{ value: root, holder: undefined, key: '' }];
  if (typeof root !== 'object' || root === null) return [];
  const nodes: Node[] = [];
  const { stopped, failure } = walkJson(root, steps, (value, holder, key) => {
    nodes.push({ value, holder, key });
    return nodes.length <= MAX_SELECTED;
  });
  return stopped || failure !== undefined ? undefined : nodes;
}

/** A parsed body, with the numbers that a double cannot represent. */
export type Body = Extract<Json, { value: unknown }>;

/**
 * Whether two bodies are equal JSON. The order of members does not matter, and members in `ignored` are left out.
 * Numbers that a double cannot represent are compared as written.
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

/** Whether two selected values are equal JSON. The recursion is at most MAX_JSON_DEPTH deep. */
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

/** As written, if a double cannot represent it. */
function written({ value, holder, key }: Node, exact: ExactNumbers | undefined): string {
  return (holder && exactNumber(exact, holder, key)) ?? String(value);
}

/** The members that paths select, to be left out of a comparison. */
export function ignoredBelow(body: Body, paths: readonly (readonly PathStep[])[]): Ignored {
  const ignored = new Map<object, Set<string>>();
  for (const { holder, key } of paths.flatMap((steps) => nodesAt(body.value, steps) ?? [])) {
    if (holder === undefined) continue;
    const keys = ignored.get(holder) ?? new Set();
    ignored.set(holder, keys.add(String(key)));
  }
  return ignored;
}
