import { Transaction } from '../../coherence/transaction.ts';
import { GatewayError } from '../../errors.ts';
import type { RuleMatch } from '../../rules/types.ts';
import type { ClientRequest, RequestBody, Route } from '../ports.ts';
import { BodyMethods } from './body-method.ts';
import { matchesOf, needsOf } from './plan.ts';
import { type Protection, protectionAmong } from './protections.ts';
import { Upload } from './upload.ts';
import type { HeldUpload } from './upload-budget.ts';
import type { ArrivedWrite, WritePorts } from './write-ports.ts';

/** Bodies up to this size are received whole before they are forwarded: slow clients occupy no origin connection. */
const READ_AHEAD_BYTES = 256 * 1024;

export interface Arriving extends Pick<ArrivedWrite, 'route' | 'request' | 'startedAt'> {
  readonly body: RequestBody;
  readonly held: HeldUpload;
  /** The entries of `writes` that name its path. */
  readonly entries: readonly Protection[] | undefined;
}

/** Receives as much of the body as is needed before the write is noted. */
export async function arrive(ports: WritePorts, arriving: Arriving): Promise<ArrivedWrite> {
  const { route, request, startedAt, body, held, entries } = arriving;
  const { resolveBytes, requestBytes, rules } = ports;
  const isProtected = entries !== undefined && protectionAmong(entries, request) !== undefined;
  const methods = entries === undefined ? undefined : BodyMethods.of(request);
  refuseTooLarge(request, requestBytes);
  const matches = matchesOf(rules, request);
  const needs = needsOf(matches);
  const bodyTells = tellsBefore(route) || (needs.request && rejects(matches));
  const reads = needs.request || bodyTells || methods?.isJson === true;
  const captureBytes = reads ? resolveBytes : 0;
  const upload = new Upload(request, body, { captureBytes, maxBytes: requestBytes, held, arrived: methods?.arrived });
  const readsWhole = bodyTells || isProtected || methods?.needsWhole === true;
  await upload.readAhead(readsWhole ? Math.max(resolveBytes, READ_AHEAD_BYTES) : READ_AHEAD_BYTES);
  if (readsWhole && upload.crowdedOut) throw new GatewayError('overloaded', 'too much is being uploaded');
  if (isProtected && (!upload.isWhole || (upload.whole?.byteLength ?? 0) > resolveBytes)) {
    throw new GatewayError('contentTooLarge', `of a protected write, the limit is ${resolveBytes} bytes`);
  }
  if (methods?.needsWhole === true && !upload.isWhole) {
    throw new GatewayError('contentTooLarge', 'of a form whose path is protected: it may name another method');
  }
  const namedInBody = methods?.named(upload.whole) ?? [];
  const isRenamed = namedInBody.length > 0;
  const named = isRenamed ? { ...request, namedInBody } : request;
  const all = isRenamed ? matchesOf(rules, named) : matches;
  return {
    request: named,
    route,
    matches: all,
    needs: isRenamed ? needsOf(all) : { ...needs, request: needs.request || bodyTells },
    upload,
    transaction: new Transaction(),
    startedAt,
    turn: undefined,
    place: undefined,
  };
}

/** Whether the body may be needed to find the representation. */
const tellsBefore = ({ before }: Route): boolean =>
  before?.placeholders.some(({ sources }) => sources.some(({ root }) => root === 'request')) === true;

/** Whether a rule that cannot be resolved refuses the write. */
const rejects = (matches: readonly RuleMatch[]): boolean =>
  matches.some(({ rule }) => rule.config.unresolved === 'reject');

/**
 * Refuses a body whose declared length is too large. A body of undeclared length is cut off while it is sent
 * (upload.ts).
 */
function refuseTooLarge(request: ClientRequest, maxBytes: number | undefined): void {
  if (maxBytes !== undefined && Number(request.headers.get('content-length') ?? 0) > maxBytes) {
    throw new GatewayError('contentTooLarge', `the limit is ${maxBytes} bytes`);
  }
}
