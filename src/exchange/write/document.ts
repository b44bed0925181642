import { systemClock } from '../../clock.ts';
import { parseHttpDate } from '../../http/date.ts';
import { parseEntityTag } from '../../http/etag.ts';
import type { Fields } from '../../http/fields.ts';
import { strongEtag } from '../../http/validation.ts';
import type { CurrentState } from '../../http/write-conditions.ts';
import { parseJson } from '../../rules/json.ts';
import type { Body } from '../../rules/nodes.ts';

/** The representation that a write would replace, as the origin has it now. */
export interface Current extends CurrentState {
  /** Without a content coding. */
  readonly body: Buffer;
  readonly headers: Fields;
  /** The origin's own entity tag, if it is strong. */
  readonly originEtag: string | undefined;
}

/** A representation as one that a write would replace. */
export function currentOf(body: Buffer, headers: Fields): Current {
  const written = headers.get('etag');
  const originEtag = parseEntityTag(written)?.weak === false ? written : undefined;
  const ofBody = (): string => strongEtag(body);
  // Only the century of a two-digit year depends on the second argument.
  const lastModifiedMs = parseHttpDate(headers.get('last-modified') ?? '', systemClock.wall());
  const tags = originEtag === undefined ? { etag: ofBody() } : { etag: originEtag, others: () => [ofBody()] };
  return { body, headers, originEtag, ...tags, lastModifiedMs };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A JSON text with its value. */
export interface Document {
  readonly text: string;
  readonly json: Body;
}

/** A body as a document that can be merged; otherwise why it is none. */
export function documentOf(body: Buffer, headers: Fields): Document | { readonly why: string } {
  const json = parseJson(body, headers.get('content-type'));
  // Valid UTF-8, or it would not be JSON. A byte order mark is left out: it is no part of the text (RFC 8259 §8.1).
  if ('value' in json) return { text: utf8.decode(body), json };
  const reasons: Partial<Record<typeof json.missing, string>> = {
    absent: 'it is empty',
    ambiguous: 'it names a member twice',
    malformed: 'it is malformed JSON',
    'too-deep': 'it is nested too deeply',
    'too-large': 'it is too long',
  };
  return { why: reasons[json.missing] ?? 'it is not JSON' };
}
