import { isCredential } from '../http/credentials.ts';
import { parsePattern, pathMatchesPattern, patternShape } from '../route/pattern.ts';
import { effective, type Located, type RouteContext, shapeOf } from './lint-routes.ts';
import type { CachePolicy } from './model.ts';
import { originPaths } from './origins.ts';
import { positionOf } from './problem.ts';
import type { PolicySettings, RouteSettings } from './route-schema.ts';
import { valueAt } from './shape.ts';
import type { SourceDocument } from './source-document.ts';

/** A `userKey` that leaves out what a request may say of whose it is. Also for `defaults`. */
export function lintUserKey({ settings, document, path }: Located<PolicySettings>, context: RouteContext): void {
  const { cache } = settings;
  if (cache === undefined || cache === 'off') return;
  // What is inherited as a whole is reported where it is written.
  const written = (['userKey', 'credentials', 'cookies'] as const).find((key) => cache[key] !== undefined);
  const policy = effective(cache, context);
  if (written === undefined || policy.credentials !== 'perUser') return;
  const { message, hint } = leftOut(policy, context) ?? {};
  if (message === undefined || hint === undefined) return;
  document.report([...path, 'cache', written], { message, hint, warning: 'user-key-incomplete', atKey: true });
}

function leftOut(
  { userKey, cookies }: CachePolicy,
  { credentials }: RouteContext,
): { message: string; hint: string } | undefined {
  const namesCookies = userKey.some((name) => name === 'cookie' || name.startsWith('cookie:'));
  if (!namesCookies && cookies === 'credentials') {
    return {
      message: 'userKey names no cookie: requests that differ in their cookies alone share a response',
      hint: 'add the cookie of the session, "cookie:session", or say cookies: ignore',
    };
  }
  const expected = ['authorization', ...credentials.headers, ...credentials.params.map((name) => `query:${name}`)];
  const missing = expected.filter((name) => !userKey.includes(name));
  if (missing.length === 0) return undefined;
  const names = missing.map((name) => (name === 'authorization' ? 'Authorization' : name)).join(', ');
  return {
    message: `userKey leaves out ${names}: responses to requests with it are not stored`,
    hint: `add ${missing.map((name) => (name.includes(':') ? `"${name}"` : name)).join(', ')}, unless no client sends it`,
  };
}

/** Cookies that applications set beside the session's: nothing proves that who sends one is that user. */
const namesSomebody =
  /^cookie:(?:(?:current|logged)[-_]?)?(?:user|uid|account|customer|member|tenant|org|email|login)[-_]?(?:id|name|no)?$/i;

/** A `userKey` that lets a client choose whose copy it gets. Also for `defaults`. */
export function lintWrittenUserKey({ settings, document, path }: Located<PolicySettings>): void {
  const { cache } = settings;
  if (cache === undefined || cache === 'off') return;
  for (const [i, name] of (cache.userKey ?? []).entries()) {
    if (!namesSomebody.test(name)) continue;
    document.report([...path, 'cache', 'userKey', i], {
      message: `clients can write ${name.slice('cookie:'.length)} themselves, and get the responses of whomever they name`,
      hint: 'name the cookie of the session, which nobody can guess',
      warning: 'user-key-written-by-clients',
    });
  }
}

/** A `Set-Cookie` that everybody gets. Also for `defaults`. */
export function lintStoredCookies({ settings, document, path }: Located<PolicySettings>, context: RouteContext): void {
  const { cache } = settings;
  if (cache === undefined || cache === 'off' || cache.setCookie !== 'store') return;
  if (!isCachedForAll(effective(cache, context))) return;
  document.report([...path, 'cache', 'setCookie'], {
    message: 'the Set-Cookie for one client is stored, and sent to all: they could get its session',
    hint: 'setCookie: strip stores the response without it',
    warning: 'cookie-stored',
  });
}

/** A credential in the key itself: operators see keys, and `credentials` decides whether it is stored. */
export function lintKeyedCredentials(
  { settings, document, path }: Located<PolicySettings>,
  context: RouteContext,
): void {
  const { cache } = settings;
  if (cache === undefined || cache === 'off') return;
  const { credentials, sharedCredentials, credentialHeaders, credentialParams } = effective(cache, context);
  const isSecret = {
    headers: (name: string) => isCredential(name, credentialHeaders),
    query: (name: string) => credentialParams.includes(name),
  };
  for (const part of ['headers', 'query'] as const) {
    for (const [i, name] of (cache.key?.[part] ?? []).entries()) {
      if (!isSecret[part](name)) continue;
      const userKey = part === 'headers' ? name : `"query:${name}"`;
      const isStored = credentials !== 'bypass' || (part === 'headers' && sharedCredentials.includes(name));
      const effect = !isStored ? ', and responses to requests with them are not stored' : '';
      document.report([...path, 'cache', 'key', part, i], {
        message: `${name} carries credentials: in the key, operators can read them${effect}`,
        hint: `remove it here, and say credentials: perUser and userKey: [${userKey}]`,
        warning: 'credential-in-key',
      });
    }
  }
}

/**
 * A route that keeps something from being shared, while another spelling of its path is cached: an origin that takes
 * the two for one would have what is somebody's own stored for all. Once, and not where the configuration says what
 * origins ignore.
 */
export function lintSpellings(
  routes: readonly Located<RouteSettings>[],
  main: SourceDocument,
  context: RouteContext,
): void {
  if (saysWhatIsIgnored(main)) return;
  for (const route of routes) {
    if (isCachedForAll(effective(route.settings.cache, context))) continue;
    const other = otherCase(route.settings.match);
    if (other === undefined) continue;
    const taker = routes.find(({ settings }) => pathMatchesPattern(other, shapeOf(settings)));
    if (!isCachedForAll(effective(taker?.settings.cache, context))) continue;
    const where =
      taker === undefined
        ? ''
        : ` as ${taker.settings.match} (${positionOf(taker.document.positionOf([...taker.path, 'match']))})`;
    route.document.report([...route.path, 'match'], {
      message: `${other} and ${route.settings.match};x.css are other paths, and are cached${where}: an origin may take them for this one`,
      hint: 'say what it ignores, origin: { ignoreInPaths: [case, parameters] }, or [] for nothing; or cache only what a route is for, defaults: { cache: off }',
      warning: 'other-spellings',
    });
    return;
  }
}

function saysWhatIsIgnored(main: SourceDocument): boolean {
  return originPaths(main).some((path) => valueAt(main.value, [...path, 'ignoreInPaths']) !== undefined);
}

const isCachedForAll = ({ off, credentials }: CachePolicy): boolean => !off && credentials !== 'perUser';

/** A path that differs from what the pattern takes in the case of one letter. */
function otherCase(match: string): string | undefined {
  const shape = patternShape(parsePattern(match));
  const other = shape.replace(/(?<=\/)[a-z]/, (letter) => letter.toUpperCase());
  return other === shape ? undefined : other.replace(/\*+/g, 'x');
}
