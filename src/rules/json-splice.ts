import { parseJson } from './json.ts';
import { fits } from './json-kinds.ts';
import { memberOf, nodeAt, parseText, type Span, spanOf, type TextNode } from './json-text.ts';
import { type Body, sameJson } from './nodes.ts';

/** `unknown`: it may be there under another key. */
type Add = 'end' | 'start' | 'never' | 'unknown';

/** A change to an element of a parent. `text` is the JSON text of the new representation. */
export type Change =
  /**
   * Replaces the element with the same key, or adds one as `add` says. `was` is the representation before the write, if
   * known: the replaced element must equal it.
   */
  | { readonly kind: 'put'; readonly text: string; readonly add: Add; readonly was?: Body }
  /** Removes an element that was deleted or moved to another parent. */
  | { readonly kind: 'remove'; readonly key: string };

/** Where the element to change is in the parent. */
export interface ElementLocation {
  /** The reference tokens of a JSON Pointer. */
  readonly at: readonly string[];
  /** The member that identifies an element. */
  readonly key: string;
}

/** `inPlace`: the number of elements is unchanged, also if the parent is one of several pages. */
export type Spliced = { readonly text: string; readonly inPlace: boolean } | { readonly uncertain: string };

/**
 * The parent's text with one element replaced, added or removed. Everything else keeps its exact text. `uncertain` says
 * why this is not safe: the place is missing or has another type, elements have no unique key, the new representation
 * has another form than the old one (which may be a summary), or the old one is not what the resource was.
 */
export function spliceElement(parent: string, location: ElementLocation, change: Change): Spliced {
  const node = nodeAt(parseText(parent), location.at);
  if (node === undefined) return { uncertain: 'the parent has no value at that place' };
  if (node.type === 'array') return spliceArray(parent, node, location.key, change);
  if (node.type !== 'object') return { uncertain: 'the value at that place is neither an array nor an object' };
  if (change.kind === 'remove') return { uncertain: 'only an element of an array can be removed' };
  if (keyOf(parent, node, location.key) !== keyOfText(change.text, location.key))
    return { uncertain: `the ${location.key} differs` };
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
  if (change.add === 'never') return { uncertain: 'the rule does not say where to add an element' };
  if (change.add === 'unknown') return { uncertain: 'the element may be there under another key: before is not known' };
  if (change.was !== undefined && memberText(change.was.value, key) !== wanted)
    return { uncertain: `the ${key} has changed, so the element may be here under its old one` };
  const fresh: unknown = JSON.parse(change.text);
  if (!spans.every((span) => fits(valueAt(parent, span), fresh, 'same')))
    return { uncertain: 'its form differs from the other elements' };
  return { text: added(parent, spanOf(array), spans, change), inPlace: false };
}

/** @param others the other elements: they show the form of members that are null or empty in the replaced one */
function inPlaceOf(parent: string, span: Span, others: readonly Span[], { text, was }: Put): Spliced {
  const fresh: unknown = JSON.parse(text);
  if (!fits(valueAt(parent, span), fresh, 'same') || !others.every((o) => fits(valueAt(parent, o), fresh, 'shared')))
    return { uncertain: 'its form differs from what it would replace' };
  if (was !== undefined) {
    const old = parseJson(parent.slice(span.start, span.end), 'application/json');
    const unchanged = 'value' in old && sameJson(old, was, nothingIgnored);
    if (!unchanged) return { uncertain: 'what it would replace differs from the resource before the write' };
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

function memberText(value: unknown, name: string): string | undefined {
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return isObject ? String((value as Record<string, unknown>)[name]) : undefined;
}

const keyOfText = (text: string, key: string): string | undefined => keyOf(text, parseText(text), key);

/** The key of an element: a string, or a number as written. */
function keyOf(text: string, element: TextNode, key: string): string | undefined {
  const member = element.type === 'object' ? memberOf(element, key) : undefined;
  if (member?.type === 'string') return member.value as string;
  return member?.type === 'number' ? text.slice(member.offset, member.offset + member.length) : undefined;
}
