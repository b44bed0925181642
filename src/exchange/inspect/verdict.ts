import type { GatewayConfig, OriginConfig, RoutePolicy, WriteProtectionConfig } from '../../config/model.ts';
import { safeMethods } from '../../http/methods.ts';
import { compileSpellings } from '../../rules/spellings.ts';
import { matchingRead } from '../declared-reads.ts';
import type { ClientRequest, Verdict } from '../ports.ts';
import { policyFinder } from '../route-order.ts';
import type { ExplainKey, ValidateBody } from '../write/protection-ports.ts';
import { protectionFinder } from '../write/protections.ts';
import type { ResolvedWrite } from '../write/resolved-write.ts';

/** Finds the origin of a written resource: what its 5xx means for the write, and by what name it is asked. */
export type FindOrigin = (resource: string) => Pick<OriginConfig, 'serverErrors' | 'host' | 'url'> | undefined;

/** What a configuration says of writes beside its rules. */
export interface Said {
  /** Finds the policy of a written resource. */
  readonly findPolicy: (resource: string) => RoutePolicy;
  readonly findOrigin: FindOrigin;
  /** The entry of `reads` that a request matches. */
  readonly declaredRead: ReturnType<typeof matchingRead>;
  /** The entry of `writes` that a request matches. */
  readonly protection: ReturnType<typeof protectionFinder>;
  /** What the key of a write means. */
  readonly key: ExplainKey;
}

/** What other folders say of writes. */
export interface SaidByOthers {
  readonly validators?: ReadonlyMap<WriteProtectionConfig, ValidateBody>;
  readonly key?: ExplainKey;
}

export function saidOf(config: GatewayConfig, { validators, key = () => [] }: SaidByOthers = {}): Said {
  const findPolicy = policyFinder(config);
  return {
    findPolicy,
    findOrigin: (resource) => config.origins[findPolicy(resource).origin],
    declaredRead: matchingRead(config),
    protection: protectionFinder(config, compileSpellings(config), validators),
    key,
  };
}

/**
 * The verdict on a write that no rule applies to: its method is safe, it is refused, or it changed nothing. Undefined
 * if rules apply.
 */
export function untouched(
  request: ClientRequest,
  { status, refusal, said }: { status: number; refusal: string | undefined; said: Said },
): Verdict | undefined {
  const { method, target } = request;
  const declared = said.declaredRead(request);
  if (declared !== undefined) {
    return { outcome: 'unchanged', reason: `it only reads, as the configuration says (reads: ${declared.name})` };
  }
  if (safeMethods.has(method)) {
    return { outcome: 'unchanged', reason: `${method} is a safe method: it requests no change` };
  }
  if (refusal !== undefined) return { outcome: 'refused', reason: `422, without asking the origin: ${refusal}` };
  if (status >= 400 && status < 500) return { outcome: 'unchanged', reason: `the origin refused it with ${status}` };
  if (status >= 500 && said.findOrigin(target.resource)?.serverErrors === 'unchanged') {
    return {
      outcome: 'unchanged',
      reason: `this origin's ${status} means that nothing changed (serverErrors: unchanged)`,
    };
  }
  return undefined;
}

/** The verdict on a write whose rules have been applied. */
export function verdictOf({ status, indeterminate, applied }: ResolvedWrite): Verdict {
  if (applied.unchanged) return { outcome: 'unchanged', reason: 'it changed nothing (onlyIfChanged)' };
  if (!indeterminate) return { outcome: 'applied', reason: `the origin answered ${status}` };
  const came = status === undefined ? 'no answer came' : `the origin answered ${status}`;
  return { outcome: 'indeterminate', reason: `${came}: it is unknown whether the write was applied` };
}
