import { parseList } from 'structured-headers';

/** Why a request was forwarded (RFC 9211 §2.2). */
export type Forwarded = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial';

/** What this cache did with a request (RFC 9211 §2). */
export interface CacheStatus {
  readonly hit?: boolean | undefined;
  readonly fwd?: Forwarded | undefined;
  /** The status of the origin's response, if the client gets another one. */
  readonly fwdStatus?: number | undefined;
  readonly stored?: boolean | undefined;
  readonly collapsed?: boolean | undefined;
  /** The remaining freshness in seconds; negative if stale. */
  readonly ttl?: number | undefined;
  readonly detail?: string | undefined;
  readonly key?: string | undefined;
}

const CACHE_NAME = 'unstale';
/** A structured integer has at most 15 digits (RFC 9651 §3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;
/** Keys come from clients. A long one must not make the response head longer than the client accepts. */
const MAX_STRING_LENGTH = 256;
/** RFC 9651 §3.3.4 */
const token = /^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/;

/** This cache's member of `Cache-Status`: `unstale; hit; ttl=30`. */
export function formatCacheStatus(status: CacheStatus): string {
  let text = CACHE_NAME;
  // RFC 9211 §2.1, §2.2: `hit` excludes the parameters about forwarding.
  if (status.hit === true) {
    text += '; hit';
  } else {
    if (status.fwd !== undefined) text += `; fwd=${status.fwd}`;
    if (status.fwdStatus !== undefined) text += `; fwd-status=${integer(status.fwdStatus)}`;
    if (status.stored === true) text += '; stored';
    if (status.collapsed === true) text += '; collapsed';
  }
  if (status.ttl !== undefined) text += `; ttl=${integer(status.ttl)}`;
  if (status.key !== undefined) text += `; key=${quoted(status.key)}`;
  if (status.detail !== undefined && status.detail !== '') {
    text += `; detail=${token.test(status.detail) ? status.detail : quoted(status.detail)}`;
  }
  return text;
}

/** RFC 9651 §3.1 */
export function isStructuredList(value: string): boolean {
  try {
    parseList(value);
    return true;
  } catch {
    // The parser throws if the text is not a structured field (RFC 9651 §4.2).
    return false;
  }
}

function integer(value: number): string {
  return String(Math.min(Math.max(Math.floor(value), -MAX_INTEGER), MAX_INTEGER));
}

/** A structured string contains only visible ASCII and spaces (RFC 9651 §3.3.3); other characters become "?". */
export function quoted(text: string): string {
  const visible = text.slice(0, MAX_STRING_LENGTH).replace(/[^\x20-\x7e]/g, '?');
  return `"${visible.replace(/["\\]/g, '\\$&')}"`;
}
