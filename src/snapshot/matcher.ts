import { type Coverage, isCoveredBy, type Tagged } from '../coherence/tag.ts';

/** Whether any of several coverages covers a response: a snapshot has a million of them, and may have missed thousands. */
export class Matcher {
  readonly #others: readonly Coverage[];
  readonly #patterns = new PatternTree();

  constructor(coverages: readonly Coverage[]) {
    this.#others = coverages.map((coverage) => ({
      ...coverage,
      patterns: coverage.patterns.filter((pattern) => !this.#patterns.add(pattern)),
    }));
  }

  covers(response: Tagged): boolean {
    return this.#patterns.matches(response.path) || this.#others.some((coverage) => isCoveredBy(response, coverage));
  }
}

interface PatternNode {
  /** By segment; `*` stands for any one. */
  readonly children: Map<string, PatternNode>;
  ends: boolean;
  /** `**` follows. */
  rest: boolean;
}

/** Patterns of literal, `*` and `**` segments, where `**` comes last. Matching costs as much as the path has segments. */
class PatternTree {
  readonly #root: PatternNode = { children: new Map(), ends: false, rest: false };

  /** False if it has other segments. */
  add(pattern: string): boolean {
    const segments = segmentsOf(pattern);
    if (segments.some((segment) => segment.includes('*') && segment !== '*' && segment !== '**')) return false;
    let node = this.#root;
    for (const segment of segments) {
      if (segment === '**') {
        node.rest = true;
        return true;
      }
      let next = node.children.get(segment);
      if (next === undefined) {
        next = { children: new Map(), ends: false, rest: false };
        node.children.set(segment, next);
      }
      node = next;
    }
    node.ends = true;
    return true;
  }

  matches(path: string): boolean {
    return matchesBelow(this.#root, segmentsOf(path), 0);
  }
}

function matchesBelow(node: PatternNode, segments: readonly string[], depth: number): boolean {
  if (node.rest) return true;
  const segment = segments[depth];
  if (segment === undefined) return node.ends;
  const { children } = node;
  const [literal, any] = [children.get(segment), children.get('*')];
  if (literal !== undefined && matchesBelow(literal, segments, depth + 1)) return true;
  return any !== undefined && matchesBelow(any, segments, depth + 1);
}

const segmentsOf = (path: string): readonly string[] => (path === '/' ? [] : path.slice(1).split('/'));
