import { Readable } from 'node:stream';
import type { GatewayConfig } from '../config/model.ts';
import { acceptedAmong } from '../http/content-coding.ts';
import { codedEtag, parseEntityTag, parseEntityTags, weakMatch } from '../http/etag.ts';
import { type FieldLines, Fields, without } from '../http/fields.ts';
import { isIncremental } from '../http/incremental.ts';
import { isRead } from '../http/methods.ts';
import { strongEtag } from '../http/validation.ts';
import { namesCoding } from '../http/write-conditions.ts';
import { resourceOf, withoutQuery } from '../route/path.ts';
import { parsePattern, patternShape, patternsOverlap } from '../route/pattern.ts';
import { SpelledPatterns } from '../rules/spelled-patterns.ts';
import { formsOf, type Spellings } from '../rules/spellings.ts';
import { parseTemplate } from '../rules/template.ts';
import { bodyOf, decodedBody, knownCodings, readAnswerUpTo } from './body.ts';
import type { AnswerBody, Origin, OriginRequest, OriginResponse } from './ports.ts';

/** Whether reads of a resource get the gateway's own entity tags, because the conditions of its writes need one. */
export type NeedsEtag = (resource: string) => boolean;

/** Undefined if no resource does. */
export function etagsNeeded(
  { writes, routes }: Pick<GatewayConfig, 'writes' | 'routes'>,
  spellings: Spellings,
): NeedsEtag | undefined {
  const conditional = writes.filter(({ precondition }) => precondition !== 'off');
  if (conditional.length === 0) return undefined;
  const patterns = new SpelledPatterns(spellings);
  for (const { pattern } of conditional) patterns.add(pattern, {});
  const shapesOf = (pattern: string): readonly string[] =>
    formsOf(patternShape(parsePattern(pattern)), spellings.folded);
  const written = conditional.flatMap(({ pattern }) => shapesOf(pattern));
  // What such a write replaces may be read at another path.
  for (const { match, before } of routes) {
    if (before === undefined) continue;
    const isWritten = shapesOf(match).some((shape) => written.some((other) => patternsOverlap(shape, other)));
    if (isWritten) patterns.add(patternOfPlaces(before), {});
  }
  return (resource) => patterns.firstCandidates(resource).length > 0;
}

/** The paths that a template may name, whatever its placeholders stand for. */
function patternOfPlaces(template: string): string {
  const segments = parseTemplate(template, 'path').segments.map((segment) => {
    if (typeof segment === 'string') return segment;
    return segment.every((piece) => typeof piece === 'string') ? segment.join('').replaceAll(':', '%3A') : '*';
  });
  return `/${segments.join('/')}`;
}

/**
 * An origin whose answers to a GET carry a strong entity tag where writes need one: its own if that is strong, and not
 * of a coded body; otherwise one of the body. With a weak one no `If-Match` ever holds (RFC 9110 §13.1.1), so it is
 * replaced, and the origin is not asked to confirm a copy by a weak one or by a date.
 */
export class TaggedOrigin implements Origin {
  readonly #origin: Origin;
  readonly #needs: NeedsEtag;
  readonly #maxBytes: number;

  /** @param maxBytes longer answers are passed on as they come: they are too long for a protected write, too */
  constructor(origin: Origin, needs: NeedsEtag, maxBytes: number) {
    this.#origin = origin;
    this.#needs = needs;
    this.#maxBytes = maxBytes;
  }

  get askedAs(): Origin['askedAs'] {
    return this.#origin.askedAs;
  }

  get serverErrors(): Origin['serverErrors'] {
    return this.#origin.serverErrors;
  }

  get circuit(): Origin['circuit'] {
    return this.#origin.circuit;
  }

  get ownFields(): Origin['ownFields'] {
    return this.#origin.ownFields;
  }

  fetch(request: OriginRequest): Promise<OriginResponse> {
    const isTagged = isRead(request) && request.asOriginTags !== true && this.#needs(pathOf(request.target));
    return isTagged ? this.#fetchTagged(request) : this.#origin.fetch(request);
  }

  async #fetchTagged(request: OriginRequest): Promise<OriginResponse> {
    const answer = await this.#origin.fetch({ ...request, headers: readable(strongConditions(request.headers)) });
    const { status } = answer;
    if ((status !== 200 && status !== 203) || isIncremental(answer.headers)) return answer;
    if (isStrong(answer.headers)) return answer;
    return this.#tagged(request, answer);
  }

  async #tagged(request: OriginRequest, answer: OriginResponse): Promise<OriginResponse> {
    const lines = without(answer.headers.lines, (name) => name === 'etag');
    // Without the body, the tag that a GET would give is not known. A different one would be worse than none.
    if (request.method === 'HEAD') return { ...answer, headers: new Fields(lines) };
    const read = await readAnswerUpTo(answer.body, this.#maxBytes);
    if (!('whole' in read)) {
      read.rest.unshift(read.head);
      return { ...answer, body: bodyOf(read.rest) };
    }
    const body = decodedBody(read.whole, answer.headers);
    if (body === undefined) {
      // Beyond the limits of decoding, or in a coding that was not asked for.
      const [coded, asked] = [{ ...answer, body: held(read.whole) }, acceptedOf(request.headers)];
      return asked === 'identity' ? coded : this.fetch({ ...request, headers: accepting(request.headers, 'identity') });
    }
    const made = strongEtag(body);
    const etag = (body === read.whole ? made : codedEtag(made, codingOf(answer.headers))) ?? made;
    lines.push('ETag', etag);
    // The origin does not know this tag: whether the client has that representation is decided here.
    if (!isListed(etag, request.headers)) return { ...answer, headers: new Fields(lines), body: held(read.whole) };
    const kept = without(lines, (name) => name.startsWith('content-') && name !== 'content-location');
    return { ...answer, status: 304, headers: new Fields(kept), body: held(Buffer.alloc(0)) };
  }
}

/**
 * Whether a write can name the tag. A strong one of a coded body may be of the coded bytes. What is written is read
 * without a coding, and has another tag then.
 */
function isStrong(headers: Fields): boolean {
  const tag = parseEntityTag(headers.get('etag'));
  if (tag === undefined || tag.weak) return false;
  return codingOf(headers) === '' || namesCoding(tag);
}

function codingOf(headers: Fields): string {
  const coding = (headers.get('content-encoding') ?? '').trim().toLowerCase();
  return coding === 'identity' ? '' : coding;
}

/** Without the codings that the gateway cannot undo: a tag of the body could not be made. */
function readable(lines: FieldLines): FieldLines {
  const accepted = acceptedOf(lines);
  return accepted === undefined ? lines : accepting(lines, acceptedAmong(accepted, knownCodings));
}

const acceptedOf = (lines: FieldLines): string | undefined => new Fields(lines).get('accept-encoding');

function accepting(lines: FieldLines, codings: string): FieldLines {
  return [...without(lines, (name) => name === 'accept-encoding'), 'Accept-Encoding', codings];
}

/**
 * The fields of a read without the conditions that an origin may confirm by a weak tag or a date. The client would keep
 * a copy without a strong tag, and none of its writes could name one in `If-Match`.
 */
function strongConditions(lines: FieldLines): FieldLines {
  const listed = new Fields(lines).get('if-none-match');
  const tags = listed === undefined ? [] : parseEntityTags(listed);
  const kept = without(lines, (name) => name === 'if-modified-since' || (name === 'if-none-match' && tags !== '*'));
  const strong = tags === '*' ? [] : tags.filter(({ weak }) => !weak).map(({ opaque }) => `"${opaque}"`);
  return strong.length === 0 ? kept : [...kept, 'If-None-Match', strong.join(', ')];
}

/** RFC 9110 §13.1.2: weak comparison. */
function isListed(etag: string, lines: FieldLines): boolean {
  const listed = parseEntityTags(new Fields(lines).get('if-none-match') ?? '');
  const tag = parseEntityTag(etag);
  return listed !== '*' && tag !== undefined && listed.some((each) => weakMatch(each, tag));
}

const pathOf = (target: string): string => resourceOf(withoutQuery(target));

function held(whole: Buffer): AnswerBody {
  return { whole: () => whole, stream: () => Readable.from([whole]), destroy: () => {} };
}
