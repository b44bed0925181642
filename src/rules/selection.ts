/**
 * The ids that one source gives.
 *   all       `values` is all there is: none for a null, an empty string, an empty array, a filter that nothing passes
 *   missing   there is nothing under that name
 *   unknown   there is, or may be, something that is not among `values`: unreadable, or not usable as an id
 *   too-many  there is more than the bound
 */
export interface Selection {
  readonly values: readonly string[];
  readonly certainty: 'all' | 'missing' | 'unknown' | 'too-many';
  /** Why there are no values, or not all; empty for `all` with values. */
  readonly reason: string;
  /** Something is there, if only what is no id. */
  readonly found?: boolean;
}

/** Ids that one source may give. More would let one body invalidate without end; `too-many` widens instead. */
export const MAX_SELECTED = 1_000;
/** Nodes that one selection may go through: the time that a body costs does not grow with what it was built for. */
export const MAX_VISITED = 100_000;
/** In UTF-16 code units. What is longer is text and names nothing; tags and paths of any length would fill the memory. */
export const MAX_ID_LENGTH = 1_024;

export const nothing = (certainty: Selection['certainty'], reason: string): Selection => ({
  values: [],
  certainty,
  reason,
});
