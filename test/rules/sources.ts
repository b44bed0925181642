import type { RuleConfig, TargetConfig } from '../../src/config/model.ts';
import { compileRules } from '../../src/rules/compile.ts';
import { parseJson } from '../../src/rules/json.ts';
import { resolve } from '../../src/rules/resolve.ts';
import { describeTarget } from '../../src/rules/target.ts';
import type { Json, MissingReason, RuleMatch, RuleResolution, Sources } from '../../src/rules/types.ts';

const source = { file: 'gateway.yaml', line: 1, column: 1 };

/** A rule for every unsafe method on `/accommodations/:id`, unless told otherwise. Targets as in a configuration. */
export function ruleConfig(targets: readonly string[], changes: Partial<RuleConfig> = {}): RuleConfig {
  return {
    name: 'rule',
    methods: ['*'],
    pattern: '/accommodations/:id',
    invalidate: targets.map(
      (target): TargetConfig =>
        target.startsWith('tag: ')
          ? { tag: target.slice(5), cascade: false, source }
          : { path: target, cascade: false, source },
    ),
    when: undefined,
    lookup: {},
    refresh: [],
    patch: [],
    onlyIfChanged: undefined,
    quarantineMs: undefined,
    event: undefined,
    unresolved: 'widen',
    before: 'read',
    source,
    ...changes,
  };
}

/** A body as it comes: text is parsed as JSON, a reason says why there is none. */
export interface Bodies {
  readonly query?: string;
  readonly requestHeader?: Record<string, string>;
  readonly responseHeader?: Record<string, string>;
  readonly request?: string | { missing: MissingReason };
  readonly response?: string | { missing: MissingReason };
  readonly before?: string | { missing: MissingReason };
}

export function sourcesOf(params: Readonly<Record<string, string>>, bodies: Bodies = {}): Sources {
  return {
    params,
    query: bodies.query ?? '',
    requestHeader: (name) => bodies.requestHeader?.[name],
    responseHeader: (name) => bodies.responseHeader?.[name],
    request: jsonOf(bodies.request),
    response: jsonOf(bodies.response),
    before: jsonOf(bodies.before),
  };
}

export function jsonOf(body: string | { missing: MissingReason } | undefined): Json {
  if (body === undefined) return { missing: 'absent' };
  return typeof body === 'string' ? parseJson(body, 'application/json') : body;
}

export interface Write {
  readonly method?: string;
  readonly path?: string;
  readonly rule?: Partial<RuleConfig>;
}

/** Resolves one rule with these targets for one write. */
export function resolved(targets: string | readonly string[], bodies: Bodies = {}, write: Write = {}): RuleResolution {
  const config = ruleConfig(typeof targets === 'string' ? [targets] : targets, write.rule);
  const [match] = compileRules([config]).match(write.method ?? 'PUT', write.path ?? '/accommodations/42');
  if (match === undefined) throw new Error('the rule does not match');
  return resolve(match, sourcesOf(match.params, bodies));
}

export function described({ targets }: Pick<RuleResolution, 'targets'>): string[] {
  return targets.map(describeTarget);
}

export function firstMatch(matches: readonly RuleMatch[]): RuleMatch {
  const [match] = matches;
  if (match === undefined) throw new Error('no rule matches');
  return match;
}

/** A body that is there, or may be, and could not be read. */
export const unread: readonly MissingReason[] = [
  'malformed',
  'ambiguous',
  'too-large',
  'too-deep',
  'incomplete',
  'encoded',
  'not-read',
];
