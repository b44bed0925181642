import { asGatewayError } from './errors.ts';
import { type ReadBody, readUpTo } from './exchange/body.ts';
import { asKeyedRead, type DeclaredReads, keyableLength } from './exchange/declared-reads.ts';
import type { MinPosition } from './exchange/min-position.ts';
import type { ClientRequest, FastHit, ReadOutcome, Reply, RequestBody, RouteTable } from './exchange/ports.ts';
import { FastHits } from './exchange/read/fast-hits.ts';
import type { Found } from './exchange/read/look-up.ts';
import { answersRange, read } from './exchange/read/read.ts';
import type { ReadPorts } from './exchange/read/read-ports.ts';
import type { UploadBudget } from './exchange/write/upload-budget.ts';
import { hasOriginPreconditions } from './http/validation.ts';
import type { Reports, StartedRead } from './observe/reports.ts';
import { withoutQuery } from './route/path.ts';
import type { PublicOptions } from './server/public.ts';
import type { FindHit } from './server/socket-front.ts';
import { FencedStore } from './store/fenced.ts';
import type { Coherence } from './wire-node.ts';

/** What reads need of the gateway. */
export interface Reading {
  readonly coherence: Pick<Coherence, 'store'>;
  readonly routes: RouteTable;
  readonly reports: Reports;
  readonly work: { track(work: Promise<unknown>): void };
  readonly minPosition: MinPosition;
}

/** Handles reads through the cache. Returns false for requests that pass through. */
export function reader(reading: Reading, readPorts: ReadPorts): PublicOptions['read'] {
  const answer = answerer(reading, readPorts);
  return (request, reply) => {
    const found = reading.routes.find(request.target.resource);
    if (found.route.policy.cache.off || hasOriginPreconditions(request.headers)) return false;
    if (request.headers.has('range') && !answersRange(readPorts, found, request)) return false;
    // Tracked, and its failures are answered.
    void answer(found, request, reply);
    return true;
  };
}

/** Finds hits on the socket, and reports them as it reports other reads. */
export function hitFinder({ routes, reports }: Reading, readPorts: ReadPorts, maxBytes: number): FindHit {
  const hits = new FastHits(readPorts, routes, maxBytes);
  return (method, target, asked) => {
    const startedAt = reports.startRead();
    let hit: FastHit | undefined;
    try {
      hit = hits.find(target, asked);
    } catch (error) {
      // Within an event of the socket, whatever is thrown would end the process. The HTTP server gets the request.
      reports.failed(error, { method, target: { path: withoutQuery(target) } });
    }
    if (hit !== undefined) reports.read({ request: { method, target: hit }, route: hit.route, startedAt }, HIT);
    return hit;
  };
}

const HIT = { outcome: 'hit', detail: undefined } as const;

/** One object for each read: hits are too many for closures of their own. */
interface Asked extends StartedRead {
  readonly request: ClientRequest;
  readonly found: Found;
  readonly reply: Reply;
}

/** Answers a read that goes through the cache. */
function answerer(
  { coherence, reports, work, minPosition }: Reading,
  readPorts: ReadPorts,
): (found: Found, request: ClientRequest, reply: Reply) => Promise<void> | undefined {
  // For clients that have seen a later state than this node: they get nothing from its memory.
  const notServing = (): boolean => false;
  const fencedPorts = { ...readPorts, store: new FencedStore(coherence.store, notServing), serving: notServing };
  const finished = async (outcome: Promise<ReadOutcome>, asked: Asked): Promise<void> => {
    try {
      reports.read(asked, await outcome);
    } catch (error) {
      // An error that no step has caught is a bug. Its client still gets an answer.
      reports.failed(error, asked.request);
      asked.reply.fail(asGatewayError(error));
    }
  };
  const finish = (outcome: Promise<ReadOutcome>, asked: Asked): Promise<void> => {
    const done = finished(outcome, asked);
    work.track(done);
    return done;
  };
  const answer = (ports: ReadPorts, asked: Asked): Promise<void> | undefined => {
    const outcome = read(ports, asked.found, asked.request, asked.reply);
    if (outcome instanceof Promise) return finish(outcome, asked);
    reports.read(asked, outcome);
    return undefined;
  };
  return (found, request, reply) => {
    const asked = { found, route: found.route, request, reply, startedAt: reports.startRead() };
    const token = request.headers.get('unstale-min-position');
    const mayServe = token === undefined || minPosition.mayServe(token);
    if (typeof mayServe === 'boolean') return answer(mayServe ? readPorts : fencedPorts, asked);
    const outcome = mayServe.then((serves) => read(serves ? readPorts : fencedPorts, found, request, reply));
    return finish(outcome, asked);
  };
}

/** Handles requests of unsafe methods that only read (`reads`). */
export function keyedReader(
  declared: DeclaredReads,
  { reading, readPorts, uploads }: { reading: Reading; readPorts: ReadPorts; uploads: UploadBudget },
): PublicOptions['declaredRead'] {
  const answer = answerer(reading, readPorts);
  return (request, body, reply) => {
    const found = declared(request);
    if (found === undefined) return 'write';
    if (found.cached === undefined) return 'passes';
    const { route, maxBodyBytes } = found.cached;
    const length = keyableLength(request, maxBodyBytes);
    const held = uploads.begin(request.client.address);
    if (length === undefined || !held.take(length)) return 'passes';
    const answered = wholeOf(body, length).then((read) =>
      'whole' in read ? answer({ route, params: {} }, asKeyedRead(request, read.whole), reply) : undefined,
    );
    const failed = (error: unknown): void => {
      // An upload that broke off is no fault of the gateway.
      if (!reply.gone) reading.reports.failed(error, request);
      reply.fail(asGatewayError(error));
    };
    reading.work.track(answered.catch(failed).finally(() => held.release()));
    return 'taken';
  };
}

/** A body of which so many bytes have been declared. */
async function wholeOf(body: RequestBody, length: number): Promise<ReadBody> {
  return body === undefined || Buffer.isBuffer(body) ? { whole: body ?? NOTHING } : readUpTo(body, length);
}

const NOTHING = Buffer.alloc(0);
