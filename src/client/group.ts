import { deposed, joined, looked, obeyed, pinged } from './follower.ts';
import {
  type FromLeader,
  type Group,
  type GroupInput,
  type GroupMoment,
  left,
  type Message,
  type Step,
  type Term,
} from './group-state.ts';
import { asked, leading, streamed, told } from './leader.ts';

/** A leader that gets no stream for so long lets another tab try: the reason may be its own, its `auth()` for one. */
const LOST_MS = 30_000;

export function stepGroup(before: Group, input: GroupInput, moment: GroupMoment): Step {
  const [group, actions] = stepped(before, input, moment);
  const isLost = group.role === 'leading' && group.active?.state !== 'live';
  return [{ ...group, lostAt: isLost ? (before.lostAt ?? moment.now) : undefined }, actions];
}

function stepped(group: Group, input: GroupInput, moment: GroupMoment): Step {
  if (input.is === 'join') return group.role === 'away' ? joined(group, moment) : [group, []];
  if (group.role === 'away') return [group, []];
  switch (input.is) {
    case 'leave':
      return left(group);
    case 'granted':
      return leading(group, input.wall);
    case 'stolen':
      return group.role === 'leading' ? deposed(group, moment) : [group, []];
    case 'message':
      return heard(group, input.message, moment);
    case 'timer':
      return looked(group, moment);
    case 'shown':
      return group.role === 'following' ? pinged(group, moment) : [group, []];
    default:
      return group.role === 'leading' ? streamed(group, input) : [group, []];
  }
}

function heard(group: Group, message: Message, moment: GroupMoment): Step {
  if (!('term' in message)) return group.role === 'leading' ? requested(group, message, moment) : [group, []];
  const order = compareTerms(message.term, group.term);
  if (order < 0) return [group, []];
  if (order > 0) {
    const [follower, actions] = group.role === 'leading' ? deposed(group, moment) : ([group, []] as Step);
    const [next, further] = obeyed(
      { ...follower, term: message.term, covered: false, askedAt: undefined },
      message,
      moment,
    );
    return [next, [...actions, ...further]];
  }
  return group.role === 'following' ? obeyed(group, message, moment) : [group, []];
}

/** A follower pings, or says what it wants for as long as its leader has had no live stream. */
function requested(group: Group, message: Exclude<Message, FromLeader>, moment: GroupMoment): Step {
  const { now, links } = moment;
  const lostAt = group.lostAt ?? now;
  // A server that stops spreads its clients, and one that is busy says when to come again.
  const isDue = links.every(({ retryMs, notBefore }) => now >= Math.max(lostAt + LOST_MS + retryMs, notBefore));
  // This tab then waits for the lock behind all others.
  if (isDue) return deposed(group, moment);
  return message.is === 'want' ? asked(group, message.from, message) : [group, [{ do: 'check' }, told(group)]];
}

const compareTerms = (a: Term, b: Term | undefined): number =>
  b === undefined ? 1 : a[0] - b[0] || (a[1] < b[1] ? -1 : Number(a[1] > b[1]));
