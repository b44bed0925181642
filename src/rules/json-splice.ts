import { elements, locate, members, type Span } from './json-text.ts';

/** What becomes of an element in a parent. `text` is the JSON text of the new representation. */
export type Change =
  /** Put in the place of the element with the same key; added where there is none, if it may be. */
  | { readonly kind: 'put'; readonly text: string; readonly add: 'end' | 'start' | 'never' }
  /** Only taken out: it went elsewhere, or is no more. */
  | { readonly kind: 'remove'; readonly key: string };

export interface Place {
  /** The reference tokens of a JSON Pointer. */
  readonly at: readonly string[];
  /** The member that tells elements apart. */
  readonly key: string;
}

/**
 * The parent's text with one element put, added or removed; everything else stands as it was written, to the last blank. Why
 * not, where it cannot be certain: the place is not there or of another kind, elements that cannot be told apart, a
 * representation with other members than the one that it replaces (a summary, of which this would be the whole).
 */
export function spliceElement(parent: string, place: Place, change: Change): { text: string } | { uncertain: string } {
  const span = locate(parent, place.at);
  if (span === undefined) return { uncertain: 'the parent has nothing at that place' };
  const opening = parent.charAt(span.start);
  if (opening === '[') return spliceArray(parent, span, place.key, change);
  if (opening !== '{') return { uncertain: 'at that place is neither an array nor an object' };
  if (change.kind === 'remove') return { uncertain: 'what stands for nothing is not known' };
  const misfit = misfits(parent, span, change.text, place.key, true);
  return misfit === undefined ? { text: replaced(parent, span, change.text) } : { uncertain: misfit };
}

function spliceArray(
  parent: string,
  array: Span,
  key: string,
  change: Change,
): { text: string } | { uncertain: string } {
  const spans = elements(parent, array);
  const keys = spans.map((span) => keyOf(parent, span, key));
  if (keys.includes(undefined)) return { uncertain: `an element has no ${key}` };
  if (new Set(keys).size < keys.length) return { uncertain: `two elements have the same ${key}` };
  const wanted = change.kind === 'remove' ? change.key : keyOfText(change.text, key);
  if (wanted === undefined) return { uncertain: `the representation has no ${key}` };
  const at = keys.indexOf(wanted);
  if (change.kind === 'remove') return { text: at < 0 ? parent : without(parent, spans, at) };
  if (at >= 0) {
    const misfit = misfits(parent, spans[at] as Span, change.text, key, false);
    return misfit === undefined ? { text: replaced(parent, spans[at] as Span, change.text) } : { uncertain: misfit };
  }
  if (change.add === 'never') return { uncertain: 'where it would be added is not said' };
  const beside = spans[0];
  const misfit = beside && misfits(parent, beside, change.text, key, false);
  return misfit === undefined ? { text: added(parent, array, spans, change) } : { uncertain: misfit };
}

/** Why a representation cannot stand where another does. */
function misfits(parent: string, span: Span, text: string, key: string, sameKey: boolean): string | undefined {
  if (parent.charAt(span.start) !== '{' || text.charAt(0) !== '{') return 'it is no object';
  const was = members(parent, span);
  const is = members(text, { start: 0, end: text.length });
  if (sameKey && keyOf(parent, span, key) !== keyOfText(text, key)) return `it has another ${key}`;
  if (was.size === is.size && [...was.keys()].every((name) => is.has(name))) return undefined;
  return 'it has other members than what it would replace';
}

function replaced(parent: string, { start, end }: Span, text: string): string {
  return parent.slice(0, start) + text + parent.slice(end);
}

function without(parent: string, spans: readonly Span[], at: number): string {
  const span = spans[at] as Span;
  const [before, after] = [spans[at - 1], spans[at + 1]];
  if (after !== undefined) return parent.slice(0, span.start) + parent.slice(after.start);
  return before === undefined
    ? parent.slice(0, span.start) + parent.slice(span.end)
    : parent.slice(0, before.end) + parent.slice(span.end);
}

function added(
  parent: string,
  array: Span,
  spans: readonly Span[],
  { text, add }: Extract<Change, { kind: 'put' }>,
): string {
  const [first, last] = [spans[0], spans.at(-1)];
  if (first === undefined || last === undefined)
    return `${parent.slice(0, array.start)}[${text}]${parent.slice(array.end)}`;
  if (add === 'start') return `${parent.slice(0, first.start)}${text},${parent.slice(first.start)}`;
  return `${parent.slice(0, last.end)},${text}${parent.slice(last.end)}`;
}

const keyOfText = (text: string, key: string): string | undefined => keyOf(text, { start: 0, end: text.length }, key);

/** The key of an element, as an id: a string, or a number as it is written. */
function keyOf(text: string, span: Span, key: string): string | undefined {
  if (text.charAt(span.start) !== '{') return undefined;
  const value = members(text, span).get(key);
  if (value === undefined) return undefined;
  const written = text.slice(value.start, value.end);
  if (written.startsWith('"')) return JSON.parse(written) as string;
  return /^-?[0-9]/.test(written) ? written : undefined;
}
