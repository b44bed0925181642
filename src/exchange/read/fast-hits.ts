import { lengthOf } from '../../http/content.ts';
import { parseEntityTag } from '../../http/etag.ts';
import { type FieldLines, Fields, headText, isFieldValue, without } from '../../http/fields.ts';
import { isToken } from '../../http/list.ts';
import { ownText } from '../../http/own-memory.ts';
import { evaluatePreconditions } from '../../http/validation.ts';
import { parseTarget } from '../../route/path.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { AskedFields } from '../asked-fields.ts';
import { cacheKey, plainKey } from '../cache-key.ts';
import { credentialQuery } from '../credentials.ts';
import { type FastHit, KEPT_BODY_BYTES, type Route, type RouteTable } from '../ports.ts';
import { decide } from './decide.ts';
import { type Form, formFor } from './encoder.ts';
import { type Holder, type PreparedForm, PreparedForms } from './prepared-forms.ts';
import type { ReadPorts } from './read-ports.ts';
import { ofBody } from './respond.ts';

/** By target. Those that are retired are not in it. */
type KnownTargets = Map<string, Prepared>;

/** What is known of a form of a stored response before anybody asks for it. */
class Prepared implements PreparedForm {
  isUsed = false;
  /** What answers `target` at `site`, if that is known, and as long as it is stored. */
  stored: StoredResponse | undefined = undefined;
  target = '';
  site = '';
  readonly #known: KnownTargets;
  readonly route: Route;
  readonly head: string;
  tail: string | undefined = undefined;
  readonly etag: string | undefined;
  /** A client that sends `etag` as it stands has the current representation. */
  readonly isEtagValid: boolean;
  /** The lines of a 304. */
  readonly bareHead: string;

  constructor({ clientHeaders, etag }: Form, route: Route, known: KnownTargets) {
    this.#known = known;
    this.route = route;
    // What was put together of pieces would keep them all, in twice the memory.
    this.head = ownText(headText(clientHeaders));
    this.etag = etag;
    this.isEtagValid = parseEntityTag(etag) !== undefined;
    this.bareHead = ownText(headText(without(clientHeaders, (name) => ofBody.has(name))));
  }

  /** From now on, a request for `target` at `site` needs no look-up. */
  answers(stored: StoredResponse, target: string, site: string): void {
    this.stored = stored;
    // It is cut from the request.
    this.target = ownText(target);
    this.site = site;
    this.#known.set(this.target, this);
  }

  retire(): void {
    this.stored = undefined;
    if (this.#known.get(this.target) === this) this.#known.delete(this.target);
  }
}

/** Targets that are their own canonical form: the path as it was sent is the path of the key, and the resource. */
const canonical = /^(?:\/|(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)(?:\?[!"$-[\]-~]+)?$/;
/** Fields that the server frames an answer with, or treats in a way of its own. */
const ofFraming = new Set(['connection', 'content-length', 'expect', 'keep-alive', 'trailer', 'transfer-encoding']);
/** What a prepared form takes besides its texts: objects, and a place in the order in which they are forgotten. */
const OVERHEAD_BYTES = 400;
/** What the caller keeps of an answer besides its body. */
const TAIL_BYTES = 150;
/** What it takes to know by its target what it answers, besides that text and the site. */
const KNOWN_BYTES = 80;

/**
 * Finds hits for requests that are known by their text alone. It answers what `read` would answer from memory, by the
 * same functions, and leaves all else to it: whatever is undefined here is asked there again.
 */
export class FastHits {
  readonly #ports: Pick<ReadPorts, 'store' | 'clock' | 'cursor' | 'variances' | 'encoder'>;
  readonly #routes: RouteTable;
  readonly #prepared: PreparedForms;
  /** What was asked for at another host with the same target is looked up. */
  readonly #known: KnownTargets = new Map();
  /** The site of the last that became known. Nearly all have the same one: it is one text for them. */
  #site = '';

  /** @param maxBytes of what is prepared */
  constructor(
    ports: Pick<ReadPorts, 'store' | 'clock' | 'cursor' | 'variances' | 'encoder'>,
    routes: RouteTable,
    maxBytes: number,
  ) {
    this.#prepared = new PreparedForms(maxBytes);
    this.#ports = ports;
    this.#routes = routes;
  }

  /** For GET and HEAD without a body, a range, or conditions that only the origin may evaluate. */
  find(target: string, asked: AskedFields): FastHit | undefined {
    const known = this.#known.get(target);
    if (known?.stored !== undefined && known.site === asked.site && this.#ports.variances.isEmpty) {
      if (!known.isUsed) known.isUsed = true;
      if (this.#ports.store.selectSole(known.stored)) return this.#hit(known.stored, known, asked);
    }
    if (!canonical.test(target)) return undefined;
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    // With `No-Vary-Search`, another part of the query is in the key.
    if (this.#ports.variances.of({ scheme: asked.scheme, host: asked.host, target: { path } })) return undefined;
    const key = plainKey(asked.site, path, mark < 0 ? '' : target.slice(mark + 1));
    const headers = asked.hasCookie ? asked.under(this.#routes.find(path).route).headers : asked.headers;
    const stored = this.#ports.store.select(key, headers);
    if (stored === undefined) return undefined;
    const used = useOf(stored);
    const prepared = used ?? this.#prepare(stored);
    if (prepared === 'none') return undefined;
    // Asked for a second time, and alone under its key: the next time, it is not looked up.
    if (used !== undefined && stored.isSole && prepared.stored === undefined) {
      if (this.#site !== asked.site) this.#site = ownText(asked.site);
      prepared.answers(stored, target, this.#site);
    }
    return this.#hit(stored, prepared, asked);
  }

  #hit(stored: StoredResponse, whole: Prepared, asked: AskedFields): FastHit | undefined {
    const { route } = whole;
    const { headers, credentials, directives } = asked.under(route);
    const now = this.#ports.clock.wall();
    const policy = route.policy.cache;
    const decision = decide({ policy, stored, otherVariant: false, credentials, directives, now });
    if (decision.kind !== 'hit') return undefined;
    const form = stored.codings === undefined ? stored : formFor(headers, stored);
    const sent = form === stored ? whole : this.#coded(stored, form, route);
    if (sent === 'none') return undefined;
    if (stored.codings !== undefined) this.#ports.encoder.want(headers, stored);
    const { ageMs } = decision;
    const isCurrent = asked.isConditional && isNotModified(stored, sent, { asked, headers });
    return {
      route,
      path: stored.path,
      status: isCurrent ? 304 : stored.status,
      head: isCurrent ? sent.bareHead : sent.head,
      content: form.content,
      age: Math.floor(Math.max(0, ageMs) / 1000),
      ttl: Math.floor((stored.lifetimeMs - ageMs) / 1000),
      cursor: route.policy.client.eventCursor && ageMs < stored.lifetimeMs ? this.#ports.cursor() : undefined,
      kept: sent.isUsed ? sent : undefined,
    };
  }

  #prepare(stored: StoredResponse): Prepared | 'none' {
    const { route } = this.#routes.find(stored.path);
    const isPlain = stored.part === undefined && hasPlainKey(stored, route) && isSendable(stored.clientHeaders);
    const { status, key } = stored;
    if (isPlain && hasBody(status)) return this.#add(stored, route, key.length + KNOWN_BYTES);
    // The HTTP server answers with it. To know that takes no memory.
    stored.prepared = 'none';
    return 'none';
  }

  #coded(stored: StoredResponse, form: Form, route: Route): Prepared | 'none' {
    const known = useOf(form);
    if (known !== undefined) return known;
    // Some forms are made for one client.
    const isKept = Object.values(stored.encoded ?? {}).some((encoded) => encoded === form);
    if (!isKept || !isSendable(form.clientHeaders)) return 'none';
    return this.#add(form, route, 0);
  }

  #add(form: Form, route: Route, moreBytes: number): Prepared {
    const prepared = new Prepared(form, route, this.#known);
    const { head, bareHead } = prepared;
    const length = lengthOf(form.content);
    const tailBytes = length <= KEPT_BODY_BYTES ? TAIL_BYTES + length : 0;
    this.#prepared.add(form, prepared, OVERHEAD_BYTES + moreBytes + head.length + bareHead.length + tailBytes);
    return prepared;
  }
}

/** What is prepared already is used with this. What is prepared now is not: most of a crawl is asked for once. */
function useOf({ prepared }: Holder): Prepared | 'none' | undefined {
  const known = prepared as Prepared | 'none' | undefined;
  if (known === undefined || known === 'none') return known;
  // Most are: a hit on many different ones should write to as little memory as it can.
  if (!known.isUsed) known.isUsed = true;
  return known;
}

function isNotModified(
  stored: StoredResponse,
  { etag, isEtagValid }: Prepared,
  { asked, headers }: { asked: AskedFields; headers: Fields },
): boolean {
  const { status } = stored;
  // Browsers send back the one tag that they have.
  if (isEtagValid && asked.ifNoneMatch === etag && status >= 200 && status <= 299) return true;
  const { lastModifiedMs, dateMs } = stored;
  return evaluatePreconditions(headers, { status, etag, lastModifiedMs, dateMs }, 'GET') === 'not-modified';
}

/** Whether its key consists of nothing but the site, the path and the query, as requests have them. */
function hasPlainKey({ key, path: resource }: StoredResponse, { policy: { cache } }: Route): boolean {
  const [site = '', path = '', query = '', ...others] = key.split('\n');
  const [, scheme, host] = /^(https?):\/\/(.+)$/.exec(site) ?? [];
  const text = query === '' ? path : `${path}?${query}`;
  if (cache.off || others.length > 0 || host === undefined || !canonical.test(text)) return false;
  const target = parseTarget(text);
  const asker = { scheme: scheme === 'https' ? 'https' : 'http', host, trusted: false, headers: noFields } as const;
  return (
    target.resource === resource &&
    credentialQuery(query, cache) === '' &&
    cacheKey({ ...asker, target }, cache) === key
  );
}

const noFields = new Fields([]);

function isSendable(lines: FieldLines): boolean {
  let isDated = false;
  for (let i = 0; i < lines.length; i += 2) {
    const name = (lines[i] as string).toLowerCase();
    if (!isToken(name)) return false;
    if (ofFraming.has(name) || !isFieldValue(lines[i + 1] as string)) return false;
    if (name === 'date') isDated = true;
  }
  // Node would add a `Date`.
  return isDated;
}

/** RFC 9110 §6.4.1: other statuses have no body, and no length. */
function hasBody(status: number): boolean {
  return status >= 200 && status <= 599 && status !== 204 && status !== 205 && status !== 304;
}
