/** A tree of the resources that are stored, by segment, so that a pattern costs what it visits. */
export class PathIndex {
  readonly #root: PathNode = { children: new Map(), present: false };

  add(resource: string): void {
    let node = this.#root;
    for (const segment of split(resource)) {
      let next = node.children.get(segment);
      if (next === undefined) {
        next = { children: new Map(), present: false };
        node.children.set(segment, next);
      }
      node = next;
    }
    node.present = true;
  }

  remove(resource: string): void {
    removeBelow(this.#root, split(resource), 0);
  }

  /** The resources that lie in a pattern of literal, `*` and `**` segments. */
  matching(pattern: string): string[] {
    const found: string[] = [];
    collect(this.#root, '', split(pattern), 0, found);
    return found;
  }
}

interface PathNode {
  readonly children: Map<string, PathNode>;
  present: boolean;
}

const split = (path: string): string[] => (path === '/' ? [] : path.slice(1).split('/'));

/** Returns whether the node is empty, so that its parent drops it: the tree never outgrows what is stored. */
function removeBelow(node: PathNode, segments: readonly string[], depth: number): boolean {
  const segment = segments[depth];
  if (segment === undefined) {
    node.present = false;
  } else {
    const child = node.children.get(segment);
    if (child !== undefined && removeBelow(child, segments, depth + 1)) node.children.delete(segment);
  }
  return !node.present && node.children.size === 0;
}

function collect(node: PathNode, path: string, pattern: readonly string[], depth: number, found: string[]): void {
  const wanted = pattern[depth];
  if (wanted === undefined || wanted === '**') {
    if (node.present) found.push(path === '' ? '/' : path);
    if (wanted === undefined) return;
    for (const [segment, child] of node.children) collect(child, `${path}/${segment}`, pattern, depth, found);
  } else if (wanted === '*') {
    for (const [segment, child] of node.children) collect(child, `${path}/${segment}`, pattern, depth + 1, found);
  } else {
    const child = node.children.get(wanted);
    if (child !== undefined) collect(child, `${path}/${wanted}`, pattern, depth + 1, found);
  }
}
