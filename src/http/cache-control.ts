import { isToken, splitList, unquote, withoutQuoted } from './list.ts';
import { ownText } from './own-memory.ts';

/**
 * The directives of a `Cache-Control` field (RFC 9111 §5.2), or of a targeted one. Times in seconds, 0 to 2^31. A
 * directive with a time that cannot be read, or that stands there twice with two values, has the most restrictive
 * value: RFC 9111 §4.2.1 would have such responses taken for stale.
 */
export interface CacheControl {
  readonly noStore: boolean;
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly immutable: boolean;
  readonly noTransform: boolean;
  readonly onlyIfCached: boolean;
  /** The names of fields, in lower case, where the directive is limited to them (§5.2.2.4, §5.2.2.7). */
  readonly noCache: boolean | readonly string[];
  readonly private: boolean | readonly string[];
  readonly maxAge: number | undefined;
  readonly sMaxage: number | undefined;
  readonly minFresh: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  /** Infinity without an argument: any staleness will do (§5.2.1.2). */
  readonly maxStale: number | undefined;
}

/** RFC 9111 §1.2.2: what a larger number of seconds is taken for. */
export const MAX_DELTA_SECONDS = 2 ** 31;

export type MutableCacheControl = { -readonly [Name in keyof CacheControl]: CacheControl[Name] };

export const noDirectives: CacheControl = Object.freeze({
  noStore: false,
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  immutable: false,
  noTransform: false,
  onlyIfCached: false,
  noCache: false,
  private: false,
  maxAge: undefined,
  sMaxage: undefined,
  minFresh: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
  maxStale: undefined,
});

/** One directive as it was written; `malformed` where something stands around it that the grammar does not know. */
interface Directive {
  /** Lower case. */
  name: string;
  /** As written, quotes included. */
  argument: string | undefined;
  malformed: boolean;
}

/**
 * Reads the value of `Cache-Control`, several lines joined. It never fails: a prohibition is honoured however it is
 * spelled (`no-store;`, `no-store=1`, `private =x`), a permission or a time only in its proper form.
 */
export function parseCacheControl(value: string | undefined): CacheControl {
  if (value === undefined || value === '') return noDirectives;
  const known = parsed.get(value);
  if (known !== undefined) return known;
  // The value may be cut from the head of a message, and would keep all of it, as would names of fields in it.
  const own = ownText(value);
  const directives = Object.freeze(parse(own));
  if (own.length <= MAX_REMEMBERED_LENGTH) {
    if (parsed.size >= MAX_REMEMBERED) parsed.clear();
    parsed.set(own, directives);
  }
  return directives;
}

/** An origin sends few different values, and every stored response keeps what its value means. */
const parsed = new Map<string, CacheControl>();
const MAX_REMEMBERED = 1_000;
const MAX_REMEMBERED_LENGTH = 200;

function parse(value: string): CacheControl {
  const directives: MutableCacheControl = { ...noDirectives };
  for (const member of splitList(value)) for (const directive of directivesOf(member)) apply(directives, directive);
  return directives;
}

/**
 * A member is one directive. Where blanks or semicolons have crept in (`private; max-age=0`, `max-age = 60`) each part
 * is looked at, so that the prohibition in it is not lost, and none counts as well-formed.
 */
function directivesOf(member: string): Directive[] {
  if (!/[ \t;]/.test(withoutQuoted(member))) return [toDirective(member, false)];
  return member.split(/[ \t;]+/).map((part) => toDirective(part, true));
}

function toDirective(text: string, malformed: boolean): Directive {
  const equals = text.indexOf('=');
  if (equals < 0) return { name: text.toLowerCase(), argument: undefined, malformed };
  return { name: text.slice(0, equals).toLowerCase(), argument: text.slice(equals + 1), malformed };
}

/** Permissions: they count only as the grammar has them, alone and without an argument. */
const permissions = {
  public: 'public',
  immutable: 'immutable',
  'must-understand': 'mustUnderstand',
} as const;

const prohibitions = {
  'no-store': 'noStore',
  'must-revalidate': 'mustRevalidate',
  'proxy-revalidate': 'proxyRevalidate',
  'no-transform': 'noTransform',
  'only-if-cached': 'onlyIfCached',
} as const;

const times = {
  'max-age': 'maxAge',
  's-maxage': 'sMaxage',
  'stale-while-revalidate': 'staleWhileRevalidate',
  'stale-if-error': 'staleIfError',
} as const;

function apply(directives: MutableCacheControl, { name, argument, malformed }: Directive): void {
  if (isAmbiguous(name, argument)) directives.noStore = true;
  if (Object.hasOwn(prohibitions, name)) {
    directives[prohibitions[name as keyof typeof prohibitions]] = true;
  } else if (Object.hasOwn(permissions, name)) {
    if (argument === undefined && !malformed) directives[permissions[name as keyof typeof permissions]] = true;
  } else if (Object.hasOwn(times, name)) {
    const key = times[name as keyof typeof times];
    const seconds = malformed ? 0 : (parseDelta(argument) ?? 0);
    const earlier = directives[key];
    // RFC 9111 §4.2.1: two different values conflict, and the response is taken for stale.
    directives[key] = earlier === undefined || earlier === seconds ? seconds : 0;
  } else if (name === 'no-cache') {
    directives.noCache = limitedTo(directives.noCache, argument, malformed);
  } else if (name === 'private') {
    directives.private = limitedTo(directives.private, argument, malformed);
  } else if (name === 'min-fresh') {
    const seconds = malformed ? undefined : parseDelta(argument);
    if (seconds !== undefined) directives.minFresh = Math.max(seconds, directives.minFresh ?? 0);
  } else if (name === 'max-stale') {
    const seconds = malformed ? undefined : argument === undefined ? Number.POSITIVE_INFINITY : parseDelta(argument);
    // A client that cannot say how stale is not given stale at all.
    directives.maxStale = Math.min(seconds ?? 0, directives.maxStale ?? Number.POSITIVE_INFINITY);
  }
}

/**
 * Whether something may be forbidden here that cannot be read: a name that is none (`"no-store`), a quote that is not
 * closed, or a prohibition within something else (`max-age=60|no-store`). What is ambiguous is not stored.
 */
function isAmbiguous(name: string, argument: string | undefined): boolean {
  if (name !== '' && !isToken(name)) return true;
  if (argument === undefined || unquote(argument) !== undefined) return false;
  return argument.includes('"') || /no-store|no-cache|private/i.test(argument);
}

/**
 * Whether a quoted string opens in a line that does not end there: joined with the next line, it would hide what that
 * says.
 */
export function hasOpenQuote(line: string): boolean {
  return withoutQuoted(line).replaceAll('""', '').includes('"');
}

/** RFC 9111 §1.2.2 and §5.2: digits, as a token or as a quoted string; undefined for anything else. */
function parseDelta(argument: string | undefined): number | undefined {
  if (argument === undefined) return undefined;
  const text = argument.startsWith('"') ? unquote(argument) : argument;
  if (text === undefined || !/^[0-9]+$/.test(text)) return undefined;
  return Math.min(Number(text), MAX_DELTA_SECONDS);
}

/**
 * Fields that reuse itself depends on. A directive that asks for one of them to be left out of what is stored asks for
 * what cannot be done to part of a response, and so counts for the whole of it.
 */
const indispensable = new Set([
  'age',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'expires',
  'vary',
]);

/**
 * The reach of a `no-cache` or `private` directive. Without an argument it is the whole response; so it is with one
 * that names nothing (`private=""`) or something that is no field name: what the origin wanted kept apart is not known
 * then.
 */
function limitedTo(
  earlier: boolean | readonly string[],
  argument: string | undefined,
  malformed: boolean,
): boolean | readonly string[] {
  if (earlier === true || argument === undefined || malformed) return true;
  const names = fieldNames(argument);
  if (names === undefined) return true;
  return [...new Set([...(earlier === false ? [] : earlier), ...names])].sort();
}

/** Fewer characters than a token may have: `private='x'` means the field x, or all, but hardly a field called "'x'". */
const fieldName = /^[a-z0-9_-]+$/;

/** The field names in the argument of a limited directive, in lower case; undefined when it is not a list of such. */
export function fieldNames(argument: string): string[] | undefined {
  const names = splitList(unquote(argument) ?? argument).map((name) => name.toLowerCase());
  return names.length > 0 && names.every((name) => fieldName.test(name) && !indispensable.has(name))
    ? names
    : undefined;
}
