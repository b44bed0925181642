import { type Body, ignoredBelow, nodesAt, same, sameJson } from './nodes.ts';
import type { Json, PathStep } from './types.ts';

/** `unknown` where one of the two could not be read. */
export type Difference = 'same' | 'different' | 'unknown';

/** Whether a field differs between a resource's representation before a write and the response to it. */
export function fieldChanged(before: Json, after: Json, steps: readonly PathStep[]): Difference {
  const known = bothKnown(before, after);
  // A response without a body does not say that the resource is gone.
  if (known === undefined) return 'value' in after && isGone(before) ? 'different' : 'unknown';
  const [was, is] = [nodesAt(known.before.value, steps), nodesAt(known.after.value, steps)];
  if (was === undefined || is === undefined) return 'unknown';
  // `{"ok":true}` is not a representation: a field that neither has may still have been set.
  if (was.length === 0 && is.length === 0) return hasMembersOf(known.before, known.after) ? 'same' : 'unknown';
  const equal =
    was.length === is.length &&
    was.every((node, i) => same(node, is[i] as (typeof is)[number], { a: known.before.exact, b: known.after.exact }));
  return equal ? 'same' : 'different';
}

/** Whether two representations of a resource differ in fields other than the ignored ones. */
export function changed(before: Json, after: Json, ignoring: readonly (readonly PathStep[])[]): Difference {
  const known = bothKnown(before, after);
  if (known === undefined) return difference(before, after);
  const ignored = { a: ignoredBelow(known.before, ignoring), b: ignoredBelow(known.after, ignoring) };
  return sameJson(known.before, known.after, ignored) ? 'same' : 'different';
}

function bothKnown(before: Json, after: Json): { before: Body; after: Body } | undefined {
  return 'value' in before && 'value' in after ? { before, after } : undefined;
}

/** An absent representation equals another absent one, and differs from any other. */
function difference(before: Json, after: Json): Difference {
  if (isGone(before) && isGone(after)) return 'same';
  return (isGone(before) && 'value' in after) || (isGone(after) && 'value' in before) ? 'different' : 'unknown';
}

function hasMembersOf({ value: was }: Body, { value: is }: Body): boolean {
  if (typeof was !== 'object' || typeof is !== 'object' || was === null || is === null) return false;
  const members = Object.keys(was);
  return members.every((member) => Object.hasOwn(is, member)) && (members.length > 0 || Object.keys(is).length === 0);
}

const isGone = (json: Json): boolean => 'missing' in json && json.missing === 'absent';
