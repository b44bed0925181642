import { foreignInPattern } from './foreign-syntax.ts';
import { decodeSegment, escapeText, resourceOf, segmentsOf } from './path.ts';
import {
  isSegmentWithin,
  MAX_BETWEEN,
  type MixedSegment,
  segmentMatches,
  segmentsOverlap,
  valuesBetween,
} from './segment.ts';

/**
 * Patterns: `:name` and `*` match exactly one segment, `**` (last) any remainder, including none. `:name` may have
 * literal text around it. There is no other syntax, so that no value and no typing error can become a pattern.
 */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one'; readonly name: string | undefined }
  | MixedSegment
  | { readonly kind: 'rest' };

/** An invalid pattern; `hint` says what to write instead. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** @throws PatternError */
export function parsePattern(pattern: string): Segment[] {
  const foreign = foreignInPattern(pattern);
  if (foreign !== undefined) throw new PatternError(foreign.message, foreign.hint);
  if (!pattern.startsWith('/')) throw new PatternError('a pattern must start with a slash', `write /${pattern}`);
  if (/[?#]/.test(pattern)) throw new PatternError('a pattern cannot have a query', 'remove everything after the path');
  const parts = pattern.split('/').filter((part) => part !== '');
  const segments = parts.map((part, i): Segment => {
    if (part !== '**') return parseSegment(part);
    if (i !== parts.length - 1) throw new PatternError('"**" must be the last segment', 'use "*" for one segment');
    return { kind: 'rest' };
  });
  const names = parameterNames(segments);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new PatternError(`":${twice}" occurs twice`, 'give each parameter its own name');
  return segments;
}

function parseSegment(part: string): Segment {
  if (part === '*') return { kind: 'one', name: undefined };
  if (part.includes('*')) {
    throw new PatternError(
      `"${part}" mixes "*" with text`,
      '"*" is a whole segment, ":name" may be a part of one; a literal star is %2A',
    );
  }
  // Texts and names in turn.
  const pieces = part.split(/:([A-Za-z_][A-Za-z0-9_]*)/);
  const names = pieces.filter((_, i) => i % 2 === 1);
  const written = pieces.filter((_, i) => i % 2 === 0);
  const stray = written.find((text) => text.includes(':'));
  if (stray !== undefined) {
    const hint = 'letters, digits and "_" after the colon; a literal colon is %3A';
    throw new PatternError(`"${stray.slice(stray.indexOf(':'))}" is not a parameter name`, hint);
  }
  if (names.length === 0) return { kind: 'literal', text: resourceOf(`/${part}`).slice(1) };
  const texts = written.map(decodeSegment);
  const between = texts.slice(1, -1);
  if (between.includes('')) {
    throw new PatternError(`"${part}" has no text between two parameters`, 'separate them: :name.:ext');
  }
  if (between.some((text) => text.length > MAX_BETWEEN)) {
    throw new PatternError('the text between two parameters is too long', `use at most ${MAX_BETWEEN} characters`);
  }
  return texts.every((text) => text === '') ? { kind: 'one', name: names[0] } : { kind: 'mixed', texts, names };
}

/** In the order of the pattern. */
export function parameterNames(segments: readonly Segment[]): string[] {
  return segments.flatMap(namesIn);
}

function namesIn(segment: Segment): readonly string[] {
  if (segment.kind === 'mixed') return segment.names;
  return segment.kind === 'one' && segment.name !== undefined ? [segment.name] : [];
}

/** The pattern without parameter names (`/steps/*`, `/steps/*.json`): equal for patterns that match the same paths. */
export function patternShape(segments: readonly Segment[]): string {
  return `/${segments.map(segmentShape).join('/')}`;
}

function segmentShape(segment: Segment): string {
  switch (segment.kind) {
    case 'literal':
      return segment.text;
    case 'one':
      return '*';
    case 'mixed':
      return segment.texts.map(escapeText).join('*');
    case 'rest':
      return '**';
  }
}

/** Whether a canonical path (a resource) matches a pattern without parameter names. */
export function pathMatchesPattern(resource: string, pattern: string): boolean {
  const path = segmentsOf(resource);
  const wanted = segmentsOf(pattern);
  for (const [i, segment] of wanted.entries()) {
    if (segment === '**') return true;
    const own = path[i];
    if (own === undefined || !segmentMatches(own, segment)) return false;
  }
  return path.length === wanted.length;
}

/** Whether some path matches both patterns (canonical paths are patterns too). */
export function patternsOverlap(a: string, b: string): boolean {
  const left = segmentsOf(a);
  const right = segmentsOf(b);
  for (let i = 0; ; i++) {
    const l = left[i];
    const r = right[i];
    if (l === '**' || r === '**') return true;
    if (l === undefined || r === undefined) return l === r;
    if (!segmentsOverlap(l, r)) return false;
  }
}

/** Whether the pattern `wide` matches every path that `narrow` matches. Both without parameter names. */
export function isPatternWithin(narrow: string, wide: string): boolean {
  const [inner, outer] = [segmentsOf(narrow), segmentsOf(wide)];
  for (const [i, segment] of outer.entries()) {
    if (segment === '**') return true;
    const other = inner[i];
    if (other === undefined || other === '**' || !isSegmentWithin(other, segment)) return false;
  }
  return inner.length === outer.length;
}

/**
 * A pattern for the paths that two overlapping ones have in common. Where segments with text around their parameters
 * overlap in a part, it is that of `wanted`, which matches more.
 */
export function narrowed(pattern: string, wanted: string): string {
  const [left, right] = [segmentsOf(pattern), segmentsOf(wanted)];
  const common: string[] = [];
  for (let i = 0; ; i++) {
    const [l, r] = [left[i], right[i]];
    if (l === '**' || r === '**') return `/${[...common, ...(l === '**' ? right : left).slice(i)].join('/')}`;
    if (l === undefined || r === undefined) return `/${common.join('/')}`;
    common.push(isSegmentWithin(l, r) ? l : r);
  }
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  one: Node<T> | undefined;
  /** One for each shape of segments with literal text around parameters. */
  readonly mixed: { readonly shape: string; readonly texts: readonly string[]; readonly node: Node<T> }[];
  /** Patterns that end here, and those whose `**` begins here, each in the order in which they were added. */
  readonly ends: Leaf<T>[];
  readonly rests: Leaf<T>[];
  /** The order of the first pattern at or below this node: later ones only add to it. */
  readonly earliest: number;
}

interface Leaf<T> {
  readonly order: number;
  /** The segments that are a parameter, each with its index. Nearly all are: a request pays for nothing else. */
  readonly params: readonly { readonly name: string; readonly at: number }[];
  readonly mixed: readonly MixedParams[];
  readonly data: T;
}

interface MixedParams {
  readonly names: readonly string[];
  /** In the form that texts are compared in. */
  readonly texts: readonly string[];
  readonly at: number;
}

const newNode = <T>(earliest: number, literals: Map<string, Node<T>>): Node<T> => ({
  literals,
  one: undefined,
  mixed: [],
  ends: [],
  rests: [],
  earliest,
});

export interface PatternMatch<T> {
  readonly data: T;
  /** Percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Matches many patterns at once: the cost depends on the segments of the path and on the shapes of mixed segments that
 * are possible at each, not on the number of patterns.
 */
export class PatternTrie<T> {
  readonly #form: Form;
  readonly #newLiterals: () => Map<string, Node<T>>;
  readonly #root: Node<T>;
  #size = 0;

  /** `form`: literals are compared in this form; absent, they are compared as they are. */
  constructor(form?: (segment: string) => string) {
    this.#form = form ?? decodeSegment;
    this.#newLiterals = () => (form === undefined ? new Map() : new FormedMap(form));
    this.#root = newNode<T>(0, this.#newLiterals());
  }

  /** @throws PatternError */
  add(pattern: string, data: T): void {
    const segments = parsePattern(pattern);
    const params = segments.flatMap((s, at) =>
      s.kind === 'one' && s.name !== undefined ? [{ name: s.name, at }] : [],
    );
    const mixed = segments.flatMap((segment, at) =>
      segment.kind === 'mixed' ? [{ names: segment.names, texts: this.#formed(segment), at }] : [],
    );
    const leaf = { order: this.#size++, params, mixed, data };
    let node = this.#root;
    for (const segment of segments) {
      if (segment.kind === 'rest') {
        node.rests.push(leaf);
        return;
      }
      node = this.#childOf(node, segment, leaf.order);
    }
    node.ends.push(leaf);
  }

  #childOf(node: Node<T>, segment: Exclude<Segment, { kind: 'rest' }>, order: number): Node<T> {
    const shape = segmentShape(segment);
    const known =
      segment.kind === 'one'
        ? node.one
        : segment.kind === 'literal'
          ? node.literals.get(segment.text)
          : node.mixed.find((other) => other.shape === shape)?.node;
    if (known !== undefined) return known;
    const next = newNode<T>(order, this.#newLiterals());
    if (segment.kind === 'one') node.one = next;
    else if (segment.kind === 'literal') node.literals.set(segment.text, next);
    else node.mixed.push({ shape, texts: this.#formed(segment), node: next });
    return next;
  }

  #formed({ texts }: MixedSegment): string[] {
    return texts.map((text) => this.#form(escapeText(text)));
  }

  /** Every pattern that the canonical path matches, in the order in which they were added. */
  matches(resource: string): PatternMatch<T>[] {
    const path = segmentsOf(resource);
    const found: Leaf<T>[] = [];
    collect(this.#root, { path, form: this.#form }, 0, found);
    return found.sort((a, b) => a.order - b.order).map((leaf) => matchOf(leaf, path, this.#form));
  }

  /** The first of `matches`, without collecting the others. */
  first(resource: string): PatternMatch<T> | undefined {
    const path = segmentsOf(resource);
    const leaf = firstBelow(this.#root, { path, form: this.#form }, 0, undefined);
    return leaf && matchOf(leaf, path, this.#form);
  }
}

type Form = (segment: string) => string;

interface Search {
  readonly path: readonly string[];
  readonly form: Form;
}

/** A map whose keys are equal if their forms are. */
class FormedMap<T> extends Map<string, T> {
  readonly #form: (key: string) => string;

  constructor(form: (key: string) => string) {
    super();
    this.#form = form;
  }

  override get(key: string): T | undefined {
    return super.get(this.#form(key));
  }

  override set(key: string, value: T): this {
    return super.set(this.#form(key), value);
  }
}

function collect<T>(node: Node<T>, search: Search, depth: number, found: Leaf<T>[]): void {
  found.push(...node.rests);
  const segment = search.path[depth];
  if (segment === undefined) {
    found.push(...node.ends);
    return;
  }
  const literal = node.literals.get(segment);
  if (literal !== undefined) collect(literal, search, depth + 1, found);
  if (node.mixed.length > 0)
    for (const next of mixedFor(node, segment, search)) collect(next, search, depth + 1, found);
  if (node.one !== undefined) collect(node.one, search, depth + 1, found);
}

/** The earliest of `best` and the matching patterns at or below the node. */
function firstBelow<T>(node: Node<T>, search: Search, depth: number, best: Leaf<T> | undefined): Leaf<T> | undefined {
  if (best !== undefined && best.order < node.earliest) return best;
  let first = earlier(best, node.rests[0]);
  const segment = search.path[depth];
  if (segment === undefined) return earlier(first, node.ends[0]);
  const literal = node.literals.get(segment);
  if (literal !== undefined) first = firstBelow(literal, search, depth + 1, first);
  if (node.mixed.length > 0) {
    for (const next of mixedFor(node, segment, search)) first = firstBelow(next, search, depth + 1, first);
  }
  if (node.one !== undefined) first = firstBelow(node.one, search, depth + 1, first);
  return first;
}

function mixedFor<T>({ mixed }: Node<T>, segment: string, { form }: Search): Node<T>[] {
  const compared = form(segment);
  return mixed.flatMap(({ texts, node }) => (valuesBetween(compared, texts) === undefined ? [] : [node]));
}

function earlier<T>(a: Leaf<T> | undefined, b: Leaf<T> | undefined): Leaf<T> | undefined {
  return a === undefined || (b !== undefined && b.order < a.order) ? b : a;
}

/**
 * Values by name. Nothing is inherited, so `:constructor` is a name like any other. V8 would keep what
 * `Object.create(null)` returns as a dictionary, which is slow to make.
 */
class Params {
  [name: string]: string;

  static {
    Object.setPrototypeOf(Params.prototype, null);
    Reflect.deleteProperty(Params.prototype, 'constructor');
  }
}

function matchOf<T>({ params: named, mixed, data }: Leaf<T>, path: readonly string[], form: Form): PatternMatch<T> {
  const params = new Params();
  for (const { name, at } of named) params[name] = decodeSegment(path[at] ?? '');
  for (const { names, texts, at } of mixed) {
    const values = mixedValues(path[at] ?? '', texts, form);
    for (const [i, name] of names.entries()) params[name] = values[i] as string;
  }
  return { data, params };
}

/**
 * The values of a segment that matches. Where only the form of the texts matches, values keep their own form, as those
 * of whole segments do, unless lengths differ in it.
 */
function mixedValues(segment: string, texts: readonly string[], form: Form): readonly string[] {
  const whole = decodeSegment(segment);
  const formed = form(segment);
  const values = valuesBetween(formed, texts) ?? [];
  if (formed === whole || formed.length !== whole.length) return values;
  let end = 0;
  return values.map((value, i) => {
    const start = end + (texts[i] as string).length;
    end = start + value.length;
    return whole.slice(start, end);
  });
}
