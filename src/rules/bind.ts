import { select } from './select.ts';
import type { Selection } from './selection.ts';
import type { Placeholder, Source, Sources } from './types.ts';

/** What a placeholder came to. `unresolved` says why the values are none, or not certainly all. */
export interface Binding {
  readonly values: readonly string[];
  readonly unresolved: string | undefined;
  /** There was more than a bound allows: what is known must not be used in place of what is not. */
  readonly overflow: boolean;
}

interface Selected {
  readonly source: Source;
  readonly selection: Selection;
}

/**
 * The union of a placeholder's sources, for the targets of a write. The values must be *all* ids that the write may concern: in
 * `/steps/{before.stepId, response.stepId}` a move from step 7 to step 9 concerns both, so 7 alone is enough only if it is
 * certain that there is no other. A source that gives no value leaves the others enough when
 *
 *   it says that there is none   null, "", an empty array, a filter that nothing passes, from any source
 *   `before` has no such field   or there was no representation: a resource without a parent
 *   `request` has none           or there is no body: the client asks for no other parent
 *   parameters, fields           of the request: it does not have them
 *   the answer does not say it   no body, no JSON, no such field: only after DELETE, which leaves nothing that could have a new
 *                                parent; or when another source tells what the write made: the request's JSON, another field
 *                                of the answer. A PATCH that is answered with 204 or `{"ok":true}` may have been a move.
 *
 * and widens whenever something exists and could not be read (too large, incomplete, encoded, malformed, not read, more
 * than the bound) or is no id (an object, an array, a scalar where a field was expected): the new parent may be in it.
 */
export function bind(placeholder: Placeholder, sources: Sources, method: string): Binding {
  const selected = placeholder.sources.map((source) => ({ source, selection: select(source, sources) }));
  const doubts = selected.filter(
    ({ selection }) => selection.certainty === 'unknown' || selection.certainty === 'too-many',
  );
  if (doubts.length === 0) doubts.push(...silentAnswers(selected, sources, method));
  return bound(selected, doubts);
}

/**
 * The union of a placeholder's sources, for the tags of a response that is to be stored. Here a tag too few is what leaves
 * a stale response behind, so there must be at least one source that says what the tags are, if only that there are none.
 */
export function bindStored(placeholder: Placeholder, sources: Sources): Binding {
  const selected = placeholder.sources.map((source) => ({ source, selection: select(source, sources) }));
  const doubts = selected.filter(
    ({ selection }) => selection.certainty === 'unknown' || selection.certainty === 'too-many',
  );
  const told = selected.some(({ selection }) => selection.certainty === 'all');
  const union = bound(selected, doubts);
  return told && doubts.length === 0 ? { ...union, unresolved: undefined } : union;
}

function bound(selected: readonly Selected[], doubts: readonly Selected[]): Binding {
  const values = new Set(selected.flatMap(({ selection }) => selection.values));
  const reasons = doubts.length > 0 ? doubts : values.size === 0 ? selected : [];
  return {
    values: [...values],
    unresolved: reasons.length === 0 ? undefined : reasons.map(reasonOf).join('; '),
    overflow: doubts.some(({ selection }) => selection.certainty === 'too-many'),
  };
}

function reasonOf({ source, selection }: Selected): string {
  return `${source.text}: ${selection.reason}`;
}

/** The sources in the answer, if none of them says anything and what the write made is told by nothing else either. */
function silentAnswers(selected: readonly Selected[], sources: Sources, method: string): readonly Selected[] {
  if (method === 'DELETE') return [];
  const answers = selected.filter(({ source }) => source.root === 'response' || source.root === 'responseHeader');
  if (answers.some(({ selection }) => selection.certainty !== 'missing')) return [];
  const asked = selected.some(({ source }) => source.root === 'request') && 'value' in sources.request;
  return asked ? [] : answers;
}
