import type { Clock } from '../../clock.ts';
import { pathTag } from '../../coherence/tag.ts';
import { GatewayError } from '../../errors.ts';
import { Fields, without } from '../../http/fields.ts';
import { parseTarget, sortedQuery, TargetError, targetText } from '../../route/path.ts';
import { coverageOf, type PathKnowledge } from '../../rules/target.ts';
import type { Target } from '../../rules/types.ts';
import type { Store } from '../../store/store.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { askOrigin } from '../ask-origin.ts';
import { readAnswerUpTo } from '../body.ts';
import { forwardedQuery } from '../cache-key.ts';
import { fillFields } from '../forward.ts';
import type { ClientRequest, OriginResponse, RouteTable } from '../ports.ts';
import { type Replay, rebuilt } from '../replay.ts';
import { type Compared, type Deviation, deviations } from './comparison.ts';
import { proposedRequest } from './proposed-write.ts';

export interface VerifyPorts {
  readonly store: Store;
  readonly routes: RouteTable;
  readonly paths: PathKnowledge;
  readonly clock: Clock;
  /** A longer answer of the API is not read, and nothing so long is stored. */
  readonly maxBytes: number;
}

/** What is known of one URL. */
export interface Verified {
  readonly url: string;
  /** The worst of its copies: `failed`, `differs`, `not-compared`, `same`. */
  readonly outcome: 'not-stored' | ComparedCopy['outcome'];
  readonly copies: readonly ComparedCopy[];
  /** Further copies, which were not compared. */
  readonly left: number;
}

/** One stored response. */
export interface ComparedCopy {
  /** With the host that clients asked. */
  readonly of: string;
  /** The fields of the request that select it. */
  readonly selecting: Readonly<Record<string, string>>;
  /** In seconds, since the API sent it. */
  readonly storedFor: number;
  /**
   * `not-compared`: this one cannot be, whoever asks. `failed`: the API gave no answer to compare it with.
   */
  readonly outcome: 'same' | 'differs' | 'not-compared' | 'failed';
  readonly differences: readonly Deviation[];
  /** Why it was not compared. */
  readonly why?: string;
}

/** Of one URL: more have been made by a client that varies a field without end. */
const MAX_COPIES = 64;
/** The API also has to answer clients. */
const AT_ONCE = 4;
/** For one answer with its body. The limits of the origin alone would let an endless stream go on. */
const MAX_ANSWER_MS = 30_000;

/**
 * Compares what is stored for each URL in the memory of this node with what the API says now. Asks the API as a fill
 * would, past the cache, with the gateway's own credentials where it has some. Nothing is stored.
 * @throws TargetError
 */
export async function verify(ports: VerifyPorts, urls: readonly string[]): Promise<Verified[]> {
  const verified: Verified[] = [];
  for (const url of urls) {
    const stored = copiesOf(url, ports);
    const copies: ComparedCopy[] = [];
    for (let i = 0; i < Math.min(stored.length, MAX_COPIES); i += AT_ONCE) {
      const some = stored.slice(i, Math.min(i + AT_ONCE, MAX_COPIES));
      copies.push(...(await Promise.all(some.map((copy) => compared(ports, copy)))));
    }
    verified.push({ url, outcome: worstOf(copies), copies, left: stored.length - copies.length });
  }
  return verified;
}

/** Every variant, and for a path without a query every query, as in an invalidation. */
function copiesOf(url: string, { store, paths }: VerifyPorts): StoredResponse[] {
  const { host, text } = asked(url);
  const { resource: path, query } = parseTarget(text);
  const target: Target = text.includes('?')
    ? { kind: 'query', path, query: sortedQuery(query) }
    : { kind: 'path', path };
  const covered = [...store.coveredBy(coverageOf([target], paths))];
  const spellings = [...new Set(covered.map((stored) => stored.path))];
  const held = new Set(spellings.flatMap((spelling) => store.tagged(pathTag(spelling))));
  // What was loaded from a snapshot and not confirmed is covered, and served to nobody.
  const found = covered.filter((stored) => held.has(stored));
  return host === undefined ? found : found.filter(({ key }) => siteIn(key).split(' ').includes(host));
}

/** Whether clients may be served it. */
function isHeld(store: Store, stored: StoredResponse): boolean {
  return store.tagged(pathTag(stored.path)).includes(stored);
}

/** @throws TargetError */
function asked(url: string): { host: string | undefined; text: string } {
  if (url.startsWith('/')) return { host: undefined, text: url };
  const [, host, text] = /^https?:\/\/([^/?#]+)([^#]*)$/i.exec(url) ?? [];
  if (host === undefined) throw new TargetError(`"${url}" is neither a path nor a URL: write /steps/7`);
  return { host: host.toLowerCase(), text: text?.startsWith('/') === true ? text : `/${text ?? ''}` };
}

/** The host of a key, and the one that a trusted proxy forwarded, separated by a space. */
function siteIn(key: string): string {
  return (key.split('\n', 1)[0] ?? '').replace(/^.*:\/\//s, '');
}

const severity = { failed: 3, differs: 2, 'not-compared': 1, same: 0 } as const;

function worstOf(copies: readonly ComparedCopy[]): Verified['outcome'] {
  const [first, ...others] = copies.map(({ outcome }) => outcome);
  if (first === undefined) return 'not-stored';
  return others.reduce((worst, each) => (severity[each] > severity[worst] ? each : worst), first);
}

async function compared(ports: VerifyPorts, stored: StoredResponse): Promise<ComparedCopy> {
  const [, path = '', query = ''] = stored.key.split('\n');
  const told = {
    of: `${siteIn(stored.key).split(' ')[0]}${targetText({ path, query })}`,
    selecting: Object.fromEntries(stored.vary.map((name, i) => [name, shown(stored.selecting[i] ?? '')])),
    storedFor: Math.max(0, Math.round((ports.clock.wall() - stored.respondedAt) / 1000)),
  };
  const notCompared = (why: string, outcome: 'not-compared' | 'failed' = 'not-compared'): ComparedCopy => ({
    ...told,
    outcome,
    differences: [],
    why,
  });
  const replay = rebuilt(stored, proposedRequest({ method: 'GET', target: '/', requestHeaders: [] }), ports.routes);
  if (typeof replay === 'string') return notCompared(replay);
  const now = await answerNow(replay, ports.maxBytes);
  // A write may have replaced it since. What it differs in then, no client is served.
  if (!isHeld(ports.store, stored)) return notCompared('it was invalidated or replaced meanwhile');
  if (typeof now === 'string') return notCompared(now, 'failed');
  const refused = refusal(replay, now);
  if (refused !== undefined) return notCompared(refused, 'failed');
  const differences = deviations(stored, now);
  return { ...told, outcome: differences.length === 0 ? 'same' : 'differs', differences };
}

/** What a client would be told now, or why nothing is known of that. */
async function answerNow({ request, route }: Replay, maxBytes: number): Promise<Compared | string> {
  const { ownFields = [] } = route.origin;
  const own = new Fields(ownFields);
  const lines = without(request.headers.lines, (name) => own.has(name));
  const get: ClientRequest = { ...request, headers: new Fields(lines) };
  const headers = [...fillFields(get, route.policy, []), ...ownFields];
  const query = forwardedQuery(request.target.query, route.policy.cache);
  const ended = new AbortController();
  let answer: OriginResponse | undefined;
  const timer = setTimeout(() => {
    ended.abort();
    answer?.body.destroy();
  }, MAX_ANSWER_MS);
  try {
    answer = await askOrigin({ request: get, route }, { headers, query, signal: ended.signal });
    const body = await readAnswerUpTo(answer.body, maxBytes);
    if ('whole' in body) return { status: answer.status, headers: answer.headers, body: body.whole };
    answer.body.destroy();
    return `the answer of the API is longer than store.memory.maxEntry (${maxBytes} bytes)`;
  } catch (error) {
    if (ended.signal.aborted) return 'the API did not end its answer in time';
    if (error instanceof GatewayError) return `the API cannot be asked: ${error.message}`;
    throw error;
  } finally {
    clearTimeout(timer);
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
const shown = (value: string): string => value.trim();
