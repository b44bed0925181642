import { createHash } from 'node:crypto';
import type { CachePolicy } from '../config/model.ts';
import { isCredential } from '../http/credentials.ts';
import type { Fields } from '../http/fields.ts';
import { isToken, trimWhitespace } from '../http/list.ts';
import { selectQuery } from '../route/path.ts';
import { credentialFields, hasCredentials } from './credentials.ts';
import type { ClientRequest } from './ports.ts';

const COOKIE = 'cookie:';
const QUERY = 'query:';

/** A hash of the named credentials. Cache keys are shown to operators; credentials must not be. */
export function userKey(headers: Fields, names: readonly string[]): string {
  // Parameters that carry credentials are in every key that is not shared; see cache-key.ts.
  const inHead = names.filter((name) => !name.startsWith(QUERY));
  return hashed(JSON.stringify(inHead.map((name) => credential(headers, name))));
}

export function hashed(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/**
 * Whether the key of a route with `credentials: perUser` identifies the user. If not, the answer is not stored: under a
 * key that identifies nobody, it would be served to other clients with the same key.
 */
export function isIdentified(request: Pick<ClientRequest, 'headers' | 'target'>, policy: CachePolicy): boolean {
  const { headers, target } = request;
  const { userKey: names } = policy;
  if (policy.credentials !== 'perUser' || !hasCredentials(request, policy)) return true;
  const isInKey = (name: string): boolean => (credential(headers, name) ?? '') !== '';
  for (const name of credentialFields(headers, policy)) if (name !== 'cookie' && !names.includes(name)) return false;
  if (hasAmbiguousCookie(headers, names)) return false;
  // The key of an application, or a password that all visitors share, does not say whose the cookies are. Of them, one
  // that is named is enough: most clients have others that say nothing of the user.
  const inCookies = names.filter((name) => name === 'cookie' || isCookie(name));
  if (headers.has('cookie') && inCookies.length > 0 && !inCookies.some(isInKey)) return false;
  return names.some((name) => {
    if (name.startsWith(QUERY)) return /=./.test(selectQuery(target.query, [name.slice(QUERY.length)]));
    // A tenant is in the key, too, and is no user.
    return (isCookie(name) || isCredential(name, policy.credentialHeaders)) && isInKey(name);
  });
}

/** Whether the cookies among `names` say whose request it is: one is there, and none can be read in two ways. */
export function isToldByCookies(headers: Fields, names: readonly string[]): boolean {
  if (hasAmbiguousCookie(headers, names)) return false;
  return names.some((name) => isCookie(name) && (credential(headers, name) ?? '') !== '');
}

function hasAmbiguousCookie(headers: Fields, names: readonly string[]): boolean {
  const cookies = headers.get('cookie');
  if (cookies === undefined) return false;
  return names.some((name) => isCookie(name) && isAmbiguous(cookies, name.slice(COOKIE.length)));
}

const isCookie = (name: string): boolean => name.startsWith(COOKIE);

function credential(headers: Fields, name: string): string | null {
  if (!isCookie(name)) return headers.get(name) ?? null;
  return valuesOf(headers.get('cookie') ?? '', name.slice(COOKIE.length))[0] ?? null;
}

/** RFC 6265 §5.4: pairs are separated by ";" alone. */
function valuesOf(cookies: string, name: string): string[] {
  const values: string[] = [];
  for (const pair of cookies.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && trimWhitespace(pair.slice(0, at)) === name) values.push(trimWhitespace(pair.slice(at + 1)));
  }
  return values;
}

/**
 * Whether an origin could read another cookie of this name than the gateway does. That is so if the name occurs twice,
 * or occurs again for a parser that also splits at commas or quotes (RFC 2965), trims more than spaces and tabs,
 * unescapes names, or ignores their case.
 */
function isAmbiguous(cookies: string, name: string): boolean {
  const found = valuesOf(cookies, name).length;
  return found > 1 || namesIn(cookies, name) > found;
}

/** Whitespace of any kind, and quotes, between a name and its "=". */
const behindName = /[^A-Za-z0-9;,=]*=/y;

/** How often the name precedes an "=" where any parser could see the start of a cookie. */
function namesIn(cookies: string, name: string): number {
  const [text, wanted] = [loosely(cookies), loosely(name)];
  return Math.max(countIn(text, wanted), countIn(asVariables(text), asVariables(wanted)));
}

function countIn(text: string, wanted: string): number {
  let count = 0;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    if (at > 0 && isToken(text[at - 1] as string)) continue;
    behindName.lastIndex = at + wanted.length;
    if (behindName.test(text)) count += 1;
  }
  return count;
}

/** Normalises a cookie name as PHP does: it unescapes names, and replaces "." and "[" by "_". */
function loosely(text: string): string {
  const unescaped = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return unescaped.toLowerCase().replace(/[.[]/g, '_');
}

/**
 * PHP also replaces a space in a name, and earlier versions take "+" for one. It drops those in front of a name. For
 * itself alone: to other parsers a space may end a cookie.
 */
const asVariables = (text: string): string => text.replaceAll('+', ' ').replace(/(?<=[^ ;,=]) /g, '_');
