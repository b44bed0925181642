import { exactNumber } from './json.ts';
import { nodesAt } from './nodes.ts';
import { select } from './select.ts';
import type { Source, Sources, Step } from './types.ts';

/** Of one member, as JSON. Every event is held, and sent to each subscriber: it names what changed, it is no copy of it. */
const MAX_MEMBER_LENGTH = 4_096;

/**
 * What a rule's event carries: for each member what its source gives, null where there is nothing. A source that can select
 * many gives an array. Numbers that a double cannot hold are texts; what is too long says so in its place.
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
function isSingular(steps: readonly Step[]): boolean {
  return steps.every(({ kind }) => kind === 'name' || kind === 'index');
}
