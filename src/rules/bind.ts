import { select } from './select.ts';
import type { Selection } from './selection.ts';
import type { Placeholder, Source, Sources } from './types.ts';

/** The values of a placeholder. `unresolved` says why there are none, or why there may be more. */
export interface Binding {
  readonly values: readonly string[];
  readonly unresolved: string | undefined;
  /** A bound was exceeded. The known values must not be used alone, since the rest is missing. */
  readonly overflow: boolean;
}

interface Selected {
  readonly source: Source;
  readonly selection: Selection;
}

/**
 * The union of a placeholder's sources, for the targets of a write. The values must be *all* ids that the write may
 * concern: in `/steps/{before.stepId, response.stepId}` a move from step 7 to step 9 concerns both, so 7 alone suffices
 * only if no other id is possible. A source without a value leaves the others sufficient when
 *
 *   it says that there is none      null, "", an empty array, a filter that matches nothing, in any source
 *   `before` lacks the field        or there was no representation: a resource without a parent
 *   `request` lacks the field       or there is no body: the client asks for no other parent
 *   the request lacks it            a parameter or a header field
 *   the response does not tell      no body, no JSON, no such field: only after DELETE, which leaves nothing to
 *                                   have a new parent, or when another source tells what the write made: the
 *                                   request's JSON or another field of the response. A PATCH answered with 204 or
 *                                   `{"ok":true}` may be a move.
 *
 * The placeholder falls back to a wildcard when something exists that could not be read (too large, incomplete,
 * encoded, malformed, not read, beyond a bound) or is not an id (an object, an array, a scalar where a field was
 * expected): it may contain the new parent.
 */
export function bind(placeholder: Placeholder, sources: Sources, method: string): Binding {
  const selected = placeholder.sources.map((source) => ({ source, selection: select(source, sources) }));
  const unknown = selected.filter(
    ({ selection }) => selection.certainty === 'unknown' || selection.certainty === 'too-many',
  );
  if (unknown.length === 0) unknown.push(...silentAnswers(selected, sources, method));
  return bound(selected, unknown);
}

/**
 * The union of a placeholder's sources, for the tags of a response that is to be stored. A missing tag would leave a
 * stale response behind, so at least one source must say what the tags are, or that there are none.
 */
export function bindStored(placeholder: Placeholder, sources: Sources): Binding {
  const selected = placeholder.sources.map((source) => ({ source, selection: select(source, sources) }));
  const unknown = selected.filter(
    ({ selection }) => selection.certainty === 'unknown' || selection.certainty === 'too-many',
  );
  const told = selected.some(({ selection }) => selection.certainty === 'all');
  const union = bound(selected, unknown);
  return told && unknown.length === 0 ? { ...union, unresolved: undefined } : union;
}

function bound(selected: readonly Selected[], unknown: readonly Selected[]): Binding {
  const values = new Set<string>();
  for (const { selection } of selected) for (const value of selection.values) values.add(value);
  const reasons = unknown.length > 0 ? unknown : values.size === 0 ? selected : [];
  return {
    values: [...values],
    unresolved: reasons.length === 0 ? undefined : reasons.map(reasonOf).join('; '),
    overflow: unknown.some(({ selection }) => selection.certainty === 'too-many'),
  };
}

function reasonOf({ source, selection }: Selected): string {
  return `${source.text}: ${selection.reason}`;
}

/** The sources in the response, if none of them has a value and nothing else tells what the write made. */
function silentAnswers(selected: readonly Selected[], sources: Sources, method: string): readonly Selected[] {
  if (method === 'DELETE') return [];
  const answers = selected.filter(({ source }) => source.root === 'response' || source.root === 'responseHeader');
  if (answers.some(({ selection }) => selection.certainty !== 'missing')) return [];
  const asked = selected.some(({ source }) => source.root === 'request') && 'value' in sources.request;
  return asked ? [] : answers;
}
