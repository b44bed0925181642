import { GatewayError } from '../../errors.ts';
import { failedCondition, hasConditionOfWrite, hasRequiredCondition } from '../../http/write-conditions.ts';
import { namedMethods } from '../forward.ts';
import type { ClientRequest } from '../ports.ts';
import type { Current } from './document.ts';
import { isCheckedAsMade } from './made.ts';
import { type Proposal, proposalOf } from './proposal.ts';
import type { Protection } from './protections.ts';

/** Two methods in one request: the origin might take the one that is not protected. */
export function refuseOverridden(request: ClientRequest, { config }: Protection): void {
  if (namedMethods(request).every((method) => method === request.method)) return;
  throw new GatewayError('badRequest', `send the method itself: ${config.name} is protected`);
}

/** @throws GatewayError preconditionRequired */
export function requireCondition({ headers }: ClientRequest, { config }: Protection): void {
  if (config.precondition !== 'required' || hasRequiredCondition(headers)) return;
  const detail = 'send If-Match with the entity tag of what you have read, or If-None-Match: * to create it';
  throw new GatewayError('preconditionRequired', detail);
}

/** Whether the body that the API gets depends on what it would replace. */
export function isMerged({ config, preserve }: Protection, { method }: ClientRequest): boolean {
  return method === 'PUT' && (config.merge || preserve.size > 0);
}

export function needsCurrent(protection: Protection, { method, headers }: ClientRequest): boolean {
  const { config, preserve } = protection;
  if (isCheckedAsMade(config, method) && config.validate?.mode === 'enforce') return true;
  if (config.precondition === 'required') return true;
  if (config.precondition === 'honour' && hasConditionOfWrite(headers)) return true;
  const replaces = method === 'PUT' || method === 'PATCH';
  return (config.merge && method === 'PUT') || (replaces && (preserve.size > 0 || config.unchanged === 'skip'));
}

export type Decision =
  | { readonly kind: 'refuse'; readonly error: GatewayError }
  | { readonly kind: 'unchanged' | 'forward'; readonly proposal: Proposal };

/** What becomes of a write, given what it would replace. Pure. */
export function decide(
  request: ClientRequest,
  body: Buffer | undefined,
  { current, protection }: { readonly current: Current | undefined; readonly protection: Protection },
): Decision {
  const { config } = protection;
  const { method, headers } = request;
  try {
    const evaluated = config.precondition !== 'off' && hasConditionOfWrite(headers);
    const failed = evaluated ? failedCondition(headers, current) : undefined;
    if (failed !== undefined && failed !== 'If-Match') throw failedPrecondition(failed, current);
    if (headers.has('content-encoding') && isMerged(protection, request)) {
      throw new GatewayError('unsupportedMediaType', 'send the body without a content coding: it is merged');
    }
    const proposal = proposalOf({ method, headers, body }, current, protection);
    // §13.1.1: a write whose answer was lost is sent again with the tag of what it has replaced.
    if (failed !== undefined && !proposal.unchanged) throw failedPrecondition(failed, current);
    const isSkipped = failed !== undefined || (config.unchanged === 'skip' && proposal.unchanged);
    return { kind: isSkipped ? 'unchanged' : 'forward', proposal };
  } catch (error) {
    if (error instanceof GatewayError) return { kind: 'refuse', error };
    throw error;
  }
}

function failedPrecondition(field: string, current: Current | undefined): GatewayError {
  const state = current === undefined ? 'there is no such resource' : 'read it again, and repeat the change on that';
  return new GatewayError('preconditionFailed', `${field} does not hold: ${state}`, {
    lines: current === undefined ? [] : ['ETag', current.etag],
    more: { etag: current?.etag ?? null },
  });
}
