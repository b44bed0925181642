import { parseJson } from './json.ts';
import { fits } from './json-kinds.ts';
import { memberOf, nodeAt, parseText, type Span, spanOf, type TextNode } from './json-text.ts';
import { type Body, sameJson } from './nodes.ts';

/** What becomes of an element in a parent. `text` is the JSON text of the new representation. */
export type Change =
  /**
   * Put in the place of the element with the same key; added where there is none, if it may be. `was`: the representation before
   * the write, where it is known; what it takes the place of must be that.
   */
  | { readonly kind: 'put'; readonly text: string; readonly add: 'end' | 'start' | 'never'; readonly was?: Body }
  /** Only taken out: it went elsewhere, or is no more. */
  | { readonly kind: 'remove'; readonly key: string };

export interface Place {
  /** The reference tokens of a JSON Pointer. */
  readonly at: readonly string[];
  /** The member that tells elements apart. */
  readonly key: string;
}

/** `inPlace`: as many elements as before, also where the parent is one of several pages. */
export type Spliced = { readonly text: string; readonly inPlace: boolean } | { readonly uncertain: string };

/**
 * The parent's text with one element put, added or removed; everything else stands as it was written, to the last blank. Why
 * not, where it cannot be certain: the place is not there or of another kind, elements that cannot be told apart, a
 * representation of another form than the one that it replaces (a summary, of which this would be the whole), or one that takes
 * the place of something else than what the resource was.
 */
export function spliceElement(parent: string, place: Place, change: Change): Spliced {
  const node = nodeAt(parseText(parent), place.at);
  if (node === undefined) return { uncertain: 'the parent has nothing at that place' };
  if (node.type === 'array') return spliceArray(parent, node, place.key, change);
  if (node.type !== 'object') return { uncertain: 'at that place is neither an array nor an object' };
  if (change.kind === 'remove') return { uncertain: 'what stands for nothing is not known' };
  if (keyOf(parent, node, place.key) !== keyOfText(change.text, place.key))
    return { uncertain: `it has another ${place.key}` };
  return inPlaceOf(parent, spanOf(node), [], change);
}

type Put = Extract<Change, { kind: 'put' }>;

function spliceArray(parent: string, array: TextNode, key: string, change: Change): Spliced {
  const elements = array.children ?? [];
  const keys = elements.map((element) => keyOf(parent, element, key));
  if (keys.includes(undefined)) return { uncertain: `an element has no ${key}` };
  if (new Set(keys).size < keys.length) return { uncertain: `two elements have the same ${key}` };
  const wanted = change.kind === 'remove' ? change.key : keyOfText(change.text, key);
  if (wanted === undefined) return { uncertain: `the representation has no ${key}` };
  const at = keys.indexOf(wanted);
  const spans = elements.map(spanOf);
  if (change.kind === 'remove') return { text: at < 0 ? parent : without(parent, spans, at), inPlace: false };
  if (at >= 0) return inPlaceOf(parent, spans[at] as Span, spans.toSpliced(at, 1), change);
  if (change.add === 'never') return { uncertain: 'where it would be added is not said' };
  const fresh: unknown = JSON.parse(change.text);
  if (!spans.every((span) => fits(valueAt(parent, span), fresh, 'same')))
    return { uncertain: 'it is of another form than what it would stand beside' };
  return { text: added(parent, spanOf(array), spans, change), inPlace: false };
}

/** @param others the elements beside it: what is null or empty in the one replaced, they may tell the kind of */
function inPlaceOf(parent: string, span: Span, others: readonly Span[], { text, was }: Put): Spliced {
  const fresh: unknown = JSON.parse(text);
  if (!fits(valueAt(parent, span), fresh, 'same') || !others.every((o) => fits(valueAt(parent, o), fresh, 'shared')))
    return { uncertain: 'it is of another form than what it would replace' };
  if (was !== undefined) {
    const old = parseJson(parent.slice(span.start, span.end), 'application/json');
    const unchanged = 'value' in old && sameJson(old, was, nothingIgnored);
    if (!unchanged) return { uncertain: 'what it would replace is not what the resource was before' };
  }
  return { text: parent.slice(0, span.start) + text + parent.slice(span.end), inPlace: true };
}

const nothingIgnored = { a: new Map(), b: new Map() };

const valueAt = (text: string, { start, end }: Span): unknown => JSON.parse(text.slice(start, end));

function without(parent: string, spans: readonly Span[], at: number): string {
  const span = spans[at] as Span;
  const [before, after] = [spans[at - 1], spans[at + 1]];
  if (after !== undefined) return parent.slice(0, span.start) + parent.slice(after.start);
  return before === undefined
    ? parent.slice(0, span.start) + parent.slice(span.end)
    : parent.slice(0, before.end) + parent.slice(span.end);
}

function added(parent: string, array: Span, spans: readonly Span[], { text, add }: Put): string {
  const [first, last] = [spans[0], spans.at(-1)];
  if (first === undefined || last === undefined)
    return `${parent.slice(0, array.start)}[${text}]${parent.slice(array.end)}`;
  if (add === 'start') return `${parent.slice(0, first.start)}${text},${parent.slice(first.start)}`;
  return `${parent.slice(0, last.end)},${text}${parent.slice(last.end)}`;
}

const keyOfText = (text: string, key: string): string | undefined => keyOf(text, parseText(text), key);

/** The key of an element, as an id: a string, or a number as it is written. */
function keyOf(text: string, element: TextNode, key: string): string | undefined {
  const member = element.type === 'object' ? memberOf(element, key) : undefined;
  if (member?.type === 'string') return member.value as string;
  return member?.type === 'number' ? text.slice(member.offset, member.offset + member.length) : undefined;
}
