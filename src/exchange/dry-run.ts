import { systemTimers } from '../clock.ts';
import { Fields } from '../http/fields.ts';
import { parseTarget } from '../route/path.ts';
import type { RuleSet } from '../rules/compile.ts';
import { parseJson } from '../rules/json.ts';
import type { Json, Sources } from '../rules/types.ts';
import { type Explained, explain, explainUntouched } from './explain.ts';
import type { ClientRequest, RouteTable } from './ports.ts';
import { type ServerErrors, untouched, verdictOf } from './verdict.ts';
import { applyRules } from './write/apply.ts';
import { addressOf, type BeforeOptions, readBefore } from './write/before.ts';
import { unresolvable } from './write/effect.ts';

/** A write that is only asked about. Bodies are JSON texts; one that is not given is absent. */
export interface ProposedWrite {
  readonly method: string;
  /** Path and query, in origin-form. */
  readonly target: string;
  /** Of the answer. */
  readonly status: number;
  readonly request: string | undefined;
  readonly response: string | undefined;
  readonly before: string | undefined;
  /** By the name of the lookup. */
  readonly lookups: Readonly<Record<string, string>>;
  /** Name, value, name, value, … */
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
}

/**
 * What a write would make wrong. Nothing is asked of the origin: lookups come from what is given.
 * @throws TargetError
 */
export async function explainWrite(
  rules: RuleSet,
  write: ProposedWrite,
  { before, all, serverErrors }: { before: Json; all: boolean; serverErrors: ServerErrors },
): Promise<Explained> {
  const request = proposedRequest(write);
  const sources = { ...sourcesOf(write, request), before };
  const lookups = new Map(Object.entries(write.lookups).map(([name, text]) => [name, given(text)]));
  const matches = rules.match(write.method, request.target.resource);
  const { status } = write;
  const refusal = unresolvable(matches, {
    ...sources,
    response: { missing: 'not-read' },
    responseHeader: () => undefined,
  });
  const verdict = untouched(request, { status, refusal, serverErrors });
  if (verdict !== undefined) return explainUntouched(request, rules, { all, verdict });
  const indeterminate = status >= 500;
  const applied = await applyRules(
    { timers: systemTimers, lookUp: async (name) => lookups.get(name) ?? { missing: 'not-read' } },
    {
      matches,
      sources,
      status,
      indeterminate,
      alone: true,
      readAgain: async () => ({ missing: 'not-read' }),
    },
  );
  return explain(request, applied, sources, rules, {
    all,
    verdict: verdictOf(status, indeterminate, applied.unchanged),
    patching: {
      request,
      answer: { status, headers: new Fields(write.responseHeaders) },
      targetedFields: [],
      text: { request: write.request, response: write.response },
    },
  });
}

/** A body that was given as JSON; without one, the write has none. */
export function given(text: string | undefined): Json {
  return text === undefined ? { missing: 'absent' } : parseJson(text, 'application/json');
}

/** @throws TargetError */
function proposedRequest(write: Pick<ProposedWrite, 'method' | 'target' | 'requestHeaders'>): ClientRequest {
  const headers = new Fields(write.requestHeaders);
  return {
    method: write.method,
    target: parseTarget(write.target),
    scheme: 'http',
    host: (headers.get('host') ?? 'localhost').toLowerCase(),
    headers,
    peer: '',
    trusted: false,
  };
}

/** The representation as the gateway would get it ahead of the write: stored, else read from the origin. */
export async function beforeOfProposed(
  write: ProposedWrite,
  rules: RuleSet,
  { routes, ...options }: BeforeOptions & { readonly routes: RouteTable },
): Promise<Json> {
  const request = proposedRequest(write);
  const { resource } = request.target;
  if (!rules.match(write.method, resource).some(({ rule }) => rule.needs.before)) return { missing: 'not-read' };
  const address = addressOf(request, routes.find(resource), routes, sourcesOf(write, request));
  return address === undefined ? { missing: 'incomplete' } : readBefore(address, options);
}

function sourcesOf(
  write: ProposedWrite,
  request: ClientRequest,
): Omit<Sources, 'params' | 'before'> & { before: Json } {
  const answer = new Fields(write.responseHeaders);
  return {
    query: request.target.query,
    requestHeader: (name) => request.headers.get(name),
    responseHeader: (name) => answer.get(name),
    request: given(write.request),
    response: write.status >= 500 ? { missing: 'incomplete' } : given(write.response),
    before: { missing: 'not-read' },
  };
}
