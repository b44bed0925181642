import { type Preserved, preservedBy } from './json-merge.ts';
import { editedObject, type Member, parseObjects, type TextValue, textOfValue } from './json-object.ts';
import { folded, isAmbiguous, pointerTokens } from './json-patch.ts';
import { parseText, spanOf } from './json-text.ts';
import { type Body, type Node, same } from './nodes.ts';

/** The names that lead to a member. */
type Names = readonly string[];

/** The preserved members that differ between two documents. */
export function changedMembers(a: Body, b: Body, paths: readonly Names[]): readonly Names[] {
  return paths.filter((names) => {
    const [x, y] = [memberAt(a, names), memberAt(b, names)];
    if (x === undefined || y === undefined) return x !== y;
    return !same(x, y, { a: a.exact, b: b.exact });
  });
}

function memberAt({ value }: Body, names: Names): Node | undefined {
  let node: Node = { value, holder: undefined, key: '' };
  for (const name of names) {
    const { value: holder } = node;
    if (!isObject(holder) || !Object.hasOwn(holder, name)) return undefined;
    node = { value: holder[name], holder, key: name };
  }
  return node;
}

/**
 * Members that differ from a preserved one, or from what holds it, only by letter case. Some parsers take them for the
 * same, and the last one counts (encoding/json of Go). One that `current` has, too, is known to be another member.
 */
export function otherwiseSpelled(body: unknown, current: unknown, preserve: Preserved): readonly Names[] {
  if (!isObject(body)) return [];
  const present = isObject(current) ? current : {};
  const names = new Set([...preserve.keys()].map(folded));
  return Object.entries(body).flatMap(([name, value]) => {
    const below = preserve.get(name);
    const was = Object.hasOwn(present, name) ? present[name] : undefined;
    if (below === undefined) return names.has(folded(name)) && was === undefined ? [[name]] : [];
    return below === 'whole' ? [] : otherwiseSpelled(value, was, below).map((rest) => [name, ...rest]);
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a merge patch names nothing but objects: it would change no more than what it is laid over lacks. */
export function isEmptyPatch(patch: unknown): boolean {
  return isObject(patch) && Object.values(patch).every(isEmptyPatch);
}

/** A merge patch, which is an object, without what it says of these members. */
export function withoutMembers(patch: string, paths: readonly Names[]): string {
  const text = reduced(parseObjects(patch), preservedBy(paths));
  if (text === undefined) throw new Error('the patch is no object: the caller must refuse it');
  return text;
}

function reduced(value: TextValue, dropped: Preserved | 'whole'): string | undefined {
  if (value.members === undefined || dropped === 'whole') return undefined;
  const edit = ({ name, value: inner }: Member): string | undefined => {
    const below = dropped.get(name);
    return below === undefined ? textOfValue(inner) : reduced(inner, below);
  };
  return editedObject(value, { edit, added: [] });
}

/** An operation of a JSON Patch that is not what RFC 6902 says. */
export interface MalformedPatch {
  readonly why: string;
}

const operations = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);
/**
 * The operations of a JSON Patch (RFC 6902), by their index, that may change a preserved member: at it, below it, or
 * above it, in any letter case. What they would make of it is not looked at.
 */
export function touchingOperations(patch: unknown, paths: readonly Names[]): readonly number[] | MalformedPatch {
  if (!Array.isArray(patch)) return { why: 'it is not a list of operations' };
  const touching: number[] = [];
  // One tree: 30,000 operations fit into a body, and each would be compared with every path.
  const kept = preservedBy(paths.map((names) => names.map(folded)));
  for (const [i, operation] of patch.entries()) {
    const { op, path, from } = Object(operation) as Record<string, unknown>;
    const changed = [path, ...(op === 'move' ? [from] : [])].map(tokensOf);
    const isKnown = typeof op === 'string' && operations.has(op);
    if (!isKnown || changed.includes(undefined) || isAmbiguous(operation)) {
      return { why: `operation ${i} is malformed` };
    }
    const touches = changed.some((tokens) => isOnOneLine(tokens ?? [], kept));
    if (op !== 'test' && touches) touching.push(i);
  }
  return touching;
}

/** With letter case left out. */
const tokensOf = (pointer: unknown): Names | undefined => pointerTokens(pointer)?.map(folded);

/** Whether a place is at, above or below a preserved member. */
function isOnOneLine(names: Names, preserved: Preserved): boolean {
  let here = preserved;
  for (const name of names) {
    const below = here.get(name);
    if (below === undefined || below === 'whole') return below === 'whole';
    here = below;
  }
  return here.size > 0;
}

/** A list without some of its elements. */
export function withoutElements(list: string, indexes: readonly number[]): string {
  const left = new Set(indexes);
  const kept = (parseText(list).children ?? []).filter((_, i) => !left.has(i)).map(spanOf);
  return `[${kept.map(({ start, end }) => list.slice(start, end)).join(',')}]`;
}
