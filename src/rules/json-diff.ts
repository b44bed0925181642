import { parseObjects, type TextValue, textOfValue } from './json-object.ts';

/** A member that differs, by its JSON Pointer (RFC 6901). The values are JSON texts; undefined where there is none. */
export interface Difference {
  readonly at: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** How one JSON text differs from another, member by member. Arrays and scalars differ as a whole, and as written. */
export function differences(from: string, to: string): Difference[] {
  const found: Difference[] = [];
  compare('', parseObjects(from), parseObjects(to), found);
  return found;
}

function compare(at: string, from: TextValue | undefined, to: TextValue | undefined, found: Difference[]): void {
  const [before, after] = [from?.members, to?.members];
  if (before === undefined || after === undefined) {
    const [old, now] = [from && textOfValue(from), to && textOfValue(to)];
    if (old !== now) found.push({ at, from: old, to: now });
    return;
  }
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const token = name.replaceAll('~', '~0').replaceAll('/', '~1');
    compare(`${at}/${token}`, before.get(name)?.value, after.get(name)?.value, found);
  }
}
