/**
 * Places in a JSON text. The text has been parsed before: it is valid, no deeper than MAX_JSON_DEPTH, and names no member
 * twice, so that what is found here is what every parser finds.
 */
export interface Span {
  readonly start: number;
  /** The index after the last character. */
  readonly end: number;
}

/** The value that a JSON Pointer's tokens lead to (RFC 6901 §4), undefined where there is none. */
export function locate(text: string, tokens: readonly string[]): Span | undefined {
  let span: Span | undefined = valueAt(text, afterSpace(text, 0));
  for (const token of tokens) {
    if (span === undefined) return undefined;
    const opening = text.charAt(span.start);
    if (opening === '{') span = members(text, span).get(token);
    else if (opening === '[' && /^(?:0|[1-9][0-9]*)$/.test(token)) span = elements(text, span)[Number(token)];
    else return undefined;
  }
  return span;
}

/** The elements of an array. */
export function elements(text: string, array: Span): Span[] {
  const found: Span[] = [];
  let at = afterSpace(text, array.start + 1);
  while (text.charAt(at) !== ']') {
    const span = valueAt(text, at);
    found.push(span);
    at = afterSpace(text, span.end);
    if (text.charAt(at) === ',') at = afterSpace(text, at + 1);
  }
  return found;
}

/** The members of an object, by name. */
export function members(text: string, object: Span): Map<string, Span> {
  const found = new Map<string, Span>();
  let at = afterSpace(text, object.start + 1);
  while (text.charAt(at) !== '}') {
    const name = valueAt(text, at);
    const colon = afterSpace(text, name.end);
    const span = valueAt(text, afterSpace(text, colon + 1));
    found.set(JSON.parse(text.slice(name.start, name.end)) as string, span);
    at = afterSpace(text, span.end);
    if (text.charAt(at) === ',') at = afterSpace(text, at + 1);
  }
  return found;
}

function valueAt(text: string, start: number): Span {
  const opening = text.charAt(start);
  if (opening === '"') return { start, end: afterString(text, start) };
  if (opening !== '{' && opening !== '[') {
    let end = start;
    while (end < text.length && !/[\s,\]}]/.test(text.charAt(end))) end++;
    return { start, end };
  }
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') at = afterString(text, at) - 1;
    else if (character === '{' || character === '[') depth++;
    else if ((character === '}' || character === ']') && --depth === 0) return { start, end: at + 1 };
  }
  throw new Error('the text is no JSON: it was to be parsed first');
}

function afterString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '\\') at++;
    else if (character === '"') return at + 1;
  }
  throw new Error('the text is no JSON: it was to be parsed first');
}

function afterSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[ \t\r\n]/.test(text.charAt(at))) at++;
  return at;
}
