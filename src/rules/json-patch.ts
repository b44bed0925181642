import { MAX_JSON_DEPTH } from './json.ts';

/** What copies may add to a document together, as JSON: a few operations could double it again and again. */
const MAX_COPIED = 1024 * 1024;
/** Steps of work for one patch: thousands of operations could each move a large list, or look through it. */
const MAX_STEPS = 5_000_000;
/** How many elements of a list are moved along in one step. */
const MOVED_PER_STEP = 16;

/** Why a patch, or an operation of it, is refused. */
interface NotApplied {
  readonly why: string;
}

/**
 * What a JSON Patch (RFC 6902) makes of a value, for a check: numbers beyond 2^53 are rounded. Pure: neither argument
 * is changed.
 */
export function jsonPatched(target: unknown, operations: unknown): { readonly value: unknown } | NotApplied {
  if (!Array.isArray(operations)) return { why: 'it is not a list of operations' };
  // A holder, so that the whole document is a member, too.
  const root: { document: unknown } = { document: structuredClone(target) };
  const budget = { copied: MAX_COPIED, steps: MAX_STEPS };
  for (const [i, operation] of operations.entries()) {
    const why = isAmbiguous(operation)
      ? 'it names a member twice, in different letter case'
      : applied(root, Object(operation) as Operation, budget);
    if (why !== undefined) return { why: `operation ${i}: ${why}` };
    if (budget.steps < 0) return { why: `operation ${i}: it takes too long` };
  }
  return { value: root.document };
}

interface Operation {
  readonly op?: unknown;
  readonly path?: unknown;
  readonly from?: unknown;
  readonly value?: unknown;
}

interface Budget {
  copied: number;
  steps: number;
}

const membersOfOperations = new Set(['op', 'path', 'from', 'value']);

/** Letter case left out, as lenient parsers do: of `K` (Kelvin) and `ſ` both have to be taken. */
export const folded = (name: string): string => name.toUpperCase().toLowerCase();

/** Some parsers take a member in another letter case for the one that RFC 6902 names, and the last one counts. */
export function isAmbiguous(operation: unknown): boolean {
  const names = Object.keys(Object(operation) as object);
  return names.some((name) => !membersOfOperations.has(name) && membersOfOperations.has(folded(name)));
}

/** Undefined if it was done. */
function applied(root: object, operation: Operation, budget: Budget): string | undefined {
  const { op, value } = operation;
  const path = placeOf(operation.path);
  if (path === undefined) return 'its path is malformed';
  switch (op) {
    case 'add':
      return added(root, { path, value: ownOf(value) }, budget);
    case 'remove':
      return 'value' in removed(root, path, budget) ? undefined : 'there is nothing at its path';
    case 'replace':
      if (found(root, path) === undefined) return 'there is nothing at its path';
      return added(root, { path, value: ownOf(value), replaces: true }, budget);
    case 'test':
      return found(root, path) === undefined || !isEqual(found(root, path)?.value, value)
        ? 'its test fails'
        : undefined;
    case 'move':
    case 'copy':
      return taken(root, { path, from: placeOf(operation.from), moves: op === 'move' }, budget);
    default:
      return 'there is no such operation';
  }
}

function taken(
  root: object,
  { path, from, moves }: { readonly path: Place; readonly from: Place | undefined; readonly moves: boolean },
  budget: Budget,
): string | undefined {
  const source = from && found(root, from);
  if (from === undefined || source === undefined) return 'there is nothing at its "from"';
  if (moves) {
    // §4.4: a place cannot be moved into itself.
    if (path.length > from.length && from.every((token, i) => token === path[i])) return 'it moves a place into itself';
    removed(root, from, budget);
    return added(root, { path, value: source.value }, budget);
  }
  const text = JSON.stringify(source.value);
  budget.copied -= text.length;
  return budget.copied < 0 ? 'it copies too much' : added(root, { path, value: JSON.parse(text) }, budget);
}

const ownOf = (value: unknown): unknown => (isHolder(value) ? structuredClone(value) : value);

const isHolder = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** The names that lead from the holder of the document to a place. */
type Place = readonly string[];

function placeOf(pointer: unknown): Place | undefined {
  const tokens = pointerTokens(pointer);
  return tokens === undefined || tokens.length > MAX_JSON_DEPTH ? undefined : ['document', ...tokens];
}

/** RFC 6901; undefined if it is malformed. */
export function pointerTokens(pointer: unknown): readonly string[] | undefined {
  if (typeof pointer !== 'string' || !/^(?:\/(?:[^~/]|~[01])*)*$/.test(pointer)) return undefined;
  const tokens = pointer.split('/').slice(1);
  return tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function found(root: unknown, place: Place): { readonly value: unknown } | undefined {
  let value = root;
  for (const token of place) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token)) return undefined;
    if (Array.isArray(value) && !isIndex(token)) return undefined;
    value = (value as Record<string, unknown>)[token];
  }
  return { value };
}

const isIndex = (token: string): boolean => /^(?:0|[1-9]\d*)$/.test(token);

interface Addition {
  readonly path: Place;
  readonly value: unknown;
  /** What is there, which must be something. */
  readonly replaces?: boolean;
}

function added(root: object, { path, value, replaces = false }: Addition, budget: Budget): string | undefined {
  const token = path.at(-1) as string;
  const holder = found(root, path.slice(0, -1))?.value;
  if (!isHolder(holder)) return 'there is nothing that could hold its path';
  // What looks at the whole document later does so by recursion.
  if (path.length - 1 + depthOf(value, budget) > MAX_JSON_DEPTH) return 'it nests too deeply';
  if (Array.isArray(holder)) {
    const index = token === '-' ? holder.length : isIndex(token) ? Number(token) : Number.NaN;
    if (!(index <= holder.length)) return 'its path is beyond the end of the list';
    if (!replaces) budget.steps -= (holder.length - index) / MOVED_PER_STEP;
    holder.splice(index, replaces ? 1 : 0, value);
  } else {
    // Assigning to `__proto__` would change the object's prototype.
    Object.defineProperty(holder, token, { value, enumerable: true, writable: true, configurable: true });
  }
  return undefined;
}

/** Of what cannot be told in time, nothing is: the budget is used up then. */
function depthOf(value: unknown, budget: Budget): number {
  budget.steps -= 1;
  if (!isHolder(value) || budget.steps < 0) return 0;
  let deepest = 0;
  for (const each of Object.values(value)) deepest = Math.max(deepest, depthOf(each, budget));
  return deepest + 1;
}

function removed(root: object, place: Place, budget: Budget): { readonly value: unknown } | NotApplied {
  const source = found(root, place);
  const holder = found(root, place.slice(0, -1))?.value;
  if (source === undefined || place.length === 1) return { why: 'there is nothing' };
  if (Array.isArray(holder)) {
    budget.steps -= (holder.length - Number(place.at(-1))) / MOVED_PER_STEP;
    holder.splice(Number(place.at(-1)), 1);
  } else {
    delete (holder as Record<string, unknown>)[place.at(-1) as string];
  }
  return source;
}

/** §4.6 */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [x, y] = [Object.entries(a), Object.entries(b)];
  return (
    x.length === y.length && x.every(([name, value]) => Object.hasOwn(b, name) && isEqual(value, b[name as never]))
  );
}
