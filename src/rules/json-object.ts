import { endOfString } from './json-scan.ts';

/*
 * Objects in a JSON text, and where their members are. The callers have parsed the text before (`parseJson`): it is
 * valid, no deeper than MAX_JSON_DEPTH, and names no member twice. Arrays are taken as a whole: a node for each of
 * their values would cost a hundred times the scan.
 */

/** A value in a JSON text. */
export interface TextValue {
  readonly text: string;
  readonly start: number;
  /** The index after the last character. */
  readonly end: number;
  /** Of an object, by their names, in order. */
  readonly members: ReadonlyMap<string, Member> | undefined;
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

export const textOfValue = ({ text, start, end }: TextValue): string => text.slice(start, end);

/** The value that a JSON text is. */
export const parseObjects = (text: string): TextValue => valueAt(text, afterSpace(text, 0));

const [quote, comma] = [0x22, 0x2c];
const [brace, endBrace, bracket, endBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

function afterSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function valueAt(text: string, start: number): TextValue {
  const code = text.charCodeAt(start);
  if (code === brace) return objectAt(text, start);
  const end =
    code === quote
      ? endOfString(text, start + 1) + 1
      : code === bracket
        ? endOfArray(text, start)
        : endOfWord(text, start);
  return { text, start, end, members: undefined };
}

function objectAt(text: string, start: number): TextValue {
  const members = new Map<string, Member>();
  let at = afterSpace(text, start + 1);
  while (text.charCodeAt(at) === quote) {
    const endOfKey = endOfString(text, at + 1) + 1;
    const key = text.slice(at, endOfKey);
    // After the colon.
    const value = valueAt(text, afterSpace(text, afterSpace(text, endOfKey) + 1));
    const name = key.includes('\\') ? (JSON.parse(key) as string) : key.slice(1, -1);
    members.set(name, { name, value, key, start: at, end: value.end });
    at = afterSpace(text, value.end);
    if (text.charCodeAt(at) === comma) at = afterSpace(text, at + 1);
  }
  return { text, start, end: at + 1, members };
}

function endOfArray(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at + 1);
    else if (code === bracket || code === brace) depth++;
    else if (code === endBracket || code === endBrace) depth--;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

/** Of a number, or of true, false and null. */
function endOfWord(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === comma || code === endBrace || code === endBracket || isSpace(code)) break;
  }
  return at;
}

/**
 * The text of an object with some members replaced, removed and added. What is not touched keeps its exact text, white
 * space included.
 * @param edit the text of a member's new value; undefined removes the member
 * @param added whole members: `"name":value`
 */
export function editedObject(
  { text, start, end, members }: TextValue,
  { edit, added }: { edit: (member: Member) => string | undefined; added: readonly string[] },
): string {
  const parts: string[] = [];
  let at = start + 1;
  let kept = 0;
  let opening: string | undefined;
  for (const member of members?.values() ?? []) {
    const gap = text.slice(at, member.start);
    opening ??= gap;
    const value = edit(member);
    at = member.end;
    if (value === undefined) continue;
    // Of the members before it none is left: what follows the brace takes the place of a comma.
    parts.push(kept === 0 ? opening : gap, text.slice(member.start, member.value.start), value);
    kept += 1;
  }
  for (const member of added) {
    parts.push(kept === 0 ? '' : ',', member);
    kept += 1;
  }
  return `{${parts.join('')}${text.slice(at, end)}`;
}
