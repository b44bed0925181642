import { segmentsOf } from '../route/path.ts';
import { segmentMatches } from '../route/segment.ts';

interface Node<T> {
  literals: Map<string, Node<T>> | undefined;
  /** The child for `*`. */
  one: Node<T> | undefined;
  /** The children for segments with literal text around a `*`: `*.json`. */
  mixed: Map<string, Node<T>> | undefined;
  /** `ends`: items whose pattern ends here. `rests`: items whose pattern has `**` here. */
  ends: Set<T> | undefined;
  rests: Set<T> | undefined;
}

/** Nodes visited in one step, before the walk yields. */
const NODES_PER_STEP = 32;

/**
 * Indexes items by path patterns without parameter names. The cost of a lookup depends on the patterns that share a
 * prefix with the path, not on the number of patterns.
 */
export class PatternIndex<T> {
  readonly #root = emptyNode<T>();

  add(pattern: string, item: T): void {
    let node = this.#root;
    for (const segment of segmentsOf(pattern)) {
      if (segment === '**') {
        node.rests ??= new Set();
        node.rests.add(item);
        return;
      }
      node = childOf(node, segment);
    }
    node.ends ??= new Set();
    node.ends.add(item);
  }

  remove(pattern: string, item: T): void {
    removeBelow(this.#root, segmentsOf(pattern), 0, item);
  }

  get isEmpty(): boolean {
    return isEmpty(this.#root);
  }

  /** Yields the items whose patterns match a canonical path, possibly repeatedly, and undefined after each step. */
  *matching(path: string): Generator<T | undefined> {
    const waiting: { node: Node<T>; from: number }[] = [{ node: this.#root, from: path === '/' ? 2 : 1 }];
    let looked = 0;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      looked += 1;
      if (looked % NODES_PER_STEP === 0) yield undefined;
      const { node, from } = next;
      if (node.rests !== undefined) yield* node.rests;
      if (from > path.length) {
        if (node.ends !== undefined) yield* node.ends;
        continue;
      }
      if (node.one === undefined && node.literals === undefined && node.mixed === undefined) continue;
      const slash = path.indexOf('/', from);
      const end = slash < 0 ? path.length : slash;
      const segment = path.slice(from, end);
      const literal = node.literals?.get(segment);
      if (literal !== undefined) waiting.push({ node: literal, from: end + 1 });
      for (const [shape, child] of node.mixed ?? []) {
        looked += 1;
        if (looked % NODES_PER_STEP === 0) yield undefined;
        if (segmentMatches(segment, shape)) waiting.push({ node: child, from: end + 1 });
      }
      if (node.one !== undefined) waiting.push({ node: node.one, from: end + 1 });
    }
  }
}

function emptyNode<T>(): Node<T> {
  return { literals: undefined, one: undefined, mixed: undefined, ends: undefined, rests: undefined };
}

function childOf<T>(node: Node<T>, segment: string): Node<T> {
  if (segment === '*') {
    node.one ??= emptyNode();
    return node.one;
  }
  const kind = segment.includes('*') ? 'mixed' : 'literals';
  node[kind] ??= new Map();
  const found = node[kind].get(segment);
  if (found !== undefined) return found;
  const child = emptyNode<T>();
  node[kind].set(segment, child);
  return child;
}

/** Recursion is as deep as the pattern has segments, which are bounded. */
function removeBelow<T>(node: Node<T>, segments: readonly string[], depth: number, item: T): void {
  const segment = segments[depth];
  if (segment === undefined) {
    node.ends?.delete(item);
    if (node.ends?.size === 0) node.ends = undefined;
  } else if (segment === '**') {
    node.rests?.delete(item);
    if (node.rests?.size === 0) node.rests = undefined;
  } else if (segment === '*') {
    if (node.one === undefined) return;
    removeBelow(node.one, segments, depth + 1, item);
    if (isEmpty(node.one)) node.one = undefined;
  } else {
    const kind = segment.includes('*') ? 'mixed' : 'literals';
    const child = node[kind]?.get(segment);
    if (child === undefined) return;
    removeBelow(child, segments, depth + 1, item);
    if (isEmpty(child)) node[kind]?.delete(segment);
    if (node[kind]?.size === 0) node[kind] = undefined;
  }
}

function isEmpty<T>({ literals, one, mixed, ends, rests }: Node<T>): boolean {
  return [literals, one, mixed, ends, rests].every((part) => part === undefined);
}
