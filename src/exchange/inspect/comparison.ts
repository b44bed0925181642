import type { Fields } from '../../http/fields.ts';
import { differences } from '../../rules/json-diff.ts';
import { decodedBody, readJson } from '../body.ts';

/** A complete answer. */
export interface Compared {
  readonly status: number;
  readonly headers: Fields;
  readonly body: Buffer;
}

/** What a stored response and what the API says now differ in. */
export type Deviation =
  /** The API no longer has it: 404 or 410. */
  | { readonly kind: 'gone'; readonly stored: number; readonly now: number }
  | { readonly kind: 'status'; readonly stored: number; readonly now: number }
  | {
      /** A header field by its name, or a member of the JSON body by its JSON Pointer. Undefined: not there. */
      readonly kind: 'field' | 'member';
      readonly at: string;
      readonly stored: string | undefined;
      readonly now: string | undefined;
    }
  /** `at`: the first octet that differs. `stored`, `now`: how many octets there are, without a content coding. */
  | { readonly kind: 'body'; readonly at: number; readonly stored: number; readonly now: number }
  /** So many more members differ. */
  | { readonly kind: 'more'; readonly members: number };

/**
 * Fields that are part of what clients get. Not those that differ each time (`Date`, request ids), nor a content
 * coding, which is undone first. `ETag` is: with an old one, a conditional write is refused.
 */
const comparedFields = [
  'content-type',
  'content-language',
  'content-location',
  'content-disposition',
  'location',
  'link',
  'vary',
  'etag',
];

const MAX_MEMBERS = 20;
const MAX_VALUE_LENGTH = 200;

/** Everything that differs. Of a representation that is gone, nothing more is compared. */
export function deviations(stored: Compared, now: Compared): Deviation[] {
  const statuses = { stored: stored.status, now: now.status };
  const isGone = (now.status === 404 || now.status === 410) && stored.status < 400;
  if (isGone) return [{ kind: 'gone', ...statuses }];
  if (stored.status !== now.status) return [{ kind: 'status', ...statuses }];
  return [...fieldDeviations(stored.headers, now.headers), ...bodyDeviations(stored, now)];
}

function fieldDeviations(stored: Fields, now: Fields): Deviation[] {
  return comparedFields.flatMap((name): Deviation[] => {
    const [before, after] = [stored.get(name), now.get(name)];
    return before === after ? [] : [{ kind: 'field', at: name, stored: shortened(before), now: shortened(after) }];
  });
}

function bodyDeviations(stored: Compared, now: Compared): Deviation[] {
  const [before, after] = [plainBody(stored), plainBody(now)];
  if (before.equals(after)) return [];
  const texts = [jsonText(stored), jsonText(now)] as const;
  if (texts[0] === undefined || texts[1] === undefined) {
    return [{ kind: 'body', at: firstDifference(before, after), stored: before.byteLength, now: after.byteLength }];
  }
  const members = differences(texts[0], texts[1]);
  const told = members
    .slice(0, MAX_MEMBERS)
    .map(({ at, from, to }): Deviation => ({ kind: 'member', at, stored: shortened(from), now: shortened(to) }));
  return members.length > told.length ? [...told, { kind: 'more', members: members.length - told.length }] : told;
}

/** As it is, if its coding is unknown. */
function plainBody({ body, headers }: Compared): Buffer {
  return decodedBody(body, headers) ?? body;
}

/** Undefined for anything but JSON whose members have one meaning. */
function jsonText(answer: Compared): string | undefined {
  return 'value' in readJson(answer.body, answer.headers) ? new TextDecoder().decode(plainBody(answer)) : undefined;
}

function firstDifference(a: Buffer, b: Buffer): number {
  const length = Math.min(a.byteLength, b.byteLength);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return length;
}

function shortened(text: string | undefined): string | undefined {
  return text === undefined || text.length <= MAX_VALUE_LENGTH ? text : `${text.slice(0, MAX_VALUE_LENGTH)}…`;
}
