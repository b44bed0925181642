import { type Fields, valuesOf } from '../http/fields.ts';
import { trimWhitespace } from '../http/list.ts';

const FIELD = 'idempotency-key';
/** A UUID has 36. Keys are hashed, so a longer one would take no memory, but it is no key either. */
const MAX_KEY_LENGTH = 255;

/** RFC 9651 §3.3.3: visible ASCII and spaces, in which `"` and `\` are escaped. */
const string = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
/** Most clients send the key without quotes, as Stripe has it. */
const bare = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]+$/;

/**
 * The key in `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a structured string, or the same characters
 * without quotes. Both spellings are one key.
 */
export function idempotencyKeyOf(headers: Fields): { readonly key: string } | 'missing' | 'malformed' {
  const values = valuesOf(headers.lines, FIELD);
  if (values.length === 0) return 'missing';
  // Two keys would be two promises.
  if (values.length > 1) return 'malformed';
  const value = trimWhitespace(values[0] as string);
  const quoted = string.exec(value)?.[1]?.replace(/\\(["\\])/g, '$1');
  const key = quoted ?? (bare.test(value) ? value : '');
  return key === '' || key.length > MAX_KEY_LENGTH ? 'malformed' : { key };
}
