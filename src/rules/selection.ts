/**
 * The ids of one source.
 *   all       `values` is complete: empty for a null, an empty string, an empty array, a filter that matches nothing
 *   missing   there is nothing of that name
 *   unknown   there may be something that is not in `values`: unreadable, or not usable as an id
 *   too-many  a bound is exceeded
 */
export interface Selection {
  readonly values: readonly string[];
  readonly certainty: 'all' | 'missing' | 'unknown' | 'too-many';
  /** Why there are no values, or why some may be missing; empty for `all` with values. */
  readonly reason: string;
  /** Something is present, even if it is not an id. */
  readonly found?: boolean;
}

/** Ids per source. Without the bound, one body could invalidate without end; `too-many` falls back to a wildcard. */
export const MAX_SELECTED = 1_000;
/** Nodes visited per selection: limits the time that a hostile body can cost. */
export const MAX_VISITED = 100_000;
/** In UTF-16 code units. Longer values are text, not ids, and tags or paths of any length would fill the memory. */
export const MAX_ID_LENGTH = 1_024;

export const nothing = (certainty: Selection['certainty'], reason: string): Selection => ({
  values: [],
  certainty,
  reason,
});
