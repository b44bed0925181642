import { deposed, joined, looked, obeyed, pinged } from './follower.ts';
import {
  type Group,
  type GroupInput,
  type GroupMoment,
  left,
  type Message,
  type Step,
  type Term,
} from './group-state.ts';
import { asked, leading, streamed, told } from './leader.ts';

export function stepGroup(group: Group, input: GroupInput, moment: GroupMoment): Step {
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
  if (message.is === 'want') return group.role === 'leading' ? asked(group, message.from, message) : [group, []];
  if (message.is === 'ping') return group.role === 'leading' ? [group, [{ do: 'check' }, told(group)]] : [group, []];
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

const compareTerms = (a: Term, b: Term | undefined): number =>
  b === undefined ? 1 : a[0] - b[0] || (a[1] < b[1] ? -1 : Number(a[1] > b[1]));
