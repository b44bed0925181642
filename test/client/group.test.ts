import { expect, test } from 'vitest';
import { stepGroup } from '../../src/client/group.ts';
import { type Group, type GroupAction, type GroupInput, type Message, newGroup } from '../../src/client/group-state.ts';
import type { UnstaleEvent } from '../../src/client/types.ts';

/* One tab, `me`, that wants /a. Others are played. */

type Happened = GroupInput | number;

/** A number is the time from then on. */
function play(
  happened: readonly Happened[],
  last?: string,
  tags: readonly string[] = [],
  link = { retryMs: 0, notBefore: 0 },
): { group: Group; actions: readonly GroupAction[] } {
  let group = newGroup('me', { match: ['/a'], tags }, last);
  let actions: readonly GroupAction[] = [];
  let now = 0;
  for (const each of happened) {
    if (typeof each === 'number') now = each;
    else [group, actions] = stepGroup(group, each, { now, random: 0, links: [link] });
  }
  return { group, actions };
}

const join: Happened = { is: 'join' };
const granted: Happened = { is: 'granted', wall: 50 };
const timer: Happened = { is: 'timer' };

type Said = Message extends infer M ? (M extends Message ? Omit<M, 'v' | 'from'> : never) : never;
const message = (said: Said, from = 'leader'): Happened => ({
  is: 'message',
  message: { v: 1, from, ...said } as Message,
});
const status = (term: number, position: string | undefined, more: Partial<Message> = {}): Happened =>
  message({
    is: 'status',
    term: [term, 'leader'],
    state: 'live',
    reason: undefined,
    filter: { match: ['/a'], tags: [] },
    position,
    ...more,
  } as Said);
const eventOf = (id: string, path = '/a'): UnstaleEvent => ({
  id,
  type: 'invalidate',
  paths: [path],
  tags: [],
  cause: { method: 'PUT', path, rule: null },
  at: '',
});
const event = (term: number, id: string, path?: string): Happened =>
  message({ is: 'event', term: [term, 'leader'], event: eventOf(id, path) });
const stream = (n: number, state: 'live' | 'retrying' | 'stopped', position?: string): Happened => ({
  is: 'stream',
  n,
  state,
  position,
  reason: state === 'stopped' ? { code: 'refused', message: '' } : undefined,
});
const want = (from: string, path: string, last?: string): Happened =>
  message({ is: 'want', filter: { match: [path], tags: [] }, last }, from);

const wide = { filter: { match: [], tags: [] } } as Partial<Message>;
const narrow = { filter: { match: ['/b'], tags: [] } } as Partial<Message>;
const done = (actions: readonly GroupAction[]): string[] =>
  actions.map((action) => (action.do === 'post' ? `post ${action.message.is}` : action.do));

test.each<[string, Happened[], string | undefined, Partial<Group>, string[]]>([
  [
    'who joins asks for the lock, and who leads',
    [join],
    undefined,
    { state: 'connecting' },
    ['lock', 'post ping', 'timer'],
  ],
  [
    'a leader that is live, and wide enough, covers a new tab',
    [join, status(1, 'e-5')],
    undefined,
    { state: 'live', covered: true, last: 'e-5' },
    [],
  ],
  ['a wider one does', [join, status(1, 'e-5', wide)], undefined, { state: 'live', covered: true }, []],
  [
    'a narrower one is asked for more',
    [join, status(1, 'e-5', narrow)],
    undefined,
    { state: 'connecting', covered: false },
    ['post want'],
  ],
  [
    'it is asked once for each position',
    [join, status(1, 'e-5', narrow), status(1, 'e-5', narrow)],
    undefined,
    { covered: false },
    [],
  ],
  [
    'a leader whose stream is not confirmed covers nobody',
    [join, status(1, undefined, { state: 'connecting' } as Partial<Message>)],
    undefined,
    { state: 'connecting', covered: false },
    [],
  ],
  [
    'a tab that is behind asks for what it missed',
    [join, status(1, 'e-5')],
    'e-4',
    { state: 'connecting', covered: false },
    ['post want'],
  ],
  ['a tab that is ahead has missed nothing', [join, status(1, 'e-5')], 'e-6', { state: 'live', last: 'e-6' }, []],
  [
    'a tab that saw another log fetches all again',
    [join, status(1, 'e-5')],
    'd-4',
    { state: 'live', last: 'e-5' },
    ['resync'],
  ],
  ['an event is told once', [join, status(1, 'e-5'), event(1, 'e-6'), event(1, 'e-6')], undefined, { last: 'e-6' }, []],
  [
    'an event for others is not told, but counts',
    [join, status(1, 'e-5'), event(1, 'e-6', '/b')],
    undefined,
    { last: 'e-6' },
    [],
  ],
  [
    'a tab that is not covered is told nothing: it would hide what it missed',
    [join, status(1, 'e-5'), event(1, 'e-7')],
    'e-4',
    { last: 'e-4' },
    [],
  ],
  [
    'a new leader covers anew',
    [join, status(1, 'e-5'), status(2, 'e-7')],
    undefined,
    { covered: false, state: 'retrying', last: 'e-5' },
    ['post want'],
  ],
  [
    'an earlier leader is not heard',
    [join, status(2, 'e-5'), status(1, 'e-9', { state: 'retrying' } as Partial<Message>)],
    undefined,
    { state: 'live', last: 'e-5' },
    [],
  ],
  ['nor are its events', [join, status(2, 'e-5'), event(1, 'e-9')], undefined, { last: 'e-5' }, []],
  [
    'the leader is asked whether it is there',
    [join, status(1, 'e-5'), 3_000, timer],
    undefined,
    {},
    ['post ping', 'timer'],
  ],
  ['but not if it was heard', [join, status(1, 'e-5'), 1_500, event(1, 'e-6'), 2_000, timer], undefined, {}, ['timer']],
  [
    'a leader that does not answer in time loses its lock',
    [join, status(1, 'e-5'), 3_000, timer, 7_000, timer],
    undefined,
    {},
    ['lock', 'timer'],
  ],
  [
    'one that answers keeps it',
    [join, status(1, 'e-5'), 3_000, timer, 3_100, status(1, 'e-5'), 7_000, timer],
    undefined,
    {},
    ['post ping', 'timer'],
  ],
  [
    'a page that is shown asks anew, before it judges',
    [join, status(1, 'e-5'), 3_000, timer, 90_000, { is: 'shown' }, 90_001, timer],
    undefined,
    {},
    ['timer'],
  ],
  [
    'who is refused by the leader tries for itself',
    [join, status(1, 'e-5'), message({ is: 'refuse', term: [1, 'leader'], tabs: ['me'] })],
    undefined,
    { role: 'away' },
    ['unlock', 'quit'],
  ],
  [
    'a leader resumes after what it saw',
    [join, granted],
    'e-4',
    { role: 'leading', term: [50, 'me'] },
    ['open', 'post status'],
  ],
  [
    'its term is higher than any that was heard',
    [join, status(60, 'e-5'), granted],
    undefined,
    { term: [61, 'me'] },
    ['open', 'post status'],
  ],
  [
    'it is live with its stream',
    [join, granted, stream(1, 'live', 'e-5')],
    undefined,
    { state: 'live' },
    ['post status'],
  ],
  [
    'its events are for all',
    [join, granted, stream(1, 'live', 'e-5'), { is: 'event', n: 1, event: eventOf('e-6') }],
    undefined,
    { last: 'e-6' },
    ['post event', 'event'],
  ],
  [
    'events that it did not ask for are for others',
    [join, granted, stream(1, 'live', 'e-5'), { is: 'event', n: 1, event: eventOf('e-6', '/b') }],
    undefined,
    { last: 'e-6' },
    ['post event'],
  ],
  [
    'who wants what it has is told so',
    [join, granted, stream(1, 'live', 'e-5'), want('b', '/a')],
    undefined,
    {},
    ['post status'],
  ],
  [
    'who wants more gets a wider stream',
    [join, granted, stream(1, 'live', 'e-5'), want('b', '/b')],
    undefined,
    { state: 'live' },
    ['open', 'post status'],
  ],
  [
    'who is behind gets an earlier one',
    [join, granted, stream(1, 'live', 'e-5'), want('b', '/a', 'e-3')],
    undefined,
    {},
    ['open', 'post status'],
  ],
  [
    'which replaces the first once it is live',
    [join, granted, stream(1, 'live', 'e-5'), want('b', '/b'), stream(2, 'live', 'e-5')],
    undefined,
    { state: 'live', next: undefined },
    ['close', 'post status'],
  ],
  [
    'one at a time',
    [join, granted, stream(1, 'live', 'e-5'), want('b', '/b'), want('c', '/c')],
    undefined,
    {},
    ['post status'],
  ],
  [
    'if it is refused, those who wanted it hear so',
    [join, granted, stream(1, 'live', 'e-5'), want('b', '/b'), stream(2, 'stopped')],
    undefined,
    { state: 'live', next: undefined },
    ['post refuse'],
  ],
  [
    'a leader that is refused leaves: others may have a better token',
    [join, granted, stream(1, 'stopped')],
    undefined,
    { state: 'stopped' },
    ['close', 'unlock', 'quit'],
  ],
  [
    'a leader that is asked shows that it is there',
    [join, granted, stream(1, 'live', 'e-5'), message({ is: 'ping' }, 'b')],
    undefined,
    {},
    ['check', 'post status'],
  ],
  [
    'a leader whose lock was stolen follows',
    [join, granted, stream(1, 'live', 'e-5'), { is: 'stolen' }],
    undefined,
    { role: 'following', state: 'retrying' },
    ['close', 'lock', 'post ping', 'timer'],
  ],
  [
    'as does one that hears a later leader',
    [join, granted, stream(1, 'live', 'e-5'), status(60, 'e-5')],
    undefined,
    { role: 'following', state: 'live' },
    ['close', 'lock', 'post ping', 'timer'],
  ],
  [
    'what its stream says after that is not told',
    [join, granted, stream(1, 'live', 'e-5'), { is: 'stolen' }, { is: 'event', n: 1, event: eventOf('e-6') }],
    undefined,
    { last: 'e-5' },
    [],
  ],
  [
    'who leaves holds nothing',
    [join, granted, stream(1, 'live', 'e-5'), { is: 'leave' }],
    undefined,
    { role: 'away', state: 'retrying', active: undefined },
    ['close', 'unlock'],
  ],
  ['and hears nothing', [join, status(1, 'e-5'), { is: 'leave' }, event(1, 'e-6')], undefined, { last: 'e-5' }, []],
  [
    'until it is back',
    [join, status(1, 'e-5'), { is: 'leave' }, join],
    undefined,
    { role: 'following', covered: false },
    ['lock', 'post ping', 'timer'],
  ],
])('%s', (_what, happened, last, group, actions) => {
  const after = play(happened, last);
  expect(after.group).toMatchObject(group);
  expect(done(after.actions)).toEqual(actions);
});

test('a wider stream covers all, and begins after what the last of them saw', () => {
  const { actions } = play([join, granted, stream(1, 'live', 'e-5'), want('b', '/b', 'e-3')], 'e-5');
  expect(actions[0]).toEqual({ do: 'open', n: 2, filter: { match: ['/a', '/b'], tags: [] }, from: 'e-3' });
});

/** How an API stands. It has the id of the event before it. */
const down: UnstaleEvent = { ...eventOf('e-5'), type: 'origin.down', paths: [], tags: ['o:api'], isStatus: true };
const streamed: Happened = { is: 'event', n: 1, event: down };
const filter = { match: ['/a'], tags: ['o:*'] };

test.each<[string, Happened[], readonly string[], string[]]>([
  [
    'a leader tells how things stand, though the id is not new',
    [join, granted, stream(1, 'live', 'e-5'), streamed],
    ['o:*'],
    ['post event', 'event'],
  ],
  ['and passes on what it did not ask for', [join, granted, stream(1, 'live', 'e-5'), streamed], [], ['post event']],
  [
    'a follower is told',
    [join, status(1, 'e-5', { filter }), message({ is: 'event', term: [1, 'leader'], event: down })],
    ['o:*'],
    ['event'],
  ],
  [
    'one that comes later is told by the leader',
    [join, status(1, 'e-5', { filter, statuses: [down] })],
    ['o:*'],
    ['event'],
  ],
  ['if it asks for it', [join, status(1, 'e-5', { statuses: [down] })], [], []],
  [
    'once',
    [join, status(1, 'e-5', { filter, statuses: [down] }), status(1, 'e-5', { filter, statuses: [down] })],
    ['o:*'],
    [],
  ],
])('%s', (_what, happened, tags, actions) => {
  const after = play(happened, undefined, tags);
  expect(done(after.actions)).toEqual(actions);
  expect(after.group.last).toBe('e-5');
});

test('a leader says how things stand to those who come', () => {
  const { actions } = play([join, granted, stream(1, 'live', 'e-5'), streamed, message({ is: 'ping' }, 'b')]);
  expect(actions.at(-1)).toMatchObject({ do: 'post', message: { is: 'status', statuses: [down] } });
});

const ping = message({ is: 'ping' }, 'b');

test.each<[string, Happened[], Group['role'], { retryMs?: number; notBefore?: number }]>([
  ['that has had no stream for 30 s lets others try', [stream(1, 'retrying'), 30_000, ping], 'following', {}],
  [
    'that is asked for more after 30 s lets others try',
    [stream(1, 'retrying'), 30_000, want('b', '/b')],
    'following',
    {},
  ],
  ['goes on until then', [stream(1, 'retrying'), 29_999, ping], 'leading', {}],
  ['that is asked for more before that goes on', [stream(1, 'retrying'), 29_999, want('b', '/b')], 'leading', {}],
  ['goes on if nobody asks', [stream(1, 'retrying'), 90_000, timer], 'leading', {}],
  ['has lost its stream late', [stream(1, 'live', 'e-5'), 60_000, stream(1, 'retrying'), ping], 'leading', {}],
  ['waits for longer if the server asks for it', [stream(1, 'retrying'), 89_999, ping], 'leading', { retryMs: 60_000 }],
  ['and no longer than that', [stream(1, 'retrying'), 90_000, ping], 'following', { retryMs: 60_000 }],
  ['waits for as long as Retry-After says', [stream(1, 'retrying'), 89_999, ping], 'leading', { notBefore: 90_000 }],
  ['that may ask again lets others try', [stream(1, 'retrying'), 90_000, ping], 'following', { notBefore: 90_000 }],
])('a leader %s', (_what, happened, role, link) => {
  const { group, actions } = play([join, granted, ...happened], undefined, [], { retryMs: 0, notBefore: 0, ...link });
  expect(group.role).toBe(role);
  // Its request for the lock waits behind the others.
  if (role === 'following') expect(done(actions)).toEqual(['close', 'lock', 'post ping', 'timer']);
});
