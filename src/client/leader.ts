import { compareIds, isNewer } from './event-id.ts';
import { covers, type Filter, unionOf } from './filter.ts';
import {
  type FromStream,
  type Group,
  type GroupAction,
  post,
  quit,
  received,
  resynced,
  type Step,
  type StreamState,
  type Term,
  type Want,
  withState,
} from './group-state.ts';

export function leading(group: Group, wall: number): Step {
  if (group.role === 'leading') return [group, []];
  const term: Term = [Math.max((group.term?.[0] ?? 0) + 1, wall), group.tab];
  return opening({ ...group, role: 'leading', term, pingedAt: undefined }, group.filter, group.last, []);
}

function opening(group: Group, filter: Filter, from: string | undefined, tabs: readonly string[]): Step {
  const n = group.opened + 1;
  const next: StreamState = { n, tabs, filter, position: from, state: 'connecting', reason: undefined };
  const opened: Group = { ...group, opened: n, next };
  const reported = group.active === undefined ? withState(opened, 'connecting', undefined) : opened;
  return [reported, [{ do: 'open', n, filter, from }, told(reported)]];
}

export function told(group: Group): GroupAction {
  const { state, reason, filter, position } = (group.active ?? group.next) as StreamState;
  const statuses = [...group.statuses.values()];
  return post(group, { is: 'status', term: group.term as Term, state, reason, filter, position, statuses });
}

export function asked(group: Group, tab: string, { filter, last }: Want): Step {
  return widened({ ...group, wants: new Map(group.wants).set(tab, { filter, last }) });
}

/** Opens another stream for those that want more than the active one gives, one at a time. */
function widened(group: Group): Step {
  const { active, next } = group;
  if (active === undefined) return [group, [told(group)]];
  const wants = new Map([...group.wants].filter(([, want]) => !gives(active, want)));
  const left: Group = { ...group, wants };
  if (wants.size === 0 || next !== undefined) return [left, [told(left)]];
  const from = [active.position, ...[...wants.values()].map(({ last }) => last)].reduce(earlier);
  return opening(left, unionOf([active.filter, ...[...wants.values()].map(({ filter }) => filter)]), from, [
    ...wants.keys(),
  ]);
}

const gives = ({ filter, position }: StreamState, want: Want): boolean =>
  covers(filter, want.filter) && !(compareIds(want.last ?? '', position ?? '') < 0);

/** The log of an earlier epoch is gone: those who saw only that are told to resync. */
function earlier(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareIds(b, a) < 0 ? b : a;
}

export function streamed(group: Group, input: FromStream): Step {
  const { active, next } = group;
  if (input.is === 'stream') {
    if (input.n === next?.n) return nextChanged(group, next, input);
    if (input.n !== active?.n) return [group, []];
    if (input.state === 'stopped') return quit(group, input.reason);
    return stated({ ...group, active: { ...active, state: input.state, reason: input.reason } });
  }
  if (active === undefined || input.n !== active.n) return [group, []];
  if (input.is === 'position') {
    const last = isNewer(input.id, group.last) ? input.id : group.last;
    const at: Group = { ...group, last, active: { ...active, position: input.id } };
    return [at, [told(at)]];
  }
  const term = group.term as Term;
  if (input.is === 'event') {
    const [next, actions] = received({ ...group, active: { ...active, position: input.event.id } }, input.event);
    return [next, [post(group, { is: 'event', term, event: input.event }), ...actions]];
  }
  const position = input.resync.id ?? active.position;
  const [after, actions] = resynced({ ...group, active: { ...active, position } }, input.resync);
  return [after, [post(group, { is: 'resync', term, resync: input.resync }), ...actions]];
}

function stated(group: Group): Step {
  const { state, reason } = group.active as StreamState;
  const next = withState(group, state, reason);
  return [next, [told(next)]];
}

function nextChanged(
  group: Group,
  next: StreamState,
  { state, reason, position }: FromStream & { is: 'stream' },
): Step {
  const { active } = group;
  if (state === 'live') {
    const last = group.last ?? position;
    const live: Group = { ...group, last, active: { ...next, state, reason, position }, next: undefined };
    const [wide, actions] = widened(withState(live, state, reason));
    return [wide, [...(active === undefined ? [] : [{ do: 'close', n: active.n } as const]), ...actions]];
  }
  if (state !== 'stopped') {
    const changed: Group = { ...group, next: { ...next, state, reason } };
    if (active !== undefined) return [changed, []];
    const reported = withState(changed, state, reason);
    return [reported, [told(reported)]];
  }
  if (active === undefined) return quit(group, reason);
  const wants = new Map([...group.wants].filter(([tab]) => !next.tabs.includes(tab)));
  return [
    { ...group, wants, next: undefined },
    [post(group, { is: 'refuse', term: group.term as Term, tabs: next.tabs })],
  ];
}
