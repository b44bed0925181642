import { askedDelay, backoff } from './backoff.ts';
import type { Reason, State } from './types.ts';

/**
 * One stream that is opened again and again, as a pure reducer. `stream.ts` does what it says.
 * - `idle`: not started, or paused
 * - `opening`: a token is asked for, or the request is under way, or its answer has no byte yet
 * - `open`: bytes have come: the gateway has the subscription
 * - `waiting`: for the next attempt
 * - `stopped`: for good
 */
export interface Link {
  readonly phase: 'idle' | 'opening' | 'open' | 'waiting' | 'stopped';
  readonly state: State;
  /** Of `state`, if it is a bad one. */
  readonly reason: Reason | undefined;
  /** Failures since the stream was last confirmed. */
  readonly failures: number;
  readonly retryMs: number;
  /** This attempt was made with a new token, because the last one was refused. Another refusal ends it. */
  readonly tokenRenewed: boolean;
  /** When bytes came last, or when the attempt began. */
  readonly heardAt: number;
  /** The server asked for silence until then. */
  readonly notBefore: number;
  /** When the attempt is given up, or the next one begins. */
  readonly dueAt: number;
  readonly heartbeat: Heartbeat;
}

interface Heartbeat {
  /** The longest time between two heartbeats of a stream, and until it is known a guess. */
  readonly everyMs: number;
  readonly known: boolean;
  /** When the last one of this stream came. */
  readonly at: number | undefined;
}

export type LinkInput =
  | { readonly is: 'start' }
  /** Bytes came: the gateway has the subscription. */
  | { readonly is: 'heard' }
  | { readonly is: 'heartbeat' }
  | { readonly is: 'retry'; readonly ms: number }
  /** `afterMs`: the server says when to come again. */
  | { readonly is: 'failed'; readonly reason: Reason; readonly afterMs?: number | undefined }
  /** The timer, or somebody who has reason to look at the time. */
  | { readonly is: 'timer' }
  | { readonly is: 'pause' }
  /** The page is shown again, or (`network`) there is a network again: an open stream may be dead. */
  | { readonly is: 'wake'; readonly network: boolean }
  | { readonly is: 'stop'; readonly reason: Reason };

export type LinkAction =
  | { readonly do: 'open'; readonly why: 'connect' | 'refused' }
  | { readonly do: 'abort' }
  /** There is one timer; this replaces it. */
  | { readonly do: 'timer'; readonly ms: number }
  | { readonly do: 'cancel' };

export interface Moment {
  readonly now: number;
  /** From 0 to 1. */
  readonly random: number;
  /** What the browser says. It decides nothing but the name of the state. */
  readonly online: boolean;
}

/** The gateway's default, until two heartbeats have come. */
const HEARTBEAT_MS = 15_000;
/** Without a heartbeat in so many intervals, the stream is dead. */
const SILENT_INTERVALS = 2.5;
const MIN_SILENCE_MS = 3_000;
const MAX_GUESS_MS = 5 * 60_000;
/** From the request to its first byte. */
export const OPENING_MS = 15_000;

export const newLink: Link = {
  phase: 'idle',
  state: 'connecting',
  reason: undefined,
  failures: 0,
  retryMs: 1_000,
  tokenRenewed: false,
  heardAt: 0,
  notBefore: 0,
  dueAt: 0,
  heartbeat: { everyMs: HEARTBEAT_MS, known: false, at: undefined },
};

type Step = readonly [Link, readonly LinkAction[]];

export function stepLink(link: Link, input: LinkInput, moment: Moment): Step {
  if (link.phase === 'stopped') return [link, []];
  switch (input.is) {
    case 'start':
      return link.phase === 'idle' ? opened(link, 'connect', moment) : [link, []];
    case 'heard':
      return heard(link, moment);
    case 'heartbeat':
      return beaten(link, moment);
    case 'retry':
      return [{ ...link, retryMs: askedDelay(input.ms) }, []];
    case 'failed':
      return failed(link, input, moment);
    case 'timer':
      return elapsed(link, moment);
    case 'pause':
      return paused(link);
    case 'wake':
      return woken(link, input.network, moment);
    case 'stop':
      return stopped(link, input.reason);
  }
}

function opened(link: Link, why: 'connect' | 'refused', { now }: Moment): Step {
  const heartbeat = { ...link.heartbeat, at: undefined };
  return [
    { ...link, phase: 'opening', tokenRenewed: why === 'refused', heardAt: now, dueAt: now + OPENING_MS, heartbeat },
    [
      { do: 'open', why },
      { do: 'timer', ms: OPENING_MS },
    ],
  ];
}

function heard(link: Link, { now }: Moment): Step {
  if (link.phase === 'open') return [{ ...link, heardAt: now }, []];
  if (link.phase !== 'opening') return [link, []];
  const live: Link = { ...link, phase: 'open', state: 'live', reason: undefined, failures: 0, heardAt: now };
  return [live, [{ do: 'timer', ms: silenceOf(link) }]];
}

/** From the second heartbeat on, the guess is no longer waited for. */
function beaten(link: Link, { now }: Moment): Step {
  if (link.phase !== 'open') return [link, []];
  const next = { ...link, heartbeat: measured(link, now) };
  return [next, [{ do: 'timer', ms: silenceOf(next) }]];
}

function measured(link: Link, now: number): Heartbeat {
  const { heartbeat } = link;
  // NaN for the first heartbeat, which is no gap: the comparison below is then false.
  const gap = now - Number(heartbeat.at);
  // A longer gap is a sleep of this machine: a gateway as slow as that would have been given up.
  if (!(gap <= silenceOf(link))) return { ...heartbeat, at: now };
  return { everyMs: heartbeat.known ? Math.max(heartbeat.everyMs, gap) : gap, known: true, at: now };
}

const silenceOf = ({ heartbeat }: Link): number => Math.max(MIN_SILENCE_MS, heartbeat.everyMs * SILENT_INTERVALS);

function failed(link: Link, { reason, afterMs = 0 }: LinkInput & { is: 'failed' }, moment: Moment): Step {
  if (link.phase !== 'opening' && link.phase !== 'open') return [link, []];
  if (reason.code === 'rejected') return stopped(link, reason);
  if (reason.code === 'refused') {
    if (link.tokenRenewed) return stopped(link, reason);
    const state = link.state === 'live' ? 'retrying' : link.state;
    return opened({ ...link, state }, 'refused', moment);
  }
  const wait = Math.max(backoff(link.retryMs, link.failures, moment.random), askedDelay(afterMs));
  const waiting: Link = {
    ...lost(link, reason, moment),
    phase: 'waiting',
    failures: link.failures + 1,
    notBefore: moment.now + askedDelay(afterMs),
    dueAt: moment.now + wait,
  };
  return [waiting, [{ do: 'abort' }, { do: 'timer', ms: wait }]];
}

/** Only a request that failed makes it `offline`: what browsers say of the network is often wrong. */
function lost(link: Link, reason: Reason, { online }: Moment): Link {
  const unreached = reason.code === 'network' || reason.code === 'silent';
  return { ...link, state: unreached && !online ? 'offline' : 'retrying', reason };
}

function elapsed(link: Link, moment: Moment): Step {
  if (link.phase === 'open') return checked(link, moment);
  if (link.phase === 'idle') return [link, []];
  const left = link.dueAt - moment.now;
  if (left > 0) return [link, [{ do: 'timer', ms: left }]];
  if (link.phase === 'waiting') return opened(link, 'connect', moment);
  return failed(link, { is: 'failed', reason: { code: 'network', message: 'no answer came in time' } }, moment);
}

function paused(link: Link): Step {
  const state = link.state === 'live' ? 'retrying' : link.state;
  const reason = link.state === 'live' ? away : link.reason;
  return [{ ...link, phase: 'idle', state, reason }, [{ do: 'abort' }, { do: 'cancel' }]];
}
export const closed: Reason = { code: 'closed', message: 'it was closed' };
export const away: Reason = { code: 'away', message: 'the page was left, or frozen' };

/** The timer of an open stream may come late: a hidden page's timers are held back, but not the bytes it is sent. */
function checked(link: Link, moment: Moment): Step {
  const left = link.heardAt + silenceOf(link) - moment.now;
  if (left > 0) return [link, [{ do: 'timer', ms: left }]];
  const { everyMs, known } = link.heartbeat;
  // A server whose heartbeats are rarer than the guess must not lose the stream over and over. What was measured is a
  // guess again: two heartbeats that were held up on their way arrive together.
  const guess = known ? Math.max(everyMs, HEARTBEAT_MS) : Math.min(everyMs * 2, MAX_GUESS_MS);
  const heartbeat: Heartbeat = { ...link.heartbeat, known: false, everyMs: guess };
  const reason: Reason = { code: 'silent', message: 'no heartbeat came in time' };
  return reopened({ ...lost(link, reason, moment), heartbeat }, moment);
}

function reopened(link: Link, moment: Moment): Step {
  const [opening, actions] = opened(link, 'connect', moment);
  return [opening, [{ do: 'abort' }, ...actions]];
}

function woken(link: Link, network: boolean, moment: Moment): Step {
  if (link.phase === 'waiting') {
    const left = link.notBefore - moment.now;
    return left > 0 ? [link, [{ do: 'timer', ms: left }]] : opened(link, 'connect', moment);
  }
  if (link.phase !== 'open' && link.phase !== 'opening') return [link, []];
  if (!network) return link.phase === 'open' ? checked(link, moment) : [link, []];
  // The old network's connection would be silent, and nobody would notice for some heartbeats.
  const reason: Reason = { code: 'network', message: 'the network changed' };
  return reopened(link.phase === 'open' ? { ...link, state: 'retrying', reason } : link, moment);
}

const stopped = (link: Link, reason: Reason): Step => [
  { ...link, phase: 'stopped', state: 'stopped', reason },
  [{ do: 'abort' }, { do: 'cancel' }],
];
