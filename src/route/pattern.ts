import { decodeSegment, resourceOf } from './path.ts';

/**
 * Patterns: `:name` and `*` stand for exactly one segment, `**` (last) for any rest, none included. There is no other
 * syntax, so that no value and no typing error can become one.
 */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one'; readonly name: string | undefined }
  | { readonly kind: 'rest' };

/** Why a pattern is not one; `hint` says what to write instead. */
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
  if (!pattern.startsWith('/')) throw new PatternError('a pattern begins with a slash', `write /${pattern}`);
  if (/[?#]/.test(pattern)) throw new PatternError('a pattern has no query', 'leave out what follows the path');
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
      if (names.has(name)) throw new PatternError(`":${name}" stands twice`, 'give each parameter its own name');
      names.add(name);
      return { kind: 'one', name };
    }
    if (part.includes('*')) {
      throw new PatternError(`"${part}" mixes "*" with text`, '"*" is a whole segment; a literal star is %2A');
    }
    return { kind: 'literal', text: resourceOf(`/${part}`).slice(1) };
  });
}

/** The pattern with its parameters' names left out (`/steps/*`): equal for patterns that match the same paths. */
export function patternShape(segments: readonly Segment[]): string {
  const parts = segments.map((s) => (s.kind === 'literal' ? s.text : s.kind === 'one' ? '*' : '**'));
  return `/${parts.join('/')}`;
}

/** Whether a canonical path (a resource) lies in a pattern of literal, `*` and `**` segments. */
export function pathMatchesPattern(resource: string, pattern: string): boolean {
  const path = split(resource);
  const wanted = split(pattern);
  for (const [i, segment] of wanted.entries()) {
    if (segment === '**') return true;
    if (i >= path.length || (segment !== '*' && segment !== path[i])) return false;
  }
  return path.length === wanted.length;
}

/** Whether some path lies in both patterns (canonical paths are patterns too). */
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

function split(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  one: Node<T> | undefined;
  ends: Leaf<T>[];
  rests: Leaf<T>[];
}

interface Leaf<T> {
  readonly order: number;
  readonly names: readonly (string | undefined)[];
  readonly data: T;
}

export interface PatternMatch<T> {
  readonly data: T;
  /** Percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** Many patterns, matched at once: the cost follows the segments of the path, not the number of patterns. */
export class PatternTrie<T> {
  readonly #newLiterals: () => Map<string, Node<T>>;
  readonly #root: Node<T>;
  #size = 0;

  /** `form`: what literals are compared in; absent, they are compared as they are. */
  constructor(form?: (segment: string) => string) {
    this.#newLiterals = () => (form === undefined ? new Map() : new FormedMap(form));
    this.#root = { literals: this.#newLiterals(), one: undefined, ends: [], rests: [] };
  }

  /** @throws PatternError */
  add(pattern: string, data: T): void {
    const segments = parsePattern(pattern);
    const names = segments.filter((s) => s.kind === 'one').map((s) => s.name);
    const leaf = { order: this.#size++, names, data };
    let node = this.#root;
    for (const segment of segments) {
      if (segment.kind === 'rest') {
        node.rests.push(leaf);
        return;
      }
      let next = segment.kind === 'one' ? node.one : node.literals.get(segment.text);
      if (next === undefined) {
        next = { literals: this.#newLiterals(), one: undefined, ends: [], rests: [] };
        if (segment.kind === 'one') node.one = next;
        else node.literals.set(segment.text, next);
      }
      node = next;
    }
    node.ends.push(leaf);
  }

  /** Every pattern that the canonical path lies in, in the order in which they were added. */
  matches(resource: string): PatternMatch<T>[] {
    const found: { leaf: Leaf<T>; values: string[] }[] = [];
    walk(this.#root, split(resource), 0, [], found);
    found.sort((a, b) => a.leaf.order - b.leaf.order);
    return found.map(({ leaf, values }) => ({ data: leaf.data, params: paramsOf(leaf, values) }));
  }

  /** The first of `matches`. */
  first(resource: string): PatternMatch<T> | undefined {
    return this.matches(resource)[0];
  }
}

/** A map whose keys are equal where their forms are. */
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

function walk<T>(
  node: Node<T>,
  path: string[],
  depth: number,
  values: string[],
  found: { leaf: Leaf<T>; values: string[] }[],
): void {
  for (const leaf of node.rests) found.push({ leaf, values });
  const segment = path[depth];
  if (segment === undefined) {
    for (const leaf of node.ends) found.push({ leaf, values });
    return;
  }
  const literal = node.literals.get(segment);
  if (literal !== undefined) walk(literal, path, depth + 1, values, found);
  if (node.one !== undefined) walk(node.one, path, depth + 1, [...values, segment], found);
}

function paramsOf<T>(leaf: Leaf<T>, values: readonly string[]): Record<string, string> {
  const params: Record<string, string> = Object.create(null);
  for (const [i, name] of leaf.names.entries()) {
    if (name !== undefined) params[name] = decodeSegment(values[i] ?? '');
  }
  return params;
}
