import { ownText } from '../http/own-memory.ts';

/** The paths of stored resources as a tree of segments: a pattern costs as much as the nodes that it visits. */
export class PathIndex {
  readonly #root: PathNode = { children: undefined, present: false };

  add(resource: string): void {
    let node = this.#root;
    for (const segment of split(resource)) {
      node.children ??= new Map();
      let next = node.children.get(segment);
      if (next === undefined) {
        next = { children: undefined, present: false };
        // A text of its own: what is cut from a path keeps the path, which may be long gone.
        node.children.set(ownText(segment), next);
      }
      node = next;
    }
    node.present = true;
  }

  remove(resource: string): void {
    removeBelow(this.#root, split(resource), 0);
  }

  /** The resources that match a pattern of literal, `*` and `**` segments. */
  matching(pattern: string): string[] {
    const search = { pattern: split(pattern), found: [] };
    collect(this.#root, '', 0, search);
    return search.found;
  }
}

interface PathNode {
  /** Undefined while it has none: most nodes are leaves, and an empty map takes more than the rest of them. */
  children: Map<string, PathNode> | undefined;
  present: boolean;
}

const split = (path: string): string[] => (path === '/' ? [] : path.slice(1).split('/'));

/** Returns whether the node is empty, so that its parent drops it: the tree never outgrows the stored paths. */
function removeBelow(node: PathNode, segments: readonly string[], depth: number): boolean {
  const segment = segments[depth];
  if (segment === undefined) {
    node.present = false;
  } else {
    const child = node.children?.get(segment);
    if (child !== undefined && removeBelow(child, segments, depth + 1)) node.children?.delete(segment);
    if (node.children?.size === 0) node.children = undefined;
  }
  return !node.present && node.children === undefined;
}

interface Search {
  readonly pattern: readonly string[];
  readonly found: string[];
}

/** @param depth the segment of the pattern that the node's children are compared with */
function collect(node: PathNode, path: string, depth: number, search: Search): void {
  const wanted = search.pattern[depth];
  if (wanted === undefined || wanted === '**') {
    if (node.present) search.found.push(path === '' ? '/' : path);
    if (wanted === undefined) return;
    for (const [segment, child] of node.children ?? []) collect(child, `${path}/${segment}`, depth, search);
  } else if (wanted === '*') {
    for (const [segment, child] of node.children ?? []) collect(child, `${path}/${segment}`, depth + 1, search);
  } else {
    const child = node.children?.get(wanted);
    if (child !== undefined) collect(child, `${path}/${wanted}`, depth + 1, search);
  }
}
