import type { GatewayConfig, OriginConfig } from '../config/model.ts';
import { safeMethods } from '../http/methods.ts';
import { PatternTrie } from '../route/pattern.ts';
import type { ClientRequest, Verdict } from './ports.ts';

/** By resource: what a 5xx of its origin says of a write. */
export type ServerErrors = (resource: string) => OriginConfig['serverErrors'];

export function serverErrorsOf({ routes, fallback, origins }: GatewayConfig): ServerErrors {
  const trie = new PatternTrie<string>();
  for (const { match, origin } of routes) trie.add(match, origin);
  return (resource) => origins[trie.first(resource)?.data ?? fallback.origin]?.serverErrors ?? 'unknown';
}

/** Why a write makes no rule take part: it is none, it is refused, or it has changed nothing. Undefined where rules apply. */
export function untouched(
  { method, target }: ClientRequest,
  { status, refusal, serverErrors }: { status: number; refusal: string | undefined; serverErrors: ServerErrors },
): Verdict | undefined {
  if (safeMethods.has(method)) {
    return { outcome: 'unchanged', reason: `${method} is a safe method: it asks for nothing to be changed` };
  }
  if (refusal !== undefined)
    return { outcome: 'refused', reason: `422, and the origin hears nothing of it: ${refusal}` };
  if (status >= 400 && status < 500) return { outcome: 'unchanged', reason: `the origin refused it with ${status}` };
  if (status >= 500 && serverErrors(target.resource) === 'unchanged') {
    return { outcome: 'unchanged', reason: `a ${status} of this origin says so (serverErrors: unchanged)` };
  }
  return undefined;
}

/** What comes of a write once its rules are applied. @param unchanged every rule asks for a change, and there is none */
export function verdictOf(status: number | undefined, indeterminate: boolean, unchanged: boolean): Verdict {
  if (unchanged) return { outcome: 'unchanged', reason: 'it left everything as it was (onlyIfChanged)' };
  if (!indeterminate) return { outcome: 'applied', reason: `the origin answered ${status}` };
  const came = status === undefined ? 'no answer came' : `the origin answered ${status}`;
  return { outcome: 'indeterminate', reason: `${came}: whether it was applied is not known` };
}
