import { isFieldValue } from '../http/fields.ts';
import { isToken } from '../http/list.ts';
import { resourceOf } from '../route/path.ts';

/* What was kept outside of this process is sent to clients, so a head that no node would have written is not used. */

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isFlag: Check = (value) => typeof value === 'boolean';
/** Milliseconds, of a lifetime or since 1970: far below where sums lose precision. */
const isTime: Check = (value) => typeof value === 'number' && Math.abs(value) < 1e15;
const isDuration: Check = (value) => isTime(value) && (value as number) >= 0;
const isSeconds: Check = (value) => typeof value === 'number' && value >= 0;
const isValue: Check = (value) => typeof value === 'string' && isFieldValue(value);
const isName: Check = (value) => typeof value === 'string' && isToken(value);
const isCoding: Check = (value) => value === 'br' || value === 'gzip';
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

/** The gateway writes these fields itself. A second one would split the response in two. */
const framing = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'trailer', 'upgrade']);

const isLines =
  (allowsFraming: boolean): Check =>
  (value) =>
    Array.isArray(value) &&
    value.length % 2 === 0 &&
    value.every((text, i) => (i % 2 === 0 ? isName(text) : isValue(text))) &&
    (allowsFraming || value.every((text, i) => i % 2 === 1 || !framing.has(String(text).toLowerCase())));

const isLimit: Check = (value) => typeof value === 'boolean' || listOf(isName)(value);

const directives = shapeOf({
  noStore: isFlag,
  public: isFlag,
  mustRevalidate: isFlag,
  proxyRevalidate: isFlag,
  mustUnderstand: isFlag,
  immutable: isFlag,
  noTransform: isFlag,
  onlyIfCached: isFlag,
  noCache: isLimit,
  private: isLimit,
  maxAge: optional(isSeconds),
  sMaxage: optional(isSeconds),
  minFresh: optional(isSeconds),
  staleWhileRevalidate: optional(isSeconds),
  staleIfError: optional(isSeconds),
  maxStale: (value) => value === undefined || value === null || isSeconds(value),
});

const response = shapeOf({
  key: isText,
  path: isText,
  tags: listOf(isText),
  status: (value) => value === 200,
  headers: isLines(true),
  clientHeaders: isLines(false),
  vary: listOf(isName),
  selecting: listOf(isText),
  codings: optional(listOf(isCoding)),
  directives: (value) => hasShape(value, directives),
  lifetimeMs: isDuration,
  initialAgeMs: isDuration,
  respondedAt: isTime,
  shareable: isFlag,
  etag: optional(isValue),
  // Earlier versions have written these two, which follow from the fields.
  lastModifiedMs: optional(isTime),
  dateMs: optional(isTime),
  language: optional(isValue),
});

/** Whether a node can have written this decoded head: the right form, of the path that its key names. */
export function isSoundHead(head: unknown): boolean {
  if (!hasShape(head, response)) return false;
  const { key, path, tags, vary, selecting } = head as Record<'key' | 'path', string> &
    Record<'tags' | 'vary' | 'selecting', string[]>;
  const isOfItsKey = resourceOf(key.split('\n')[1] ?? '') === path && tags.includes(`p:${path}`);
  return isOfItsKey && vary.length === selecting.length;
}

/** Whether it is a list of names no longer than an origin's `Vary` may be (http/vary.ts). */
export function isVaryList(names: unknown, max: number): names is string[] {
  return listOf(isName)(names) && (names as unknown[]).length <= max;
}

/** Made once: a load checks a million heads. */
interface Shape {
  readonly names: ReadonlySet<string>;
  readonly checks: readonly (readonly [name: string, check: Check])[];
}

function shapeOf(checks: Readonly<Record<string, Check>>): Shape {
  return { names: new Set(Object.keys(checks)), checks: Object.entries(checks) };
}

function hasShape(value: unknown, { names, checks }: Shape): value is Record<string, unknown> {
  if (!isRecord(value)) return false;
  for (const name of Object.keys(value)) if (!names.has(name)) return false;
  for (const [name, check] of checks) if (!check(value[name])) return false;
  return true;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
