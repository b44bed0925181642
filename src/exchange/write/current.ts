import { GatewayError } from '../../errors.ts';
import { parseHttpDate } from '../../http/date.ts';
import { parseEntityTag } from '../../http/etag.ts';
import type { Fields } from '../../http/fields.ts';
import { strongEtag } from '../../http/validation.ts';
import type { CurrentState } from '../../http/write-conditions.ts';
import { parseJson } from '../../rules/json.ts';
import type { Body } from '../../rules/nodes.ts';
import { askOrigin } from '../ask-origin.ts';
import { decodedBody, readAnswerUpTo } from '../body.ts';
import { forwardFields } from '../forward.ts';
import type { BeforeAddress } from './before.ts';

/** The representation that a write would replace, as the origin has it now. */
export interface Current extends CurrentState {
  /** Without a content coding. */
  readonly body: Buffer;
  readonly headers: Fields;
  /** The origin's own entity tag, if it is strong. */
  readonly originEtag: string | undefined;
}

/**
 * Reads the current representation from the origin, with the writer's credentials and preferences: never a copy, which
 * may be older than the last write. Undefined if there is none.
 * @throws GatewayError currentUnreadable: the write must not be forwarded; OriginError
 */
export async function readCurrent({ get, route }: BeforeAddress, maxBytes: number): Promise<Current | undefined> {
  const accepted = get.headers.has('accept') ? [] : ['Accept', 'application/json, */*;q=0.1'];
  const headers = [
    ...forwardFields(get, route.policy.client),
    ...accepted,
    // The octets themselves are compared and merged. A cache before the origin must not answer for it.
    ...['Accept-Encoding', 'identity', 'Cache-Control', 'no-cache'],
  ];
  const answer = await askOrigin({ request: get, route }, { headers, asOriginTags: true });
  const { status } = answer;
  if (status !== 200) {
    answer.body.destroy();
    if (status === 404 || status === 410) return undefined;
    throw new GatewayError('currentUnreadable', `the API answered a GET of this resource with ${status}`);
  }
  const read = await readAnswerUpTo(answer.body, maxBytes);
  if (!('whole' in read)) {
    answer.body.destroy();
    throw new GatewayError('currentUnmergeable', `it is longer than ${maxBytes} bytes`);
  }
  const body = decodedBody(read.whole, answer.headers);
  if (body === undefined) throw new GatewayError('currentUnmergeable', 'it has a content coding that cannot be undone');
  const written = answer.headers.get('etag');
  const tag = parseEntityTag(written);
  const originEtag = tag?.weak === false ? written : undefined;
  return {
    body,
    headers: answer.headers,
    originEtag,
    etag: originEtag ?? strongEtag(body),
    lastModifiedMs: parseHttpDate(answer.headers.get('last-modified') ?? '', Date.now()),
  };
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
