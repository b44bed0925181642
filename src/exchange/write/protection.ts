import { GatewayError } from '../../errors.ts';
import { formatCacheStatus } from '../../http/cache-status.ts';
import { type FieldLines, Fields, without } from '../../http/fields.ts';
import { conditionFields, hasConditionOfWrite } from '../../http/write-conditions.ts';
import type { ClientRequest, OriginResponse, Reply, RouteTable } from '../ports.ts';
import { addressOf, type BeforeAddress } from './before.ts';
import { type CurrentRead, isForPages, readCurrent } from './current.ts';
import { decide, isMerged, needsCurrent, refuseOverridden, requireCondition } from './decision.ts';
import type { Current } from './document.ts';
import { inTurn } from './in-turn.ts';
import { isCheckedAsMade } from './made.ts';
import { invalidateOutdated } from './outdated-copies.ts';
import type { Proposal } from './proposal.ts';
import type { KeyedRun, KeyedWrite, WholeAnswer } from './protection-ports.ts';
import { type Protection, type Protections, takesTurns } from './protections.ts';
import { sourcesOf } from './sources.ts';
import { Upload } from './upload.ts';
import { validateMade } from './validate-made.ts';
import type { ArrivedWrite, Guard, WritePorts } from './write-ports.ts';

/**
 * How often a write is sent. The origin refuses it (412) if somebody has written past the gateway since the gateway
 * read the resource; it is then merged anew.
 */
const MAX_ATTEMPTS = 4;

/** What a protected write needs of the exchange (write.ts). */
export interface ProtectedWrite {
  readonly arrived: ArrivedWrite;
  readonly found: ReturnType<RouteTable['find']>;
  readonly protection: Protection;
  readonly protections: Protections;
  /** The entries that name its path. */
  readonly entries: readonly Protection[];
  readonly reply: Reply;
  /** Forwards a write and answers its client, or says that it has to be sent again. */
  send(write: ArrivedWrite, guard: Guard): Promise<'answered' | 'again'>;
  /**
   * Called before the gateway itself answers with something of the current representation. Resolves once the writes
   * that made it are effective on every node: otherwise a client could read something older afterwards. With the
   * position of a record, if one was made for that.
   */
  settle(write: ArrivedWrite): Promise<string | undefined>;
}

/**
 * A write under an entry of `writes`. Its steps, in this order:
 *
 * 1. its `Idempotency-Key`: the first answer again, or the only request under way with that key (`keys`)
 * 2. its body is valid (`validate`), unless it is merged, or a patch of which the result is checked: then after 6
 * 3. its turn begins: until step 9, no other write of the resource is sent, nor may an earlier one be applied
 *    (in-turn.ts)
 * 4. the current representation, read from the origin (current.ts)
 * 5. its preconditions (decision.ts, http/write-conditions.ts)
 * 6. the body merged with the current representation, and what must not change (proposal.ts)
 * 7. a body that changes nothing is not sent on
 * 8. forwarded, with the origin's own entity tag in `If-Match`, or `If-None-Match: *` where there is nothing yet
 * 9. its turn ends, once what it changed is recorded
 */
export async function writeProtected(ports: WritePorts, write: ProtectedWrite): Promise<void> {
  const { arrived, protection, protections, entries, reply } = write;
  const { request, upload } = arrived;
  refuseOverridden(request, protection);
  const body = upload.whole ?? Buffer.alloc(0);
  const keyed = await beginKey(protections, protection, request, body);
  if (keyed.kind === 'replay') return sendWhole(reply, keyed.answer);
  const run = new KeyedOutcome(keyed.kind === 'first' ? keyed.run : undefined);
  try {
    const isLater = isMerged(protection, request) || isCheckedAsMade(protection.config, request.method);
    if (!isLater) protection.validate?.(request, body);
    requireCondition(request, protection);
    const guard = guardOf(protection, run, () => 'pass');
    const sendAsItIs = (arrivedWrite: ArrivedWrite) => write.send(arrivedWrite, guard);
    const reads = needsCurrent(protection, request);
    if (!reads && !takesTurns(entries, request)) {
      await sendAsItIs(arrived);
      return;
    }
    await inTurn(ports, write, (arrivedInTurn) =>
      reads ? readAndSend(ports, { ...write, arrived: arrivedInTurn }, run) : sendAsItIs(arrivedInTurn),
    );
  } finally {
    await run.end();
  }
}

/** Whether a representation that is not JSON is of no use. */
const needsDocument = ({ config, preserve }: Protection, { method }: ClientRequest): boolean =>
  config.merge || preserve.size > 0 || isCheckedAsMade(config, method);

function beginKey(
  { keys }: Protections,
  { config }: Protection,
  request: ClientRequest,
  body: Buffer,
): Promise<KeyedWrite> | KeyedWrite {
  if (keys === undefined || config.idempotency === undefined) return { kind: 'unkeyed' };
  return keys.begin(config, request, body);
}

/** Tells exactly once how the request with a key has ended. */
class KeyedOutcome {
  readonly #run: KeyedRun | undefined;
  #settled = false;
  /** The origin may have received it. */
  sent = false;

  constructor(run: KeyedRun | undefined) {
    this.#run = run;
  }

  get isKept(): boolean {
    return this.#run !== undefined;
  }

  holds(): boolean {
    return this.#run?.holds() !== false;
  }

  async answered(...answer: Parameters<KeyedRun['answered']>): Promise<void> {
    this.#settled = true;
    await this.#run?.answered(...answer);
  }

  async end(): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    await (this.sent ? this.#run?.unknown() : this.#run?.notRun());
  }
}

function guardOf(
  protection: Protection,
  run: KeyedOutcome,
  onRefused: (answer: OriginResponse) => 'pass' | 'again',
): Guard {
  return {
    arrived: (answer) => {
      if (answer.status >= 200 && answer.status < 300) protection.answersEmpty = answer.status === 204;
      return answer.status === 412 ? onRefused(answer) : 'pass';
    },
    holds: () => run.holds(),
    sent: () => {
      run.sent = true;
    },
    evaluates: protection.config.precondition !== 'off',
    keeps: run.isKept,
    answered: (answer, outcome) => run.answered(answer, outcome),
  };
}

async function readAndSend(ports: WritePorts, write: ProtectedWrite, run: KeyedOutcome): Promise<void> {
  const { arrived, protection, reply } = write;
  const address = addressOfCurrent(ports, write);
  let tried: string | undefined;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const asJson = needsDocument(protection, arrived.request);
    const read = await readCurrent(address, { maxBytes: ports.resolveBytes, asJson });
    if (read.kind === 'refused') {
      await write.settle(arrived);
      return sendWhole(reply, read.answer);
    }
    const { current } = read;
    const decided = decide(arrived.request, arrived.upload.whole, { current, protection });
    if (decided.kind === 'refuse') {
      if (protection.config.precondition !== 'off') await invalidateOutdated(ports, arrived.request, address, current);
      await write.settle(arrived);
      throw withLines(decided.error, current);
    }
    const { proposal } = decided;
    const condition = ownCondition(arrived.request, read, protection);
    const proposed = withProposal(ports, arrived, { proposal, condition, protection });
    try {
      validateMade(protection, proposed.request, { body: proposal.body ?? Buffer.alloc(0), current });
    } catch (error) {
      await write.settle(arrived);
      throw error instanceof GatewayError ? withLines(error, current) : error;
    }
    if (decided.kind === 'unchanged' && current !== undefined) {
      const position = await write.settle(proposed);
      const answer = unchangedAnswer(current, protection, position);
      await run.answered(answer, 'unchanged');
      return sendWhole(reply, answer);
    }
    // The origin has refused the entity tag that it still gives: another attempt would be refused, too.
    const isSame = attempt > 1 && tried === condition[1];
    tried = condition[1];
    const isOwn = tried !== undefined;
    const done = await write.send(
      proposed,
      guardOf(protection, run, () => (isOwn && !isSame ? 'again' : 'pass')),
    );
    if (done === 'answered') return;
    run.sent = false;
  }
  throw new GatewayError('busy', 'others keep writing this resource past the gateway');
}

/** As a page of another origin may see it. */
function withLines(error: GatewayError, current: Current | undefined): GatewayError {
  const { code, message: detail, more, cause } = error;
  const fields = without(current?.headers.lines ?? [], (name) => !isForPages(name));
  return new GatewayError(code, detail, { more, cause, lines: [...error.lines, ...fields] });
}

/** What to GET for the current representation. It has the query of the write: that may be part of the name. */
function addressOfCurrent(ports: WritePorts, { arrived, found }: ProtectedWrite): BeforeAddress {
  const address = addressOf(arrived.request, found, ports.routes, sourcesOf(arrived));
  if (address === undefined) throw new GatewayError('currentUnreadable', 'its path is not known (before of the route)');
  const { target, headers } = arrived.request;
  const accept = headers.get('accept');
  const lines = accept === undefined ? [] : ['Accept', accept];
  const get = { ...address.get, headers: new Fields([...address.get.headers.lines, ...lines]) };
  return { ...address, get: found.route.before === undefined ? { ...get, target } : get };
}

/** Fields that describe the bytes of the body that the client sent. */
const ofBody = new Set(['content-length', 'content-md5', 'content-digest', 'repr-digest', 'digest']);

/** The write as it is forwarded: with the merged body, and the gateway's conditions in place of the client's. */
function withProposal(
  ports: WritePorts,
  arrived: ArrivedWrite,
  made: { readonly proposal: Proposal; readonly condition: FieldLines; readonly protection: Protection },
): ArrivedWrite {
  const { proposal, condition, protection } = made;
  const { request } = arrived;
  const { headers } = request;
  const evaluates = protection.config.precondition !== 'off';
  const lines = without(headers.lines, (name) => {
    return (evaluates && conditionFields.has(name)) || (proposal.rewritten && ofBody.has(name));
  });
  if (proposal.rewritten) lines.push('Content-Length', String(proposal.body?.byteLength ?? 0));
  lines.push(...condition);
  const sent = { ...request, headers: new Fields(lines) };
  const { needs } = arrived;
  const captureBytes = needs.request ? ports.resolveBytes : 0;
  const options = { captureBytes, maxBytes: undefined, held: arrived.upload.held };
  const upload = proposal.body === undefined ? arrived.upload : Upload.of(sent, proposal.body, options);
  return { ...arrived, request: sent, upload };
}

/**
 * The condition by which the origin refuses the write if somebody has written past the gateway. None where the client's
 * own conditions are passed on.
 */
function ownCondition(request: ClientRequest, read: CurrentRead, protection: Protection): FieldLines {
  const { headers } = request;
  if (protection.config.precondition === 'off' && hasConditionOfWrite(headers)) return [];
  if (read.kind === 'present')
    return read.current.originEtag === undefined ? [] : ['If-Match', read.current.originEtag];
  // A body that was merged with nothing would replace what somebody has created in the meantime.
  const creates = isMerged(protection, request) && read.kind === 'none' && !read.exists;
  return creates || headers.get('if-none-match')?.trim() === '*' ? ['If-None-Match', '*'] : [];
}

/** As the API answers: 204 if that is how it answered last, otherwise the current representation. */
function unchangedAnswer(current: Current, { answersEmpty }: Protection, position: string | undefined): WholeAnswer {
  const kept = answersEmpty ? [] : ['content-type', 'content-language', 'last-modified'];
  const lines = without(current.headers.lines, (name) => !kept.includes(name) && !isForPages(name));
  lines.push('ETag', current.etag);
  if (position !== undefined) lines.push('Unstale-Position', position);
  lines.push('Cache-Status', formatCacheStatus({ detail: 'UNCHANGED' }));
  return { status: answersEmpty ? 204 : 200, lines, body: answersEmpty ? Buffer.alloc(0) : current.body };
}

function sendWhole(reply: Reply, { status, lines, body }: WholeAnswer): void {
  reply.send(status, lines, body);
}
