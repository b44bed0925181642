import type { Clock, Timers } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import { Fields, without } from '../../http/fields.ts';
import { isDigest } from '../../http/own-memory.ts';
import { targetText } from '../../route/path.ts';
import { UNCONFIRMED } from '../../store/stored-response.ts';
import { askOrigin } from '../ask-origin.ts';
import { readAnswerUpTo } from '../body.ts';
import { forwardedQuery } from '../cache-key.ts';
import { fillFields } from '../forward.ts';
import type { ClientRequest } from '../ports.ts';
import { type Replay, rebuilt } from '../replay.ts';
import { type Compared, type Deviation, deviations } from './comparison.ts';
import { type FoundCopy, foundCopies, type InspectedStores, siteIn } from './found-copies.ts';
import { proposedRequest } from './proposed-write.ts';

export interface VerifyPorts extends InspectedStores {
  readonly clock: Clock;
  readonly timers: Timers;
  /** A longer answer of the API is not read, and nothing so long is stored. */
  readonly maxBytes: number;
  /** Why what is stored cannot be told now. Undefined: it can. */
  readonly notServing: () => string | undefined;
}

/** What is known of one URL. */
export interface Verified {
  readonly url: string;
  /**
   * The worst of its copies: `failed`, `differs`, `unknown`, `same`. Never `not-stored` or `same` if something was not
   * looked at.
   */
  readonly outcome: 'not-stored' | ComparedCopy['outcome'];
  readonly copies: readonly ComparedCopy[];
  /** Further copies, which were not compared. */
  readonly left: number;
  /** Where it looked: in the memory of this node, and, for the URL itself, in the tier that the nodes share. */
  readonly lookedIn: readonly ('memory' | 'redis')[];
  /** Why it is unknown whether something else is stored. */
  readonly why?: string;
}

/** One stored response. */
export interface ComparedCopy {
  /** With the host that clients asked. */
  readonly of: string;
  /** The fields of the request that select it. Of credentials, and of long values, a digest. */
  readonly selecting: Readonly<Record<string, string>>;
  /** In seconds, since the API sent it. */
  readonly storedFor: number;
  /** `unconfirmed`: out of a snapshot, and not served before the API has confirmed it. `redis`: not in memory. */
  readonly in: 'memory' | 'unconfirmed' | 'redis';
  /** `unknown`: it cannot be compared, whoever asks. `failed`: the API gave no answer to compare it with. */
  readonly outcome: 'same' | 'differs' | 'unknown' | 'failed';
  readonly differences: readonly Deviation[];
  /** Why it was not compared. */
  readonly why?: string;
}

/** Of one URL: a pattern may cover all there is, and a client may vary a field without end. */
const MAX_COPIES = 1_000;
/** No further copies of one URL are compared after this time. */
const MAX_TIME_MS = 8 * 60_000;
/** The API also has to answer clients. */
const AT_ONCE = 4;
/** What one URL takes at most. */
export const VERIFY_MS = MAX_TIME_MS + 60_000;
/** For one answer with its body. The limits of the origin alone would let an endless stream go on. */
const MAX_ANSWER_MS = 30_000;

/**
 * Compares what is stored for each URL on this node with what the API says now. Asks the API as a fill would, past the
 * cache, with the gateway's own credentials where it has some. Nothing is stored.
 * @throws TargetError
 * @throws GatewayError this node does not know what is stored
 */
export async function verify(ports: VerifyPorts, urls: readonly string[]): Promise<Verified[]> {
  const known: Verified[] = [];
  for (const url of urls) {
    refuseUnlessServing(ports);
    known.push(await verifyOne(ports, url));
  }
  refuseUnlessServing(ports);
  return known;
}

/** Its memory may be about to be emptied, or to get what it has missed. */
function refuseUnlessServing({ notServing }: VerifyPorts): void {
  const why = notServing();
  if (why !== undefined) throw new GatewayError('notServing', `ask again when this node serves: ${why}`);
}

async function verifyOne(ports: VerifyPorts, url: string): Promise<Verified> {
  const found = await foundCopies(url, ports);
  const until = ports.clock.monotonic() + MAX_TIME_MS;
  const copies: ComparedCopy[] = [];
  while (copies.length < Math.min(found.copies.length, MAX_COPIES) && ports.clock.monotonic() < until) {
    const some = found.copies.slice(copies.length, Math.min(copies.length + AT_ONCE, MAX_COPIES));
    copies.push(...(await Promise.all(some.map((copy) => compared(ports, copy)))));
  }
  const left = found.copies.length - copies.length;
  return verified({
    ...{ url, copies, left, why: found.why },
    lookedIn: ports.tier === undefined ? ['memory'] : ['memory', 'redis'],
  });
}

/** What is known of a URL, with its outcome. */
export function verified({ why, ...known }: Omit<Verified, 'outcome' | 'why'> & { why: string | undefined }): Verified {
  const isPartial = known.left > 0 || why !== undefined;
  const outcomes = known.copies.map(({ outcome }) => outcome);
  const outcome = worstOf([...outcomes, ...(isPartial ? (['unknown'] as const) : [])]);
  return { ...known, outcome, ...(why !== undefined && { why }) };
}

/** Whether clients may still be served it. */
async function isHeld({ store, tier }: VerifyPorts, { stored, inTier }: FoundCopy): Promise<boolean> {
  if (!inTier) return store.variantsOf(stored.key).includes(stored);
  const now = await tier?.lookUp(stored.key);
  return typeof now === 'object' && now.respondedAt === stored.respondedAt;
}

const severity = { failed: 3, differs: 2, unknown: 1, same: 0 } as const;

function worstOf([first, ...others]: readonly ComparedCopy['outcome'][]): Verified['outcome'] {
  if (first === undefined) return 'not-stored';
  return others.reduce((worst, each) => (severity[each] > severity[worst] ? each : worst), first);
}

async function compared(ports: VerifyPorts, copy: FoundCopy): Promise<ComparedCopy> {
  const { stored, inTier } = copy;
  const [, path = '', query = ''] = stored.key.split('\n');
  const told = {
    of: `${siteIn(stored.key).split(' ')[0]}${targetText({ path, query })}`,
    selecting: Object.fromEntries(stored.vary.map((name, i) => [name, shown(stored.selecting[i] ?? '')])),
    storedFor: Math.max(0, Math.round((ports.clock.wall() - stored.respondedAt) / 1000)),
    in: inTier ? 'redis' : stored.asOf === UNCONFIRMED ? 'unconfirmed' : 'memory',
  } as const;
  const notCompared = (why: string, outcome: 'unknown' | 'failed' = 'unknown'): ComparedCopy => ({
    ...told,
    outcome,
    differences: [],
    why,
  });
  const replay = rebuilt(stored, proposedRequest({ method: 'GET', target: '/', requestHeaders: [] }), ports.routes);
  if (typeof replay === 'string') return notCompared(replay);
  const now = await answerNow(replay, ports);
  // A write may have replaced it since. What it differs in then, no client is served.
  if (!(await isHeld(ports, copy))) return notCompared('it was invalidated or replaced meanwhile: ask again');
  if (typeof now === 'string') return notCompared(now, 'failed');
  const refused = refusal(replay, now);
  if (refused !== undefined) return notCompared(refused, 'failed');
  const differences = deviations(stored, now);
  return { ...told, outcome: differences.length === 0 ? 'same' : 'differs', differences };
}

/** What a client would be told now, or why nothing is known of that. */
async function answerNow(
  { request, route }: Replay,
  { maxBytes, timers }: Pick<VerifyPorts, 'maxBytes' | 'timers'>,
): Promise<Compared | string> {
  const { ownFields = [] } = route.origin;
  const own = new Fields(ownFields);
  const lines = without(request.headers.lines, (name) => own.has(name));
  const get: ClientRequest = { ...request, headers: new Fields(lines) };
  const headers = [...fillFields(get, route.policy, []), ...ownFields];
  const query = forwardedQuery(request.target.query, route.policy.cache);
  const ended = new AbortController();
  const cancel = timers.after(MAX_ANSWER_MS, () => ended.abort());
  try {
    const answer = await askOrigin({ request: get, route }, { headers, query, signal: ended.signal });
    const body = await readAnswerUpTo(answer.body, maxBytes);
    if ('whole' in body) return { status: answer.status, headers: answer.headers, body: body.whole };
    answer.body.destroy();
    return `the answer of the API is longer than store.memory.maxEntry (${maxBytes} bytes)`;
  } catch (error) {
    if (ended.signal.aborted) return 'the API did not end its answer in time';
    if (error instanceof GatewayError) return `the API cannot be asked: ${error.message}`;
    throw error;
  } finally {
    cancel();
  }
}

/** Why an answer says nothing of what is stored. */
function refusal({ stored, route }: Replay, { status }: Compared): string | undefined {
  if (status >= 500 && stored.status < 500) return `the API answered ${status}`;
  if (status !== 401 && status !== 403) return undefined;
  // What anybody could read when it was stored, and nobody can now, differs.
  const wasOpen = route.policy.cache.credentials !== 'shared' && !stored.shareable;
  if (stored.status === status || wasOpen) return undefined;
  return `the API answered ${status}: give the gateway credentials of its own (origin.headers)`;
}

/** The value of an absent field is empty, that of an empty one a space (http/vary.ts). */
const shown = (value: string): string => (isDigest(value) ? `sha256:${value.slice(1)}` : value.trim());
