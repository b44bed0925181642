import { compareIds, isNewer } from './event-id.ts';
import { covers } from './filter.ts';
import {
  closing,
  type FromLeader,
  type Group,
  type GroupAction,
  type GroupMoment,
  learned,
  post,
  quit,
  received,
  resynced,
  type Status,
  type Step,
  withState,
} from './group-state.ts';
import { resyncOf } from './resync.ts';

/** How often a follower looks whether it hears from its leader. */
const PING_MS = 2_000;
/** A leader that does not answer for so long is suspended: its lock is stolen. */
const SILENT_MS = 4_000;

export function joined(group: Group, { now, random }: GroupMoment): Step {
  const following: Group = {
    ...group,
    role: 'following',
    covered: false,
    askedAt: undefined,
    heardAt: now,
    pingedAt: now,
  };
  return [
    withState(following, 'connecting', undefined),
    [{ do: 'lock', steal: false }, post(group, { is: 'ping' }), { do: 'timer', ms: PING_MS * (1 + random) }],
  ];
}

export function deposed(group: Group, moment: GroupMoment): Step {
  const [following, actions] = joined({ ...group, active: undefined, next: undefined, wants: new Map() }, moment);
  return [following, [...closing(group), ...actions]];
}

/** What the leader says that this tab follows. */
export function obeyed(before: Group, message: FromLeader, { now }: GroupMoment): Step {
  const group = { ...before, heardAt: now, pingedAt: undefined };
  switch (message.is) {
    case 'status':
      return informed(group, message);
    case 'refuse':
      return message.tabs.includes(group.tab) ? quit(group, undefined) : [group, []];
    case 'event':
      return group.covered ? received(group, message.event) : [group, []];
    case 'resync':
      return group.covered ? resynced(group, message.resync) : [group, []];
  }
}

function informed(group: Group, status: Status): Step {
  const { state, reason, position } = status;
  if (group.covered) {
    // Posted in order: nothing up to the position is still on its way.
    const last = position !== undefined && isNewer(position, group.last) ? position : group.last;
    return [withState({ ...group, last }, state, reason), []];
  }
  const lacking = withState(group, state === 'live' ? 'connecting' : state, state === 'live' ? undefined : reason);
  const isWide = covers(status.filter, group.filter);
  if (isWide && (state !== 'live' || position === undefined)) return [lacking, []];
  // NaN, of another log, is neither before nor after.
  if (isWide && !(compareIds(group.last ?? position ?? '', position ?? '') < 0)) {
    const [told, before] = learned(withState({ ...group, covered: true }, state, reason), status.statuses ?? []);
    const [next, actions] = covered(told, position as string);
    return [next, [...before, ...actions]];
  }
  const askedAt = position ?? '';
  return group.askedAt === askedAt ? [lacking, []] : [{ ...lacking, askedAt }, [asking(group)]];
}

function covered(group: Group, position: string): Step {
  if (group.last === undefined) return [{ ...group, last: position }, []];
  if (compareIds(group.last, position) >= 0) return [group, []];
  return resynced(group, resyncOf(position, 'gap'));
}

const asking = (group: Group): GroupAction => post(group, { is: 'want', filter: group.filter, last: group.last });

export function looked(group: Group, moment: GroupMoment): Step {
  if (group.role !== 'following') return [group, []];
  const { now, random } = moment;
  const timer: GroupAction = { do: 'timer', ms: PING_MS * (1 + random / 2) };
  if (group.pingedAt !== undefined) {
    if (now - group.pingedAt < SILENT_MS) return [group, [timer]];
    return [{ ...group, pingedAt: now }, [{ do: 'lock', steal: true }, timer]];
  }
  if (!group.covered && group.term !== undefined) return [{ ...group, pingedAt: now }, [asking(group), timer]];
  return now - group.heardAt < PING_MS ? [group, [timer]] : pinged(group, moment);
}

export const pinged = (group: Group, { now, random }: GroupMoment): Step => [
  { ...group, pingedAt: now },
  [post(group, { is: 'ping' }), { do: 'timer', ms: PING_MS * (1 + random / 2) }],
];
