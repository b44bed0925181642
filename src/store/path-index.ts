import { ownText } from '../http/own-memory.ts';
import { segmentsOf } from '../route/path.ts';

/**
 * What is stored at which path, as a tree of segments: a pattern costs as much as the nodes that it visits. Most paths
 * are leaves with one response. It stands in the map of its parent itself: that saves a node for each.
 */
export class PathIndex<Held extends object> {
  readonly #root = new PathNode<Held>();

  /** Returns what was there before: nothing, one, or a set, which has this one now. */
  add(resource: string, held: Held): Held | Set<Held> | undefined {
    const segments = segmentsOf(resource);
    let node = this.#root;
    for (const [i, segment] of segments.entries()) {
      node.children ??= new Map();
      const next = node.children.get(segment);
      if (next instanceof PathNode) {
        node = next;
      } else if (next === undefined && i === segments.length - 1) {
        // A text of its own: what is cut from a path keeps the path, which may be long gone.
        node.children.set(ownText(segment), held);
        return undefined;
      } else if (next === held && i === segments.length - 1) {
        return held;
      } else {
        const made = new PathNode<Held>();
        made.held = next;
        node.children.set(next === undefined ? ownText(segment) : segment, made);
        node = made;
      }
    }
    const known = node.held;
    if (known === undefined) node.held = held;
    else if (known instanceof Set) known.add(held);
    else if (known !== held) node.held = new Set([known, held]);
    return known;
  }

  delete(resource: string, held: Held): void {
    deleteBelow(this.#root, segmentsOf(resource), 0, held);
  }

  /** What is stored at a path: one, or a set once there were several. */
  get(resource: string): Held | Set<Held> | undefined {
    let node = this.#root;
    const segments = segmentsOf(resource);
    for (const [i, segment] of segments.entries()) {
      const next = node.children?.get(segment);
      if (!(next instanceof PathNode)) return i === segments.length - 1 ? next : undefined;
      node = next;
    }
    return node.held;
  }

  /** What is stored at the paths that match a pattern of literal, `*` and `**` segments. */
  matching(pattern: string): Held[] {
    const search = { pattern: segmentsOf(pattern), found: [] };
    collect(this.#root, 0, search);
    return search.found;
  }
}

class PathNode<Held extends object> {
  children: Map<string, PathNode<Held> | Held> | undefined = undefined;
  held: Held | Set<Held> | undefined = undefined;
}

/** Afterwards no node is empty: the tree never outgrows the stored paths. */
function deleteBelow<Held extends object>(
  node: PathNode<Held>,
  segments: readonly string[],
  depth: number,
  held: Held,
): void {
  const segment = segments[depth];
  if (segment === undefined) {
    if (node.held instanceof Set) node.held.delete(held);
    if (node.held === held || (node.held instanceof Set && node.held.size === 0)) node.held = undefined;
    return;
  }
  const child = node.children?.get(segment);
  if (child instanceof PathNode) {
    deleteBelow(child, segments, depth + 1, held);
    if (child.children === undefined && child.held === undefined) node.children?.delete(segment);
  } else if (child === held && depth === segments.length - 1) {
    node.children?.delete(segment);
  }
  if (node.children?.size === 0) node.children = undefined;
}

interface Search<Held> {
  readonly pattern: readonly string[];
  readonly found: Held[];
}

/** @param depth the segment of the pattern that the node's children are compared with */
function collect<Held extends object>(node: PathNode<Held> | Held, depth: number, search: Search<Held>): void {
  const wanted = search.pattern[depth];
  const { children, held } = node instanceof PathNode ? node : { children: undefined, held: node };
  if (wanted === undefined || wanted === '**') {
    if (held instanceof Set) for (const each of held) search.found.push(each);
    else if (held !== undefined) search.found.push(held);
    if (wanted === undefined) return;
    for (const child of children?.values() ?? []) collect(child, depth, search);
  } else if (wanted === '*') {
    for (const child of children?.values() ?? []) collect(child, depth + 1, search);
  } else {
    const child = children?.get(wanted);
    if (child !== undefined) collect(child, depth + 1, search);
  }
}
