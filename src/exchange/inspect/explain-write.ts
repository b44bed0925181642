import { systemTimers } from '../../clock.ts';
import { Fields } from '../../http/fields.ts';
import type { RuleSet } from '../../rules/compile.ts';
import type { Json } from '../../rules/types.ts';
import type { ClientRequest } from '../ports.ts';
import { applyRules } from '../write/apply.ts';
import { namesItselfAlone, readsWritten, unresolvable } from '../write/effect.ts';
import { explainProtection } from './explain-protection.ts';
import { type Explained, explain, explainUntouched } from './explained.ts';
import { asClientsSee, given, type ProposedWrite, proposedRequest, proposedSources } from './proposed-write.ts';
import { type Said, untouched } from './verdict.ts';

/**
 * Explains what a write would invalidate. Sends nothing to the origin: lookups are answered from the proposed write.
 * @throws TargetError
 */
export async function explainWrite(
  rules: RuleSet,
  proposed: ProposedWrite,
  options: { before: Json; all: boolean; said: Said },
): Promise<Explained> {
  const request = proposedRequest(proposed);
  const { all, said } = options;
  const protection = explainProtection(request, { body: proposed.request, current: proposed.current }, said);
  if (protection === undefined) return explainUnprotected(rules, proposed, request, options);
  const { outcome, reason, becomes } = protection;
  const explained =
    outcome === 'forwarded'
      ? await explainUnprotected(rules, { ...proposed, request: becomes }, request, options)
      : explainUntouched(request, rules, { all, verdict: { outcome, reason } });
  return { ...explained, explanation: { ...explained.explanation, protection } };
}

async function explainUnprotected(
  rules: RuleSet,
  proposed: ProposedWrite,
  request: ClientRequest,
  { before, all, said }: { before: Json; all: boolean; said: Said },
): Promise<Explained> {
  const write = asClientsSee(proposed, request, said.findOrigin(request.target.resource));
  const sources = { ...proposedSources(write, request), before };
  const lookups = new Map(Object.entries(write.lookups).map(([name, text]) => [name, given(text)]));
  const matches = rules.match(write.method, request.target.resource);
  const { status } = write;
  const refusal = unresolvable(matches, {
    ...sources,
    response: { missing: 'not-read' },
    responseHeader: () => undefined,
  });
  const verdict = untouched(request, { status, refusal, said });
  if (verdict !== undefined) return explainUntouched(request, rules, { all, verdict });
  const indeterminate = status >= 500;
  const policy = said.findPolicy(request.target.resource);
  const isPlain = readsWritten(request, { policy });
  const applied = await applyRules(
    { timers: systemTimers, lookUp: async (name) => lookups.get(name) ?? { missing: 'not-read' } },
    {
      ...{ matches, sources, status, indeterminate },
      alone: isPlain && namesItselfAlone(request, sources, rules.paths),
      readAgain: async () => ({ missing: 'not-read' }),
    },
  );
  const patching = {
    request,
    answer: { status, headers: new Fields(write.responseHeaders) },
    isPlain,
    targetedFields: policy.cache.targetedFields,
    policyOf: (resource: string) => said.findPolicy(resource).cache,
    text: { request: write.request, response: write.response },
  };
  return explain({ request, applied, sources, status, indeterminate, patching }, rules, { all });
}
