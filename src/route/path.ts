/**
 * The canonical form behind routing, cache keys, tags and what is forwarded. All parts of the gateway use it, so that
 * they always agree on whether two spellings are the same resource (RFC 3986 §6.2.2, RFC 9110 §4.2.3).
 */
export interface RequestTarget {
  /** Forwarded to the origin and part of the cache key: dot segments resolved, escapes normalised. */
  readonly path: string;
  /**
   * Identifies the resource for routes and tags: `path` with every reserved byte escaped, repeated slashes merged and
   * no trailing slash. Origins that treat `/steps/7/` or `//steps/7` as `/steps/7` stay coherent.
   */
  readonly resource: string;
  /** As sent, without "?"; empty if there is none. */
  readonly query: string;
}

/** Malformed percent-encoding, forbidden characters, or dot segments hidden by escaped slashes. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
}

const plain = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/;
const forbidden = /[^!-~]|[\\#]/;
const malformedEscape = /%(?![0-9A-Fa-f]{2})/;
const hiddenDots = /(?:^|\/|\\)\.\.?(?:\/|\\|$)/;

/** Parses an origin-form request target. @throws TargetError */
export function parseTarget(target: string): RequestTarget {
  const mark = target.indexOf('?');
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark + 1);
  if (query !== '' && forbidden.test(query))
    throw new TargetError('the query contains a character that must be escaped');
  if (plain.test(rawPath)) return { path: rawPath, resource: rawPath, query };
  const path = canonicalPath(rawPath);
  return { path, resource: resourceOf(path), query };
}

/** Normalises escapes and dot segments. @throws TargetError */
function canonicalPath(raw: string): string {
  if (!raw.startsWith('/')) throw new TargetError('the path must start with a slash');
  if (forbidden.test(raw)) throw new TargetError('the path contains a character that must be escaped');
  if (malformedEscape.test(raw)) throw new TargetError('the path contains a "%" without two hexadecimal digits');
  if (/%00/.test(raw)) throw new TargetError('the path contains an escaped NUL');
  const unescaped = raw.replace(/%[0-9A-Fa-f]{2}/g, (escaped) => {
    const octet = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(octet) ? octet : escaped.toUpperCase();
  });
  const path = removeDotSegments(unescaped);
  // `/pub/..;/users/me`: servers that strip segment parameters after ";" would see a dot segment that the gateway does
  // not.
  if (/\/\.\.?;/.test(path)) throw new TargetError('the path contains a dot segment with parameters');
  // `/steps/..%2Fusers%2Fme`: an origin that unescapes before routing would see another resource than the gateway.
  for (const segment of path.split('/')) {
    if (/%2F|%5C/.test(segment) && hiddenDots.test(segment.replaceAll('%2F', '/').replaceAll('%5C', '\\'))) {
      throw new TargetError('the path hides a dot segment behind an escaped slash');
    }
  }
  return path;
}

/** A path or a pattern without a query. */
export function withoutQuery(path: string): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}

/** The segments of a path or a pattern. Every request comes here: `String.split` takes four times as long. */
export function segmentsOf(path: string): string[] {
  const segments: string[] = [];
  if (path === '/') return segments;
  let from = 1;
  for (let to = path.indexOf('/', from); to >= 0; to = path.indexOf('/', from)) {
    segments.push(path.slice(from, to));
    from = to + 1;
  }
  segments.push(path.slice(from));
  return segments;
}

/** The target as in a request line. */
export function targetText({ path, query }: Pick<RequestTarget, 'path' | 'query'>): string {
  return query === '' ? path : `${path}?${query}`;
}

/** RFC 3986 §5.2.4, on whole segments; ".." at the root stays at the root. */
function removeDotSegments(path: string): string {
  if (!/\/\.\.?(?:\/|$)/.test(path)) return path;
  const output: string[] = [];
  const segments = path.slice(1).split('/');
  for (const [i, segment] of segments.entries()) {
    const isLast = i === segments.length - 1;
    if (segment === '..') output.pop();
    if (segment === '.' || segment === '..') {
      if (isLast) output.push('');
    } else {
      output.push(segment);
    }
  }
  return `/${output.join('/')}`;
}

/** The resource of a canonical path; see `RequestTarget.resource`. */
export function resourceOf(path: string): string {
  if (plain.test(path)) return path;
  const segments = path.split('/').filter((segment) => segment !== '');
  return `/${segments.map((segment) => encodeSegment(decodeSegment(segment))).join('/')}`;
}

/** Escapes a value as one segment. Only unreserved bytes remain, so it cannot be a pattern or a separator. */
export function encodeSegment(value: string): string {
  const escaped = escapeText(value);
  // "." and ".." would be dot segments. Normalisation undoes escaping, so they are escaped twice and match nothing.
  return escaped === '.' || escaped === '..' ? escaped.replaceAll('.', '%252E') : escaped;
}

/** Escapes all but unreserved bytes. */
export function escapeText(value: string): string {
  // A lone surrogate has no UTF-8 form; every encoder replaces it with U+FFFD.
  return encodeURIComponent(value.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The value of one segment. Escapes that are not UTF-8 are decoded as Latin-1. */
export function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}

/**
 * The canonical form of a query: parameters sorted, escaping normalised. `b=2&a=%31` equals `a=1&b=2`, and `q=a+b`
 * equals `q=a%20b`. For tags only: the forwarded and the keyed query stay as sent.
 */
export function sortedQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').filter((pair) => pair !== '');
  return pairs.map(canonicalPair).sort().join('&');
}

function canonicalPair(pair: string): string {
  const at = pair.indexOf('=');
  const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
  return `${canonicalText(name)}=${canonicalText(value)}`;
}

/** WHATWG URL §5.1: in a query, "+" is a space. */
function canonicalText(text: string): string {
  return /^[A-Za-z0-9._~-]*$/.test(text) ? text : escapeText(decodeSegment(text.replaceAll('+', ' ')));
}

/** The parameters in `names`, in that order; repeated parameters keep their order. */
export function selectQuery(query: string, names: readonly string[]): string {
  if (query === '') return '';
  const pairs = query.split('&').map((pair) => ({ pair, name: parameterName(pair) }));
  return names.flatMap((name) => pairs.filter((other) => other.name === name).map(({ pair }) => pair)).join('&');
}

/** The query without the parameters in `names`. */
export function dropFromQuery(query: string, names: readonly string[]): string {
  if (query === '') return '';
  return query
    .split('&')
    .filter((pair) => !names.includes(parameterName(pair)))
    .join('&');
}

export function parameterName(pair: string): string {
  const raw = (pair.split('=', 1)[0] as string).replaceAll('+', ' ');
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}
