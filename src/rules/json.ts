import { essenceOf } from '../http/media-type.ts';
import { isFaithful, scanJson, type WrittenNumber } from './json-scan.ts';
import type { ExactNumbers, Json } from './types.ts';

/** Deeper nesting is `too-deep`. Up to this depth, recursion over a body cannot exhaust the stack. */
export const MAX_JSON_DEPTH = 100;
/** For callers without a smaller bound: a parsed body takes several times its size in memory. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;

export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

const defaultLimits: JsonLimits = { maxBytes: MAX_JSON_BYTES, maxDepth: MAX_JSON_DEPTH };

/** From here on, doubles are more than 1 apart and cannot represent every integer. */
const FIRST_INEXACT = 2 ** 53;

// RFC 8259 §8.1: UTF-8, and a byte order mark may be ignored (the decoder drops it).
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a body as JSON for placeholders to select from.
 *
 * The content type alone does not decide: many APIs label their JSON `text/html` or not at all, and a wildcard fallback
 * on each of their writes would be useless. So any object or array is accepted, unless the type clearly says otherwise
 * (an image, a form). A bare scalar needs a JSON type.
 *
 * A duplicate member makes the body `ambiguous` (RFC 8259 §4: some parsers take the first, some the last): the gateway
 * must not resolve 7 where the origin read 9.
 */
export function parseJson(
  body: Uint8Array | string,
  contentType: string | undefined,
  limits: JsonLimits = defaultLimits,
): Json {
  const kind = kindOf(contentType);
  if (body.length === 0) return { missing: 'absent' };
  if (kind === 'other') return { missing: 'not-json' };
  if (body.length > limits.maxBytes) return { missing: 'too-large' };
  const text = decode(body);
  if (text === undefined) return { missing: kind === 'json' ? 'malformed' : 'not-json' };
  const start = text.trimStart().charAt(0);
  // White space only: some servers end an empty body with a line feed.
  if (start === '') return { missing: 'absent' };
  if (kind === 'unknown' && start !== '{' && start !== '[') return { missing: 'not-json' };
  const scan = scanJson(text, limits.maxDepth);
  if (scan === 'too-deep') return { missing: 'too-deep' };
  try {
    const value: unknown = JSON.parse(text);
    const inexact = scan.numbers.filter((number) => !isFaithful(number.literal));
    if (scan.members === 0 && inexact.length === 0) return { value };
    return inexact.length === 0
      ? checked(value, [], scan.members)
      : checked(marked(text, inexact), inexact, scan.members);
  } catch (error) {
    if (error instanceof SyntaxError) return { missing: 'malformed' };
    throw error;
  }
}

function kindOf(contentType: string | undefined): 'json' | 'unknown' | 'other' {
  if (contentType === undefined) return 'unknown';
  const essence = essenceOf(contentType);
  if (essence === 'application/json' || essence === 'text/json' || essence.endsWith('+json')) return 'json';
  const other = /^(?:image|audio|video|font|multipart)\/|[/+](?:xml|x-www-form-urlencoded|pdf|zip|gzip)$/;
  return other.test(essence) ? 'other' : 'unknown';
}

function decode(body: Uint8Array | string): string | undefined {
  if (typeof body === 'string') return body.startsWith('\uFEFF') ? body.slice(1) : body;
  try {
    return utf8.decode(body);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/**
 * Parses the text with each inexact number replaced by a double at or above 2^53 that encodes its index. Every number
 * that large in the text is itself inexact and replaced, so each such double in the result is a marker.
 */
function marked(text: string, inexact: readonly WrittenNumber[]): unknown {
  let replaced = '';
  let from = 0;
  for (const [i, { start, literal }] of inexact.entries()) {
    replaced += text.slice(from, start) + String(FIRST_INEXACT + 2 * i);
    from = start + literal.length;
  }
  return JSON.parse(replaced + text.slice(from));
}

/** Counts the members that remain, and puts the marked numbers back, keeping their literals. */
function checked(root: unknown, inexact: readonly WrittenNumber[], members: number): Json {
  if (typeof root !== 'object' || root === null) {
    return { value: typeof root === 'number' && inexact.length > 0 ? Number(inexact[0]?.literal) : root };
  }
  const exact = new Map<object, Map<string, string>>();
  const waiting: object[] = [root];
  let left = 0;
  const visit = (holder: object, key: string | number, value: unknown): void => {
    if (typeof value === 'object' && value !== null) {
      waiting.push(value);
    } else if (typeof value === 'number' && value >= FIRST_INEXACT) {
      const literal = inexact[(value - FIRST_INEXACT) / 2]?.literal as string;
      (holder as Record<string | number, unknown>)[key] = Number(literal);
      keep(exact, holder, String(key), literal);
    }
  };
  for (let holder = waiting.pop(); holder !== undefined; holder = waiting.pop()) {
    if (Array.isArray(holder)) {
      for (let i = 0; i < holder.length; i++) visit(holder, i, holder[i]);
    } else {
      const record = holder as Record<string, unknown>;
      const keys = Object.keys(record);
      left += keys.length;
      for (const key of keys) visit(holder, key, record[key]);
    }
  }
  if (left !== members) return { missing: 'ambiguous' };
  return exact.size === 0 ? { value: root } : { value: root, exact };
}

function keep(exact: Map<object, Map<string, string>>, holder: object, key: string, literal: string): void {
  const known = exact.get(holder);
  if (known === undefined) exact.set(holder, new Map([[key, literal]]));
  else known.set(key, literal);
}

/** How a number in `holder` was written, if a double cannot represent it. */
export function exactNumber(exact: ExactNumbers | undefined, holder: object, key: string | number): string | undefined {
  return exact?.get(holder)?.get(String(key));
}
