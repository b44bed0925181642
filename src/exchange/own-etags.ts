import { Readable } from 'node:stream';
import type { GatewayConfig } from '../config/model.ts';
import { codedEtag, parseEntityTag } from '../http/etag.ts';
import { Fields, without } from '../http/fields.ts';
import { isIncremental } from '../http/incremental.ts';
import { strongEtag } from '../http/validation.ts';
import { resourceOf } from '../route/path.ts';
import { PatternTrie } from '../route/pattern.ts';
import type { Spellings } from '../rules/spellings.ts';
import { bodyOf, decodedBody, readAnswerUpTo } from './body.ts';
import type { AnswerBody, Origin, OriginRequest, OriginResponse } from './ports.ts';

/** Whether reads of a resource get the gateway's own entity tags, because the conditions of its writes need one. */
export type NeedsEtag = (resource: string) => boolean;

/** Undefined if no resource does. */
export function etagsNeeded({ writes }: Pick<GatewayConfig, 'writes'>, spellings: Spellings): NeedsEtag | undefined {
  const conditional = writes.filter(({ precondition }) => precondition !== 'off');
  if (conditional.length === 0) return undefined;
  const trie = new PatternTrie<true>();
  for (const { pattern } of conditional) trie.add(pattern, true);
  return (resource) => {
    const plain = spellings.plain(resource);
    return trie.first(resource) !== undefined || (plain !== undefined && trie.first(plain) !== undefined);
  };
}

/**
 * An origin whose answers to a GET of such a resource carry a strong entity tag: its own, or one of the body. A weak one
 * is replaced: no `If-Match` with it would ever hold (RFC 9110 §13.1.1).
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

  get ownFields(): Origin['ownFields'] {
    return this.#origin.ownFields;
  }

  async fetch(request: OriginRequest): Promise<OriginResponse> {
    const answer = await this.#origin.fetch(request);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || request.asOriginTags === true || answer.status !== 200 || isIncremental(answer.headers))
      return answer;
    if (parseEntityTag(answer.headers.get('etag'))?.weak === false || !this.#needs(pathOf(request.target)))
      return answer;
    const lines = without(answer.headers.lines, (name) => name === 'etag');
    // Of a HEAD the body is not known: no tag is better than another one than that of the GET.
    if (request.method === 'HEAD') return { ...answer, headers: new Fields(lines) };
    const read = await readAnswerUpTo(answer.body, this.#maxBytes);
    if (!('whole' in read)) {
      read.rest.unshift(read.head);
      return { ...answer, body: bodyOf(read.rest) };
    }
    const coding = (answer.headers.get('content-encoding') ?? '').trim().toLowerCase();
    const body = decodedBody(read.whole, answer.headers);
    if (body === undefined) return { ...answer, body: held(read.whole) };
    const etag = strongEtag(body);
    lines.push('ETag', (body === read.whole ? etag : codedEtag(etag, coding)) ?? etag);
    return { ...answer, headers: new Fields(lines), body: held(read.whole) };
  }
}

const pathOf = (target: string): string => resourceOf(target.split('?', 1)[0] as string);

function held(whole: Buffer): AnswerBody {
  return { whole: () => whole, stream: () => Readable.from([whole]), destroy: () => {} };
}
