import { decodeSegment, resourceOf } from './path.ts';

/**
 * Patterns: `:name` and `*` match exactly one segment, `**` (last) any remainder, including none. There is no other
 * syntax, so that no value and no typing error can become a pattern.
 */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one'; readonly name: string | undefined }
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
  if (!pattern.startsWith('/')) throw new PatternError('a pattern must start with a slash', `write /${pattern}`);
  if (/[?#]/.test(pattern)) throw new PatternError('a pattern cannot have a query', 'remove everything after the path');
  const names = new Set<string>();
  const parts = pattern.split('/').filter((part) => part !== '');
  return parts.map((part, i): Segment => {
    if (part === '**') {
      if (i !== parts.length - 1) throw new PatternError('"**" must be the last segment', 'use "*" for one segment');
      return { kind: 'rest' };
    }
    if (part === '*') return { kind: 'one', name: undefined };
    if (part.startsWith(':')) {
      const name = part.slice(1);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        throw new PatternError(`":${name}" is not a parameter name`, 'letters, digits and "_" after the colon');
      }
      if (names.has(name)) throw new PatternError(`":${name}" occurs twice`, 'give each parameter its own name');
      names.add(name);
      return { kind: 'one', name };
    }
    if (part.includes('*')) {
      throw new PatternError(`"${part}" mixes "*" with text`, '"*" is a whole segment; a literal star is %2A');
    }
    return { kind: 'literal', text: resourceOf(`/${part}`).slice(1) };
  });
}

/** The pattern without parameter names (`/steps/*`): equal for patterns that match the same paths. */
export function patternShape(segments: readonly Segment[]): string {
  const parts = segments.map((s) => (s.kind === 'literal' ? s.text : s.kind === 'one' ? '*' : '**'));
  return `/${parts.join('/')}`;
}

/** Whether a canonical path (a resource) matches a pattern of literal, `*` and `**` segments. */
export function pathMatchesPattern(resource: string, pattern: string): boolean {
  const path = split(resource);
  const wanted = split(pattern);
  for (const [i, segment] of wanted.entries()) {
    if (segment === '**') return true;
    if (i >= path.length || (segment !== '*' && segment !== path[i])) return false;
  }
  return path.length === wanted.length;
}

/** Whether some path matches both patterns (canonical paths are patterns too). */
export function patternsOverlap(a: string, b: string): boolean {
  const left = split(a);
  const right = split(b);
  for (let i = 0; ; i++) {
    const l = left[i];
    const r = right[i];
    if (l === '**' || r === '**') return true;
    if (l === undefined || r === undefined) return l === r;
    if (l !== r && l !== '*' && r !== '*') return false;
  }
}

/** Whether the pattern `wide` matches every path that `narrow` matches. Both without parameter names. */
export function isPatternWithin(narrow: string, wide: string): boolean {
  const [inner, outer] = [split(narrow), split(wide)];
  for (const [i, segment] of outer.entries()) {
    if (segment === '**') return true;
    const other = inner[i];
    if (other === undefined || other === '**' || (segment !== '*' && segment !== other)) return false;
  }
  return inner.length === outer.length;
}

function split(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  one: Node<T> | undefined;
  /** Patterns that end here, and those whose `**` begins here, each in the order in which they were added. */
  readonly ends: Leaf<T>[];
  readonly rests: Leaf<T>[];
  /** The order of the first pattern at or below this node: later ones only add to it. */
  readonly earliest: number;
}

interface Leaf<T> {
  readonly order: number;
  /** Each parameter with the index of its segment. */
  readonly params: readonly { readonly name: string; readonly at: number }[];
  readonly data: T;
}

const newNode = <T>(earliest: number, literals: Map<string, Node<T>>): Node<T> => ({
  literals,
  one: undefined,
  ends: [],
  rests: [],
  earliest,
});

export interface PatternMatch<T> {
  readonly data: T;
  /** Percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** Matches many patterns at once: the cost depends on the segments of the path, not on the number of patterns. */
export class PatternTrie<T> {
  readonly #newLiterals: () => Map<string, Node<T>>;
  readonly #root: Node<T>;
  #size = 0;

  /** `form`: literals are compared in this form; absent, they are compared as they are. */
  constructor(form?: (segment: string) => string) {
    this.#newLiterals = () => (form === undefined ? new Map() : new FormedMap(form));
    this.#root = newNode<T>(0, this.#newLiterals());
  }

  /** @throws PatternError */
  add(pattern: string, data: T): void {
    const segments = parsePattern(pattern);
    const params = segments.flatMap((s, at) =>
      s.kind === 'one' && s.name !== undefined ? [{ name: s.name, at }] : [],
    );
    const leaf = { order: this.#size++, params, data };
    let node = this.#root;
    for (const segment of segments) {
      if (segment.kind === 'rest') {
        node.rests.push(leaf);
        return;
      }
      let next = segment.kind === 'one' ? node.one : node.literals.get(segment.text);
      if (next === undefined) {
        next = newNode(leaf.order, this.#newLiterals());
        if (segment.kind === 'one') node.one = next;
        else node.literals.set(segment.text, next);
      }
      node = next;
    }
    node.ends.push(leaf);
  }

  /** Every pattern that the canonical path matches, in the order in which they were added. */
  matches(resource: string): PatternMatch<T>[] {
    const path = split(resource);
    const found: Leaf<T>[] = [];
    collect(this.#root, path, 0, found);
    return found.sort((a, b) => a.order - b.order).map((leaf) => matchOf(leaf, path));
  }

  /** The first of `matches`, without collecting the others. */
  first(resource: string): PatternMatch<T> | undefined {
    const path = split(resource);
    const leaf = firstBelow(this.#root, path, 0, undefined);
    return leaf && matchOf(leaf, path);
  }
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

function collect<T>(node: Node<T>, path: readonly string[], depth: number, found: Leaf<T>[]): void {
  found.push(...node.rests);
  const segment = path[depth];
  if (segment === undefined) {
    found.push(...node.ends);
    return;
  }
  const literal = node.literals.get(segment);
  if (literal !== undefined) collect(literal, path, depth + 1, found);
  if (node.one !== undefined) collect(node.one, path, depth + 1, found);
}

/** The earliest of `best` and the matching patterns at or below the node. */
function firstBelow<T>(
  node: Node<T>,
  path: readonly string[],
  depth: number,
  best: Leaf<T> | undefined,
): Leaf<T> | undefined {
  if (best !== undefined && best.order < node.earliest) return best;
  let first = earlier(best, node.rests[0]);
  const segment = path[depth];
  if (segment === undefined) return earlier(first, node.ends[0]);
  const literal = node.literals.get(segment);
  if (literal !== undefined) first = firstBelow(literal, path, depth + 1, first);
  if (node.one !== undefined) first = firstBelow(node.one, path, depth + 1, first);
  return first;
}

function earlier<T>(a: Leaf<T> | undefined, b: Leaf<T> | undefined): Leaf<T> | undefined {
  return a === undefined || (b !== undefined && b.order < a.order) ? b : a;
}

function matchOf<T>({ params: named, data }: Leaf<T>, path: readonly string[]): PatternMatch<T> {
  const params: Record<string, string> = Object.create(null);
  for (const { name, at } of named) params[name] = decodeSegment(path[at] ?? '');
  return { data, params };
}
