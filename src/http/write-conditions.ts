import { parseHttpDate } from './date.ts';
import { type EntityTag, parseEntityTag, parseEntityTags, weakMatch } from './etag.ts';
import type { Fields } from './fields.ts';

/** What a write would replace; undefined if there is nothing. */
export interface CurrentState {
  /** The entity tag that reads of the resource give. */
  readonly etag: string;
  /**
   * Tags that reads give in other circumstances: where what compresses before the origin weakens its own, or to clients
   * that prefer another representation. Made on demand.
   */
  readonly others?: () => readonly string[];
  readonly lastModifiedMs: number | undefined;
}

/** The fields of conditions. A gateway that has evaluated them does not pass them on. */
export const conditionFields: ReadonlySet<string> = new Set([
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
]);

/** Whether the conditions of a write hold (RFC 9110 §13.2.2), or the field whose condition does not. */
export function failedCondition(request: Fields, current: CurrentState | undefined): string | undefined {
  const ifMatch = request.get('if-match');
  // Step 1, and step 2 only without it.
  if (ifMatch !== undefined) {
    if (!matchesState(ifMatch, current)) return 'If-Match';
  } else if (isModifiedSince(request.get('if-unmodified-since'), current)) return 'If-Unmodified-Since';
  // Step 3. Steps 4 and 5 are for reads.
  const ifNoneMatch = request.get('if-none-match');
  return ifNoneMatch !== undefined && listsState(ifNoneMatch, current) ? 'If-None-Match' : undefined;
}

/** §13.1.1: strong comparison. */
function matchesState(ifMatch: string, current: CurrentState | undefined): boolean {
  const listed = parseEntityTags(ifMatch);
  if (current === undefined || listed === '*') return current !== undefined;
  // A weak tag of the origin identifies no bytes: it never matches (RFC 9110 §8.8.3.2).
  return someTagOf(current, (tag) => !tag.weak && listed.some((each) => isTagOf(each, tag)));
}

/** §13.1.2: weak comparison. */
function listsState(ifNoneMatch: string, current: CurrentState | undefined): boolean {
  const listed = parseEntityTags(ifNoneMatch);
  if (current === undefined || listed === '*') return current !== undefined;
  return someTagOf(current, (tag) => listed.some((each) => weakMatch(each, tag) || isTagOf(each, tag)));
}

function someTagOf({ etag, others }: CurrentState, matches: (tag: EntityTag) => boolean): boolean {
  const isMatch = (text: string): boolean => {
    const tag = parseEntityTag(text);
    return tag !== undefined && matches(tag);
  };
  return isMatch(etag) || others?.().some(isMatch) === true;
}

/** What servers append to the tag of what they compress: Apache "-gzip", Jetty "--gzip", Caddy "-gz", this gateway. */
const codingSuffix = /(?:-unstale-|--|[-;:])(?:gzip|gz|br|deflate|zstd)$/;

/** Whether a tag says that it is that of a coded body, so that it is known whose tag it is without the coding. */
export const namesCoding = ({ opaque }: EntityTag): boolean => codingSuffix.test(opaque);

/**
 * Whether a client's tag is one that we gave for this state. nginx weakens the tags of what it compresses, and others
 * append to them: the state is the same, and the client cannot send the tag that it never saw.
 */
function isTagOf({ opaque }: EntityTag, { opaque: own }: EntityTag): boolean {
  return opaque === own || opaque.replace(codingSuffix, '') === own;
}

/** §13.1.4: ignored if it is not a date, or if the resource has none. */
function isModifiedSince(ifUnmodifiedSince: string | undefined, current: CurrentState | undefined): boolean {
  const modified = current?.lastModifiedMs;
  if (ifUnmodifiedSince === undefined || modified === undefined) return false;
  const since = parseHttpDate(ifUnmodifiedSince, modified);
  return since !== undefined && modified > since;
}

/** Whether a write says what it expects: a state that the client has read, or that there is none. */
export function hasRequiredCondition(request: Fields): boolean {
  return request.has('if-match') || request.get('if-none-match')?.trim() === '*';
}

export function hasConditionOfWrite(request: Fields): boolean {
  return request.has('if-match') || request.has('if-none-match') || request.has('if-unmodified-since');
}
