import { editedObject, type Member, parseObjects, type TextValue, textOfValue } from './json-object.ts';

/*
 * Documents are merged as texts, so that what is not touched keeps its bytes: numbers beyond 2^53, the order of
 * members, escapes. The callers have parsed every text before (`parseJson`): each is valid, no deeper than
 * MAX_JSON_DEPTH, and names no member twice.
 */

/** Members that keep their values: by name, and what is kept below the member; `whole`: all of it. */
export type Preserved = ReadonlyMap<string, Preserved | 'whole'>;

/** @param paths names that lead to the members */
export function preservedBy(paths: readonly (readonly string[])[]): Preserved {
  const byName = new Map<string, (readonly string[])[]>();
  for (const [name, ...rest] of paths) {
    if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), rest]);
  }
  return new Map(
    [...byName].map(([name, rests]) => [name, rests.some(({ length }) => length === 0) ? 'whole' : preservedBy(rests)]),
  );
}

const none: Preserved = new Map();

interface Overlaying {
  /** Members that the body leaves out keep their current values. */
  readonly merge: boolean;
}

/**
 * A document that replaces `current`: the text of `body`, with the preserved members as they are in `current`, and
 * under `merge` with the members that `body` leaves out. Objects are merged member by member; arrays and scalars are
 * replaced, and `null` is a value like others. A preserved member that `current` does not have is removed.
 */
export function overlaid(body: string, current: string, options: { merge: boolean; preserve: Preserved }): string {
  return over(parseObjects(body), parseObjects(current), options.preserve, { merge: options.merge });
}

function over(body: TextValue, current: TextValue | undefined, preserve: Preserved, how: Overlaying): string {
  const { members } = body;
  const present = current?.members;
  if (members === undefined) {
    // Whatever the body puts in the place of the object, the preserved members stay.
    return (present && onlyPreserved(present, preserve)) ?? textOfValue(body);
  }
  if (preserve.size === 0 && (present === undefined || !how.merge)) return textOfValue(body);
  const edit = ({ name, value }: Member): string | undefined => {
    const kept = preserve.get(name);
    const was = present?.get(name)?.value;
    if (kept === 'whole') return was && textOfValue(was);
    return over(value, was, kept ?? none, how);
  };
  const added: string[] = [];
  for (const [name, { key, value }] of present ?? []) {
    if (members.has(name)) continue;
    const text = how.merge ? textOfValue(value) : preservedPart(value, preserve.get(name));
    if (text !== undefined) added.push(`${key}:${text}`);
  }
  return editedObject(body, { edit, added });
}

/** What of a value is preserved; undefined if nothing is. */
function preservedPart(value: TextValue, preserve: Preserved | 'whole' | undefined): string | undefined {
  if (preserve === undefined) return undefined;
  if (preserve === 'whole') return textOfValue(value);
  return value.members && onlyPreserved(value.members, preserve);
}

function onlyPreserved(members: ReadonlyMap<string, Member>, preserve: Preserved): string | undefined {
  const parts: string[] = [];
  for (const [name, below] of preserve) {
    const member = members.get(name);
    const text = member && preservedPart(member.value, below);
    if (text !== undefined) parts.push(`${member?.key}:${text}`);
  }
  return parts.length === 0 ? undefined : `{${parts.join(',')}}`;
}

/** What a JSON Merge Patch makes of a document (RFC 7396 §2). */
export function mergePatched(target: string, patch: string): string {
  return patched(parseObjects(target), parseObjects(patch));
}

function patched(target: TextValue | undefined, patch: TextValue): string {
  const { members: changes } = patch;
  if (changes === undefined) return textOfValue(patch);
  const members = target?.members;
  if (target === undefined || members === undefined) {
    const edit = ({ value }: Member): string | undefined => (isNull(value) ? undefined : patched(undefined, value));
    return editedObject(patch, { edit, added: [] });
  }
  const edit = ({ name, value }: Member): string | undefined => {
    const change = changes.get(name)?.value;
    if (change === undefined) return textOfValue(value);
    return isNull(change) ? undefined : patched(value, change);
  };
  const added: string[] = [];
  for (const [name, { key, value }] of changes) {
    if (!members.has(name) && !isNull(value)) added.push(`${key}:${patched(undefined, value)}`);
  }
  return editedObject(target, { edit, added });
}

const isNull = (value: TextValue): boolean => value.text.startsWith('null', value.start);
