import { isNewer } from './event-id.ts';
import { type Filter, wanted } from './filter.ts';
import { away, type Link } from './link.ts';
import type { Reason, Resync, State, UnstaleEvent } from './types.ts';

/*
 * The tabs of an origin share one stream. This is one tab as a pure reducer; `tabs.ts` does what it says.
 *
 * A lock makes one of them the leader. It has the stream, and posts what comes to a channel that all of them hear. A
 * tab follows the leader with the highest term: a tab that was suspended, and wakes up with a stolen lock, is not
 * heard.
 *
 * A follower is `covered` from the moment at which it knows that it has missed nothing so far, and that the leader's
 * stream will be told all that it wants. Only then it is live, and only then it counts what it hears.
 */

/** The form of the messages. Tabs with another one form a group of their own. */
export const VERSION = 1;

/** Later leaders have higher terms. Of a tie, which the lock prevents, the names decide. */
export type Term = readonly [time: number, tab: string];

export type Message = { readonly v: typeof VERSION; readonly from: string } & (
  | ({ readonly is: 'status'; readonly term: Term } & Status)
  | { readonly is: 'event'; readonly term: Term; readonly event: UnstaleEvent }
  | { readonly is: 'resync'; readonly term: Term; readonly resync: Resync }
  /** The stream of these was not to be had: they try for themselves. */
  | { readonly is: 'refuse'; readonly term: Term; readonly tabs: readonly string[] }
  | ({ readonly is: 'want' } & Want)
  | { readonly is: 'ping' }
);

/** Of the leader's stream. */
export interface Status {
  readonly state: State;
  readonly reason: Reason | undefined;
  readonly filter: Filter;
  /** Whatever comes after this id is going to be posted. Undefined as long as the gateway has not said. */
  readonly position: string | undefined;
  /** How things stand. Leaders of earlier versions do not say. */
  readonly statuses?: readonly UnstaleEvent[];
}

export interface Want {
  readonly filter: Filter;
  /** The newest event that the tab was told. */
  readonly last: string | undefined;
}

export interface StreamState extends Status {
  readonly n: number;
  /** Tabs for whose sake it was opened. */
  readonly tabs: readonly string[];
}

export interface Group {
  readonly tab: string;
  readonly filter: Filter;
  /** `away`: unloaded, frozen or in the back-forward cache: it holds nothing, and hears nothing. */
  readonly role: 'away' | 'following' | 'leading';
  readonly state: State;
  readonly reason: Reason | undefined;
  readonly wasLive: boolean;
  /** The newest event that this tab was told. */
  readonly last: string | undefined;
  /** The highest that was heard. */
  readonly term: Term | undefined;
  /** How things stand, by their tags: the last event of each that says so. */
  readonly statuses: ReadonlyMap<string, UnstaleEvent>;

  // Of a follower.
  readonly covered: boolean;
  /** The leader's position when it was asked for more. */
  readonly askedAt: string | undefined;
  readonly heardAt: number;
  /** An answer to this ping is due. */
  readonly pingedAt: number | undefined;

  // Of a leader.
  /** It has had no live stream since then. */
  readonly lostAt: number | undefined;
  readonly active: StreamState | undefined;
  /** A stream with a wider filter, or from an earlier id, on its way: it replaces the active one when it is live. */
  readonly next: StreamState | undefined;
  readonly wants: ReadonlyMap<string, Want>;
  readonly opened: number;
}

export type GroupInput =
  | { readonly is: 'join' }
  | { readonly is: 'leave' }
  /** This tab has the lock: it leads. */
  | { readonly is: 'granted'; readonly wall: number }
  | { readonly is: 'stolen' }
  | { readonly is: 'message'; readonly message: Message }
  | { readonly is: 'timer' }
  /** The page is shown again. */
  | { readonly is: 'shown' }
  | ({ readonly is: 'stream'; readonly n: number } & Omit<Status, 'filter'>)
  | { readonly is: 'position'; readonly n: number; readonly id: string }
  | { readonly is: 'event'; readonly n: number; readonly event: UnstaleEvent }
  | { readonly is: 'resync'; readonly n: number; readonly resync: Resync };

export type GroupAction =
  | { readonly do: 'lock'; readonly steal: boolean }
  /** Gives the lock back, or no longer waits for it. */
  | { readonly do: 'unlock' }
  | { readonly do: 'post'; readonly message: Message }
  | { readonly do: 'open'; readonly n: number; readonly filter: Filter; readonly from: string | undefined }
  | { readonly do: 'close'; readonly n: number }
  /** Lets streams look at the time: the timers of a hidden page are held back. */
  | { readonly do: 'check' }
  | { readonly do: 'event'; readonly event: UnstaleEvent }
  | { readonly do: 'resync'; readonly resync: Resync }
  /** There is one timer; this replaces it. */
  | { readonly do: 'timer'; readonly ms: number }
  /** Leaves the others: for a stream of its own, or because it is stopped. */
  | { readonly do: 'quit'; readonly stopped: Reason | undefined };

export interface GroupMoment {
  readonly now: number;
  readonly random: number;
  /** Of this tab's streams: what the server asks of those who want to come again. */
  readonly links: readonly Pick<Link, 'retryMs' | 'notBefore'>[];
}

export type Step = readonly [Group, readonly GroupAction[]];

export const newGroup = (tab: string, filter: Filter, last: string | undefined): Group => ({
  tab,
  filter,
  role: 'away',
  state: 'connecting',
  reason: undefined,
  wasLive: false,
  last,
  term: undefined,
  statuses: new Map(),
  covered: false,
  askedAt: undefined,
  heardAt: 0,
  pingedAt: undefined,
  lostAt: undefined,
  active: undefined,
  next: undefined,
  wants: new Map(),
  opened: 0,
});

export type FromLeader = Extract<Message, { readonly term: Term }>;
export type FromStream = Extract<GroupInput, { readonly n: number }>;

export const post = (group: Group, message: Unsigned): GroupAction => ({
  do: 'post',
  message: { v: VERSION, from: group.tab, ...message } as Message,
});
type Unsigned = Message extends infer M ? (M extends Message ? Omit<M, 'v' | 'from'> : never) : never;

/** A tab that was live, and is not, is retrying. */
export function withState(group: Group, state: State, reason: Reason | undefined): Group {
  const wasLive = group.wasLive || state === 'live';
  if (state === 'connecting' && wasLive) return { ...group, state: 'retrying', reason: reason ?? handedOver };
  return { ...group, wasLive, state, reason };
}
const handedOver: Reason = { code: 'handover', message: 'another tab takes the stream over' };

export function left(group: Group): Step {
  const gone: Group = { ...group, role: 'away', covered: false, active: undefined, next: undefined, wants: new Map() };
  return [withState(gone, 'connecting', away), [...closing(group), { do: 'unlock' }]];
}

export const closing = ({ active, next }: Group): GroupAction[] =>
  [active, next].flatMap((stream) => (stream === undefined ? [] : [{ do: 'close', n: stream.n } as const]));

export function received(group: Group, event: UnstaleEvent): Step {
  if (event.isStatus) return learned(group, [event]);
  if (!isNewer(event.id, group.last)) return [group, []];
  return [{ ...group, last: event.id }, wanted(group.filter)(event) ? [{ do: 'event', event }] : []];
}

/** Notes how things stand. A tab that comes later is told, too. */
export function learned(group: Group, statuses: readonly UnstaleEvent[]): Step {
  const known = new Map(group.statuses);
  for (const status of statuses) known.set(status.tags.join(), status);
  const told = statuses.filter(wanted(group.filter)).map((event) => ({ do: 'event', event }) as const);
  return [{ ...group, statuses: known }, told];
}

export const resynced = (group: Group, resync: Resync): Step => [
  { ...group, last: resync.id ?? group.last },
  [{ do: 'resync', resync }],
];

export const quit = (group: Group, stopped: Reason | undefined): Step => {
  const [away, actions] = left(group);
  return [
    stopped === undefined ? away : { ...away, state: 'stopped', reason: stopped },
    [...actions, { do: 'quit', stopped }],
  ];
};
