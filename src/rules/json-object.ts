import type { TextNode } from './json-text.ts';

/** A value in a JSON text. */
export interface TextValue {
  readonly text: string;
  readonly node: TextNode;
}

/** A member of an object in a JSON text. */
export interface Member {
  readonly name: string;
  readonly value: TextValue;
  /** The name with its quotes and escapes. */
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

export const textOfValue = ({ text, node }: TextValue): string => text.slice(node.offset, node.offset + node.length);

/** The members of an object by their names, in order; undefined for any other value. */
export function membersOf(value: TextValue | undefined): ReadonlyMap<string, Member> | undefined {
  if (value?.node.type !== 'object') return undefined;
  const { text, node } = value;
  const members = new Map<string, Member>();
  for (const property of node.children ?? []) {
    const [key, inner] = property.children ?? [];
    if (key === undefined || inner === undefined) continue;
    members.set(key.value as string, {
      name: key.value as string,
      value: { text, node: inner },
      key: text.slice(key.offset, key.offset + key.length),
      start: key.offset,
      end: inner.offset + inner.length,
    });
  }
  return members;
}

/**
 * The text of an object with some members replaced, removed and added. What is not touched keeps its exact text, white
 * space included.
 * @param edit the text of a member's new value; undefined removes the member
 * @param added whole members: `"name":value`
 */
export function editedObject(
  { text, node }: TextValue,
  members: Iterable<Member>,
  { edit, added }: { edit: (member: Member) => string | undefined; added: readonly string[] },
): string {
  const end = node.offset + node.length;
  const parts: string[] = [];
  let at = node.offset + 1;
  let kept = 0;
  let opening: string | undefined;
  for (const member of members) {
    const gap = text.slice(at, member.start);
    opening ??= gap;
    const value = edit(member);
    at = member.end;
    if (value === undefined) continue;
    // Of the members before it none is left: what follows the brace takes the place of a comma.
    parts.push(kept === 0 ? opening : gap, text.slice(member.start, member.value.node.offset), value);
    kept += 1;
  }
  for (const member of added) {
    parts.push(kept === 0 ? '' : ',', member);
    kept += 1;
  }
  return `{${parts.join('')}${text.slice(at, end)}`;
}
