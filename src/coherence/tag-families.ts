/**
 * Declared tags that may be equal belong to one family. Its name is the literal text that all of them begin with:
 * `accommodation:{id}` and `accommodation:{response.items[*].id}` belong to `accommodation:`. No family's name begins
 * with another's, so a tag belongs to one family at most.
 */
export class TagFamilies {
  readonly #heads: readonly string[];
  readonly #folded: (tag: string) => string;

  /**
   * @param heads the literal beginnings of all tag templates of a configuration; `''` if one begins with a placeholder
   * @param folded one form of all tags that are taken for the same
   */
  constructor(heads: Iterable<string> = [], folded: (tag: string) => string = (tag) => tag) {
    this.#folded = folded;
    const shortest: string[] = [];
    for (const head of [...new Set([...heads].map(folded))].sort()) {
      const last = shortest[shortest.length - 1];
      if (last === undefined || !head.startsWith(last)) shortest.push(head);
    }
    this.#heads = shortest;
  }

  /** The family of a tag, given without its kind. Undefined: no template of the configuration yields the tag. */
  of(tag: string): string | undefined {
    const folded = this.#folded(tag);
    // The last head that sorts at or before the tag is the only one that the tag can begin with.
    let low = 0;
    let high = this.#heads.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#heads[middle] as string) <= folded) low = middle + 1;
      else high = middle;
    }
    const head = this.#heads[low - 1];
    return head !== undefined && folded.startsWith(head) ? head : undefined;
  }

  /** The families that tags with this literal beginning may belong to. */
  related(beginning: string): readonly string[] {
    const family = this.of(beginning);
    if (family !== undefined) return [family];
    const folded = this.#folded(beginning);
    return this.#heads.filter((head) => head.startsWith(folded));
  }
}
