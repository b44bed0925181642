/** What copies may add to a document together, as JSON: a few operations could double it again and again. */
const MAX_COPIED = 1024 * 1024;
/** Deeper documents are refused anyway (json.ts). */
const MAX_TOKENS = 100;

/** Why a patch, or an operation of it, is refused. */
interface NotApplied {
  readonly why: string;
}

/**
 * What a JSON Patch (RFC 6902) makes of a value, for a check: numbers beyond 2^53 are rounded. Pure: neither argument is
 * changed.
 */
export function jsonPatched(target: unknown, operations: unknown): { readonly value: unknown } | NotApplied {
  if (!Array.isArray(operations)) return { why: 'it is not a list of operations' };
  // A holder, so that the whole document is a member, too.
  const root: { document: unknown } = { document: structuredClone(target) };
  const budget = { left: MAX_COPIED };
  for (const [i, operation] of operations.entries()) {
    const why = applied(root, Object(operation) as Operation, budget);
    if (why !== undefined) return { why: `operation ${i}: ${why}` };
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
  left: number;
}

/** Undefined if it was done. */
function applied(root: object, operation: Operation, budget: Budget): string | undefined {
  const { op, value } = operation;
  const path = placeOf(operation.path);
  if (path === undefined) return 'its path is malformed';
  switch (op) {
    case 'add':
      return added(root, path, structuredClone(value));
    case 'remove':
      return 'value' in removed(root, path) ? undefined : 'there is nothing at its path';
    case 'replace': {
      if (path.length === 1) return added(root, path, structuredClone(value));
      return 'value' in removed(root, path)
        ? added(root, path, structuredClone(value))
        : 'there is nothing at its path';
    }
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
    removed(root, from);
    return added(root, path, source.value);
  }
  const text = JSON.stringify(source.value);
  budget.left -= text.length;
  return budget.left < 0 ? 'it copies too much' : added(root, path, JSON.parse(text));
}

/** The names that lead from the holder of the document to a place. */
type Place = readonly string[];

function placeOf(pointer: unknown): Place | undefined {
  const tokens = pointerTokens(pointer);
  return tokens === undefined || tokens.length > MAX_TOKENS ? undefined : ['document', ...tokens];
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

function added(root: object, place: Place, value: unknown): string | undefined {
  const token = place.at(-1) as string;
  const holder = found(root, place.slice(0, -1))?.value;
  if (typeof holder !== 'object' || holder === null) return 'there is nothing that could hold its path';
  if (Array.isArray(holder)) {
    const index = token === '-' ? holder.length : isIndex(token) ? Number(token) : Number.NaN;
    if (!(index <= holder.length)) return 'its path is beyond the end of the list';
    holder.splice(index, 0, value);
  } else {
    // Assigning to `__proto__` would change the object's prototype.
    Object.defineProperty(holder, token, { value, enumerable: true, writable: true, configurable: true });
  }
  return undefined;
}

function removed(root: object, place: Place): { readonly value: unknown } | NotApplied {
  const source = found(root, place);
  const holder = found(root, place.slice(0, -1))?.value;
  if (source === undefined || place.length === 1) return { why: 'there is nothing' };
  if (Array.isArray(holder)) holder.splice(Number(place.at(-1)), 1);
  else delete (holder as Record<string, unknown>)[place.at(-1) as string];
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
