import type { Timers } from '../clock.ts';
import type { Coverage } from '../coherence/tag.ts';
import type { GatewayConfig } from '../config/model.ts';
import { readJson } from '../exchange/body.ts';
import { type Said, saidOf, untouched } from '../exchange/inspect/verdict.ts';
import type { ClientRequest, RouteTable } from '../exchange/ports.ts';
import { type Applied, applyRules } from '../exchange/write/apply.ts';
import { addressOf, beforeModeOf, readBefore } from '../exchange/write/before.ts';
import { effectOf, impliedTargets, namesItselfAlone, readsWritten } from '../exchange/write/effect.ts';
import { quarantineMsOf } from '../exchange/write/records.ts';
import { Fields } from '../http/fields.ts';
import { compileRules, type RuleSet } from '../rules/compile.ts';
import { resolve } from '../rules/resolve.ts';
import { compileSpellings } from '../rules/spellings.ts';
import { coverageOf } from '../rules/target.ts';
import type { BodySources, Json, RuleMatch } from '../rules/types.ts';
import type { MemoryStore } from '../store/memory.ts';
import type { Entry } from './entry.ts';
import type { VirtualClock } from './virtual-cache.ts';

/** What a write of the log comes to under the rules. */
export interface VirtualWrite {
  /** Undefined: it invalidates nothing. */
  readonly recorded: Recorded | undefined;
  /** Rules that matched, but whose conditions did not hold. */
  readonly skipped: readonly string[];
}

export interface Recorded {
  readonly coverage: Coverage;
  readonly quarantineMs: number;
  /** What each rule covers. `null`: the written resource itself, which needs no rule. */
  readonly rules: readonly RuleEffect[];
  /** What certainly is stale, by rule: only ids that the log tells, and no write whose outcome is unknown. */
  readonly certain: readonly { readonly rule: string | null; readonly coverage: Coverage }[];
}

export interface RuleEffect {
  readonly rule: string | null;
  readonly coverage: Coverage;
  /** `wildcard`: an id is unknown, so any is invalidated. `left out`: as the rule says (`unresolved: ignore`). */
  readonly ids: 'resolved' | 'wildcard' | 'left out';
}

const notRead: Json = { missing: 'not-read' };
/** nginx logs 499 when the client has gone: what the origin made of the write is unknown, as after a timeout. */
const CLIENT_GONE = 499;
/** No lookup is made, so none can be late. */
const noTimers: Timers = { after: () => () => {} };

/** The write exchange without sockets: the same verdict, conditions, targets and coverage as the gateway's. */
export class VirtualWrites {
  readonly rules: RuleSet;
  readonly said: Said;
  readonly #indeterminateMs: number;
  readonly #routes: RouteTable;
  readonly #clock: VirtualClock;

  constructor(config: GatewayConfig, routes: RouteTable, clock: VirtualClock) {
    this.rules = compileRules(config.rules, config.routes, compileSpellings(config));
    this.said = saidOf(config);
    this.#indeterminateMs = config.coherence.quarantineMs;
    this.#routes = routes;
    this.#clock = clock;
  }

  /** The representation before the write, as far as it is stored: the replay cannot ask an origin. */
  async before({ bodies }: Entry, request: ClientRequest, store: MemoryStore): Promise<Json> {
    const matches = this.rules.match(request.method, request.target.resource);
    if (bodies === undefined || beforeModeOf(matches) === undefined) return notRead;
    const found = this.#routes.find(request.target.resource);
    const sources = sourcesOf({ request, bodies, status: undefined, before: notRead, answer: new Fields([]) });
    const address = addressOf(request, found, this.#routes, sources);
    if (address === undefined) return notRead;
    const clock = { wall: () => this.#clock.now, monotonic: () => this.#clock.now };
    return readBefore(address, { store, clock, mode: 'stored', maxBytes: 0, onFailure: () => {} });
  }

  async play(entry: Entry, request: ClientRequest, before: Json): Promise<VirtualWrite> {
    const status = entry.status === CLIENT_GONE ? 504 : entry.status;
    if (untouched(request, { status, refusal: undefined, said: this.said }) !== undefined) {
      return { recorded: undefined, skipped: [] };
    }
    const matches = this.rules.match(request.method, request.target.resource);
    const answer = new Fields(entry.responseHeaders);
    const sources = sourcesOf({ request, bodies: entry.bodies, status, before, answer });
    const indeterminate = status >= 500;
    const { route } = this.#routes.find(request.target.resource);
    const alone = readsWritten(request, route) && namesItselfAlone(request, sources, this.rules.paths);
    const apply = (rules: readonly RuleMatch[]): Promise<Applied> =>
      applyRules(
        { timers: noTimers, lookUp: () => Promise.resolve(notRead) },
        {
          ...{ matches: rules, sources, status, indeterminate, alone },
          readAgain: () => Promise.resolve(notRead),
        },
      );
    const applied = await apply(matches);
    const skipped = applied.skipped.map(({ rule }) => rule);
    if (applied.unchanged) return { recorded: undefined, skipped };
    const { paths } = this.rules;
    const implied = coverageOf(impliedTargets(request, sources, paths), paths);
    const { coverage } = effectOf({ request, rules: applied.rules, sources, paths });
    const ruleMs = quarantineMsOf(applied.rules.map(({ match }) => match));
    const quarantineMs = indeterminate ? Math.max(this.#indeterminateMs, ruleMs) : ruleMs;
    const rules = [{ rule: null, coverage: implied, ids: 'resolved' } as const, ...this.#effectsOf(applied)];
    const certain = indeterminate
      ? []
      : [{ rule: null, coverage: implied }, ...this.#certainOf(await apply(matches.map(withoutUnknown)))];
    return { recorded: { coverage, quarantineMs, rules, certain }, skipped };
  }

  #effectsOf({ rules }: Applied): RuleEffect[] {
    return rules.map(({ match, sources }) => {
      const { targets, unresolved } = resolve(match, sources);
      const widened = unresolved.some(({ ignored }) => ignored !== true);
      const ids = widened ? 'wildcard' : unresolved.length > 0 ? 'left out' : 'resolved';
      return { rule: match.rule.config.name, coverage: coverageOf(targets, this.rules.paths), ids };
    });
  }

  #certainOf({ rules }: Applied): { rule: string; coverage: Coverage }[] {
    return rules.flatMap(({ match, sources }) => {
      const { targets, unresolved } = resolve(match, sources);
      // Too many ids fall back to a wildcard even so.
      if (unresolved.some(({ ignored }) => ignored !== true)) return [];
      return [{ rule: match.rule.config.name, coverage: coverageOf(targets, this.rules.paths) }];
    });
  }
}

/** The rule as if it had `unresolved: ignore`: what is unknown neither holds nor becomes a wildcard. */
function withoutUnknown(match: RuleMatch): RuleMatch {
  const { rule } = match;
  return { ...match, rule: { ...rule, config: { ...rule.config, unresolved: 'ignore' } } };
}

interface Told {
  readonly request: ClientRequest;
  readonly bodies: Entry['bodies'];
  /** Undefined: not answered yet. */
  readonly status: number | undefined;
  readonly before: Json;
  readonly answer: Fields;
}

function sourcesOf({ request, bodies, status, before, answer }: Told): BodySources {
  return {
    query: request.target.query,
    requestHeader: (name) => request.headers.get(name),
    responseHeader: (name) => answer.get(name),
    request: bodies?.request ?? notRead,
    response: responseOf(bodies?.response, status, answer),
    before,
  };
}

function responseOf(body: Buffer | undefined, status: number | undefined, answer: Fields): Json {
  if (status === undefined) return notRead;
  if (status >= 500) return { missing: 'incomplete' };
  // RFC 9110 §15.3.5: a 204 has no content, whatever else the log does not tell.
  if (status === 204) return { missing: 'absent' };
  return body === undefined ? notRead : readJson(body, answer);
}
