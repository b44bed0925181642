import { credentialNames, isCredential } from '../http/credentials.ts';
import { isPatternWithin, parsePattern, patternShape } from '../route/pattern.ts';
import type { Root } from '../rules/types.ts';
import type { CachePolicy } from './model.ts';
import { builtInCache, cachePolicy } from './policy.ts';
import { positionOf } from './problem.ts';
import type { PolicySettings, RouteSettings } from './route-schema.ts';
import type { Path, SourceDocument } from './source-document.ts';
import { didYouMean } from './suggest.ts';
import { lintPlaceholders } from './templates.ts';

/** A valid part of a file, with its place. */
export interface Located<Settings> {
  readonly settings: Settings;
  readonly document: SourceDocument;
  readonly path: Path;
}

const scopeOfTags = 'tags are taken from a read and its response only';
const closedForTags = new Map<Root, { message: string; hint: string }>([
  ['before', { message: `"before" is not available here: ${scopeOfTags}`, hint: 'use response' }],
  ['request', { message: `"request" is not available here: ${scopeOfTags}`, hint: 'use params, query or response' }],
]);

export interface RouteContext {
  readonly defaults: PolicySettings;
  /** As written, without the common ones. */
  readonly credentials: { readonly headers: readonly string[]; readonly params: readonly string[] };
  /** Names of the origins; undefined if they are too broken to check against. */
  readonly origins: readonly string[] | undefined;
}

const ahead = 'before is read ahead of the write, when only params, query, requestHeader and request are known';
const closedAhead = new Map<Root, { message: string; hint: string }>(
  (['response', 'responseHeader', 'before'] as const).map((root) => [
    root,
    { message: `"${root}" is not known yet`, hint: ahead },
  ]),
);

/** @param routes in matching order */
export function lintRoutes(routes: readonly Located<RouteSettings>[], context: RouteContext): void {
  const earlier: { shape: string; route: Located<RouteSettings> }[] = [];
  for (const route of routes) {
    const { settings, document, path } = route;
    const shape = shapeOf(settings);
    const covering = earlier.find((other) => isPatternWithin(shape, other.shape));
    if (covering === undefined) {
      earlier.push({ shape, route });
    } else {
      const other = covering.route;
      const where = positionOf(other.document.positionOf([...other.path, 'match']));
      document.report([...path, 'match'], {
        message: `no request can reach this route: ${other.settings.match} (${where}) matches all of them`,
        hint: 'the first match wins: put the narrower pattern first, or remove one of the two',
      });
    }
    lintPolicy(route, context);
    lintNoEffect(route, context);
    for (const [i, tag] of (settings.tags ?? []).entries()) {
      const scope = { pattern: settings.match, closed: closedForTags };
      lintPlaceholders(document, [...path, 'tags', i], { written: tag, kind: 'tag' }, scope);
    }
    if (settings.before === undefined) continue;
    const scope = { pattern: settings.match, closed: closedAhead };
    lintPlaceholders(document, [...path, 'before'], { written: settings.before, kind: 'path', read: true }, scope);
  }
}

/** Also for `defaults`, which have the same settings. */
export function lintPolicy({ settings, document, path }: Located<PolicySettings>, context: RouteContext): void {
  const { origin, cache } = settings;
  if (origin !== undefined && context.origins !== undefined && !context.origins.includes(origin)) {
    const message = `there is no origin "${origin}"`;
    document.report([...path, 'origin'], { message, hint: didYouMean(origin, context.origins) });
  }
  const policy = effective(cache, context);
  if (!policy.off && policy.credentials === 'perUser' && policy.userKey.length === 0) {
    const hint = 'say what identifies a user: userKey: [authorization, "cookie:session"]';
    document.report([...path, 'cache', 'credentials'], { message: 'perUser needs a userKey', hint });
  }
  if (cache === undefined || cache === 'off') return;
  const shared = typeof cache.credentials === 'object' ? cache.credentials.shared : [];
  for (const [i, name] of shared.entries()) {
    if (isCredential(name, policy.credentialHeaders)) continue;
    const message = `${name} is not known to carry credentials: responses to requests with it are shared anyway`;
    const hint = 'name a field of credentialHeaders, or a common one such as x-api-key; or remove it';
    document.report([...path, 'cache', 'credentials', 'shared', i], { message, hint });
  }
  const named = cache.userKey ?? [];
  for (const [i, name] of named.entries()) {
    const parameter = /^query:(.*)$/.exec(name)?.[1];
    if (parameter === undefined || context.credentials.params.includes(parameter)) continue;
    const message = `the parameter ${parameter} is not known to carry credentials`;
    const hint = `add credentialParams: [${[...context.credentials.params, parameter].join(', ')}]`;
    document.report([...path, 'cache', 'userKey', i], { message, hint });
  }
}

/** Reports settings without effect. In `defaults` they may have one, together with those of a route. */
function lintNoEffect({ settings, document, path }: Located<PolicySettings>, context: RouteContext): void {
  const { cache } = settings;
  if (cache === undefined || cache === 'off') return;
  const { ttlMs, credentials, sharedCredentials } = effective(cache, context);
  if (cache.force === true && ttlMs === undefined) {
    const hint = 'add a ttl: 60s';
    document.report([...path, 'cache', 'force'], { message: 'force has no effect without a ttl', hint, atKey: true });
  }
  // The author expects responses to be separate.
  if (cache.userKey !== undefined && credentials !== 'perUser') {
    const said = sharedCredentials.length > 0 ? '{ shared }' : credentials;
    const message = `userKey has no effect with credentials: ${said}`;
    document.report([...path, 'cache', 'userKey'], { message, hint: 'add credentials: perUser', atKey: true });
  }
}

export function effective(cache: PolicySettings['cache'], { defaults, credentials }: RouteContext): CachePolicy {
  const known = {
    ...builtInCache,
    credentialHeaders: credentialNames(credentials.headers),
    credentialParams: credentials.params,
  };
  return cachePolicy(cachePolicy(known, defaults.cache), cache);
}

export const shapeOf = ({ match }: RouteSettings): string => patternShape(parsePattern(match));
