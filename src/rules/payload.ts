import { exactNumber } from './json.ts';
import { nodesAt } from './nodes.ts';
import { select } from './select.ts';
import type { PathStep, Source, Sources } from './types.ts';

/**
 * Of one member, as JSON. Each event is kept and sent to every subscriber: it identifies a change, it is not a copy.
 */
const MAX_MEMBER_LENGTH = 4_096;

/**
 * The payload of a rule's event: each member has the value of its source, or null. A source that can select several
 * values gives an array. Numbers that a double cannot represent become strings; `{ omitted }` replaces what is too
 * long.
 */
export function payloadOf(
  payload: readonly { readonly member: string; readonly source: Source }[],
  sources: Sources,
): Readonly<Record<string, unknown>> {
  const members = payload.map(({ member, source }) => {
    const value = carried(source, sources);
    return [member, JSON.stringify(value).length <= MAX_MEMBER_LENGTH ? value : { omitted: 'too long' }];
  });
  return Object.fromEntries(members);
}

function carried(source: Source, sources: Sources): unknown {
  if (!('steps' in source)) {
    const { values } = select(source, sources);
    return values.length > 1 ? values : (values[0] ?? null);
  }
  const bodies = source.root === 'lookup' ? (sources.lookups?.[source.name] ?? []) : [sources[source.root]];
  const values = bodies.flatMap((json) => {
    if (!('value' in json)) return [];
    const nodes = nodesAt(json.value, source.steps) ?? [];
    return nodes.map(({ value, holder, key }) =>
      typeof value === 'number' ? ((holder && exactNumber(json.exact, holder, key)) ?? value) : value,
    );
  });
  return source.root !== 'lookup' && isSingular(source.steps) ? (values[0] ?? null) : values;
}

/** Whether a path selects one value at most (RFC 9535 §2.3.5.1, singular query). */
function isSingular(steps: readonly PathStep[]): boolean {
  return steps.every(({ kind }) => kind === 'name' || kind === 'index');
}
