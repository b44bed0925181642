import { asGatewayError, GatewayError } from '../../errors.ts';
import { Fields } from '../../http/fields.ts';
import { type Difference, differences } from '../../rules/json-diff.ts';
import type { ClientRequest, ProtectionExplanation } from '../ports.ts';
import { decide, needsCurrent, refuseOverridden, requireCondition } from '../write/decision.ts';
import { currentOf, documentOf } from '../write/document.ts';
import type { Protection, Protections } from '../write/protections.ts';

/** The bodies of a proposed write, as texts. `current`: what the API has now; empty: nothing; undefined: not known. */
export interface ProposedBodies {
  readonly body: string | undefined;
  readonly current: string | undefined;
}

/** Explains what protects a write; undefined if nothing does. Sends nothing to the origin. */
export function explainProtection(
  request: ClientRequest,
  bodies: ProposedBodies,
  find: Protections['find'],
): ProtectionExplanation | undefined {
  const protection = find(request);
  if (protection === undefined) return undefined;
  const { name, source } = protection.config;
  return { entry: name, at: `${source.file}:${source.line}`, ...outcomeOf(request, bodies, protection) };
}

type Outcome = Omit<ProtectionExplanation, 'entry' | 'at'>;

function outcomeOf(request: ClientRequest, { body, current: text }: ProposedBodies, protection: Protection): Outcome {
  try {
    refuseOverridden(request, protection);
    if (!needsCurrent(protection, request)) {
      const reason = 'it does not depend on what it replaces';
      return { outcome: 'forwarded', reason, becomes: body, differences: undefined };
    }
    requireCondition(request, protection);
    if (text === undefined) {
      const reason = 'it depends on what it replaces: --current shows how';
      return { outcome: 'forwarded', reason, becomes: body, differences: undefined };
    }
    const json = new Fields(['Content-Type', 'application/json']);
    const current = text === '' ? undefined : currentOf(Buffer.from(text), json);
    const sent = body === undefined ? undefined : Buffer.from(body);
    const decided = decide(withType(request), sent, { current, protection });
    if (decided.kind === 'refuse') throw decided.error;
    const becomes = decided.proposal.body?.toString();
    return {
      outcome: decided.kind === 'unchanged' ? 'unchanged' : 'forwarded',
      reason: reasonOf(decided.kind, decided.proposal.rewritten, text),
      becomes,
      differences: request.method === 'PUT' ? differencesOf(text, becomes) : undefined,
    };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const { status, title, message } = asGatewayError(error);
    const reason = `${status} ${title}${message === title ? '' : `: ${message}`}`;
    return { outcome: 'refused', reason, becomes: undefined, differences: undefined };
  }
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
