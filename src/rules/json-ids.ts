import { exactNumber } from './json.ts';
import { walkJson } from './json-walk.ts';
import { MAX_ID_LENGTH, MAX_SELECTED, MAX_VISITED, nothing, type Selection } from './selection.ts';
import type { ExactNumbers, PathStep } from './types.ts';

/** The ids that a compiled JSONPath selects from a body: its strings, numbers and booleans, each once. */
export function idsAt(root: object, exact: ExactNumbers | undefined, steps: readonly PathStep[]): Selection {
  const ids = new Set<string>();
  let found = false;
  let unusable: string | undefined;
  const { missing, mismatch, stopped, failure } = walkJson(root, steps, (value, holder, key) => {
    // Null and "" say that there is none.
    if (value === null || value === '') return true;
    found = true;
    let id: string;
    if (typeof value === 'string') id = value.toWellFormed();
    else if (typeof value === 'number') id = exactNumber(exact, holder, key) ?? String(value);
    // Flags occur in queries (`?archived=true`); refusing them would fall back to a wildcard for no reason.
    else if (typeof value === 'boolean') id = String(value);
    else {
      unusable = Array.isArray(value) ? 'an array is not an id' : 'an object is not an id';
      return true;
    }
    if (id.length > MAX_ID_LENGTH) unusable = 'too long for an id';
    else ids.add(id);
    return ids.size <= MAX_SELECTED;
  });
  if (failure !== undefined) return nothing('unknown', `not selectable: ${failure}`);
  if (stopped) return nothing('too-many', `more than ${MAX_SELECTED} values or ${MAX_VISITED} nodes`);
  const values = [...ids];
  const reason = unusable ?? mismatch;
  if (reason !== undefined) return { values, certainty: 'unknown', reason, found };
  if (!missing) return { values, certainty: 'all', reason: values.length === 0 ? 'nothing selected' : '' };
  if (values.length === 0) return nothing('missing', 'missing');
  // Only some elements have the field; the ids of the others are unknown.
  return { values, certainty: 'unknown', reason: 'missing in some elements' };
}
