import { everything, mergeCoverage, nothingCovered } from '../coherence/record.ts';
import { type Coverage, isCoveredBy, type Tagged } from '../coherence/tag.ts';
import type { Missed } from './ports.ts';

/**
 * Each is compared with each tag of each response. More of them are treated as one that covers every named tag. The
 * same for patterns of parts of segments, and every path.
 */
const MAX_COMPARED = 200;

/** Whether a response of a snapshot is covered by anything that was missed: at the same cost for one and for thousands. */
export class MissedCoverage {
  readonly #others: Coverage;
  readonly #patterns = new PatternTree();

  constructor(missed: Missed) {
    const coverages = missed.coverages ?? [];
    const all = coverages.length === 0 ? nothingCovered : mergeCoverage(coverages);
    const compared: string[] = [];
    for (const pattern of all.patterns) if (!this.#patterns.add(pattern)) compared.push(pattern);
    this.#others = {
      tags: all.tags,
      patterns: compared.length > MAX_COMPARED ? everything.patterns : compared,
      tagPatterns: all.tagPatterns.length > MAX_COMPARED ? everything.tagPatterns : all.tagPatterns,
    };
  }

  covers(response: Tagged): boolean {
    return isCoveredBy(response, this.#others) || this.#patterns.matches(response.path);
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
