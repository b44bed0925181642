import { asGatewayError, GatewayError } from '../../errors.ts';
import { Fields } from '../../http/fields.ts';
import { type Difference, differences } from '../../rules/json-diff.ts';
import type { ClientRequest, ProtectionExplanation } from '../ports.ts';
import { decide, isMerged, needsCurrent, refuseOverridden, requireCondition } from '../write/decision.ts';
import { type Current, currentOf, documentOf } from '../write/document.ts';
import { isCheckedAsMade, madeByPatch } from '../write/made.ts';
import type { Protection } from '../write/protections.ts';
import { validateMade } from '../write/validate-made.ts';
import type { Said } from './verdict.ts';

/** The bodies of a proposed write, as texts. `current`: what the API has now; empty: nothing; undefined: not known. */
export interface ProposedBodies {
  readonly body: string | undefined;
  readonly current: string | undefined;
}

/** Explains what protects a write; undefined if nothing does. Sends nothing to the origin. */
export function explainProtection(
  request: ClientRequest,
  bodies: ProposedBodies,
  said: Pick<Said, 'protection' | 'key'>,
): ProtectionExplanation | undefined {
  const protection = said.protection(request);
  if (protection === undefined) return undefined;
  const { name, source } = protection.config;
  const notes: string[] = [];
  try {
    refuseOverridden(request, protection);
    notes.push(...said.key(protection.config, request));
    const outcome = outcomeOf(withType(request), bodies, { protection, notes });
    return { entry: name, at: `${source.file}:${source.line}`, notes, ...outcome };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { entry: name, at: `${source.file}:${source.line}`, notes, ...refusal(error) };
  }
}

type Outcome = Omit<ProtectionExplanation, 'entry' | 'at' | 'notes'>;

/** `notes`: what is found on the way is added. */
interface Guarding {
  readonly protection: Protection;
  readonly notes: string[];
}

/** @throws GatewayError: why it is refused */
function outcomeOf(
  request: ClientRequest,
  { body, current: text }: ProposedBodies,
  { protection, notes }: Guarding,
): Outcome {
  const sent = body === undefined ? undefined : Buffer.from(body);
  const isLater = isMerged(protection, request) || isCheckedAsMade(protection.config, request.method);
  if (!isLater) notes.push(...(protection.validate?.(request, sent ?? Buffer.alloc(0)) ?? []).map(logged));
  requireCondition(request, protection);
  if (!needsCurrent(protection, request)) {
    const reason = 'it does not depend on what it replaces';
    return { outcome: 'forwarded', reason, becomes: body, differences: undefined };
  }
  if (text === undefined) {
    const reason = 'it depends on what it replaces: --current shows how';
    return { outcome: 'forwarded', reason, becomes: body, differences: undefined };
  }
  const json = new Fields(['Content-Type', 'application/json']);
  const current = text === '' ? undefined : currentOf(Buffer.from(text), json);
  const decided = decide(request, sent, { current, protection });
  if (decided.kind === 'refuse') throw decided.error;
  const { proposal } = decided;
  notes.push(...validateMade(protection, request, { body: proposal.body ?? Buffer.alloc(0), current }).map(logged));
  const becomes = proposal.body?.toString();
  return {
    outcome: decided.kind === 'unchanged' ? 'unchanged' : 'forwarded',
    reason: reasonOf(decided.kind, proposal.rewritten, text),
    becomes,
    differences: differencesOf(text, madeOf(request, proposal.body, current)),
  };
}

/** The resource after the write; undefined where nobody can tell. */
function madeOf(
  { method, headers }: ClientRequest,
  body: Buffer | undefined,
  current: Current | undefined,
): string | undefined {
  if (body === undefined || method === 'PUT') return method === 'PUT' ? body?.toString() : undefined;
  if (method !== 'PATCH') return undefined;
  try {
    return madeByPatch(body, headers, current).toString();
  } catch {
    return undefined;
  }
}

const logged = (violation: string): string => `not valid, which is only logged: ${violation}`;

function refusal(error: GatewayError): Outcome {
  const { status, title, message } = asGatewayError(error);
  const reason = `${status} ${title}${message === title ? '' : `: ${message}`}`;
  return { outcome: 'refused', reason, becomes: undefined, differences: undefined };
}

/** Proposed bodies are JSON, unless a field says which kind of it. */
function withType(request: ClientRequest): ClientRequest {
  if (request.headers.has('content-type')) return request;
  const type = request.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  return { ...request, headers: new Fields([...request.headers.lines, 'Content-Type', type]) };
}

function reasonOf(kind: 'unchanged' | 'forward', rewritten: boolean, current: string): string {
  if (kind === 'unchanged') return 'the resource is in that state: it is answered without the API';
  if (current === '') return 'there is nothing that it would replace: it is sent as it is';
  return rewritten ? 'it is sent as merged with the current representation' : 'it is sent as it is';
}

function differencesOf(current: string, becomes: string | undefined): readonly Difference[] | undefined {
  if (becomes === undefined) return undefined;
  const isDocument = (text: string): boolean => 'text' in documentOf(Buffer.from(text), noFields);
  return isDocument(current) && isDocument(becomes) ? differences(current, becomes) : undefined;
}

const noFields = new Fields([]);
