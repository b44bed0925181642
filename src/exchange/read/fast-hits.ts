import { parseEntityTag } from '../../http/etag.ts';
import { type FieldLines, Fields, headText, without } from '../../http/fields.ts';
import { isToken } from '../../http/list.ts';
import { evaluatePreconditions } from '../../http/validation.ts';
import { parseTarget } from '../../route/path.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { AskedFields } from '../asked-fields.ts';
import { cacheKey } from '../cache-key.ts';
import { credentialQuery } from '../credentials.ts';
import type { FastHit, Route, RouteTable } from '../ports.ts';

import { decide } from './decide.ts';
import { type Form, formFor } from './encoder.ts';
import { Generations } from './generations.ts';
import type { ReadPorts } from './read-ports.ts';
import { ofBody } from './respond.ts';

/** What is known of a stored response before anybody asks for it. */
interface Prepared {
  readonly route: Route;
  readonly whole: PreparedForm;
}

interface PreparedForm {
  readonly etag: string | undefined;
  /** A client that sends `etag` as it stands has the current representation. */
  readonly isEtagValid: boolean;
  readonly head: string;
  /** The lines of a 304. */
  readonly bareHead: string;
}

/** Targets that are their own canonical form: the path as it was sent is the path of the key, and the resource. */
const canonical = /^(?:\/|(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)(?:\?[!"$-[\]-~]+)?$/;
/** Fields that the server frames an answer with, or treats in a way of its own. */
const ofFraming = new Set(['connection', 'content-length', 'expect', 'keep-alive', 'trailer', 'transfer-encoding']);
/** What Node refuses in a header line. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;
/** Stored responses, and codings of them, whose lines are kept as text. Bounds what that holds to some ten MiB. */
const MAX_PREPARED = 16_384;

/**
 * Finds hits for requests that are known by their text alone. It answers what `read` would answer from memory, by the
 * same functions, and leaves all else to it: whatever is undefined here is asked there again.
 */
export class FastHits {
  readonly #ports: Pick<ReadPorts, 'store' | 'clock' | 'variances' | 'encoder'>;
  readonly #routes: RouteTable;
  readonly #prepared = new Generations<StoredResponse, Prepared | 'none'>(MAX_PREPARED);
  readonly #codings = new Generations<FieldLines, PreparedForm>(MAX_PREPARED);

  constructor(ports: Pick<ReadPorts, 'store' | 'clock' | 'variances' | 'encoder'>, routes: RouteTable) {
    this.#ports = ports;
    this.#routes = routes;
  }

  /** For GET and HEAD without a body, a range, or conditions that only the origin may evaluate. */
  find(target: string, asked: AskedFields): FastHit | undefined {
    if (!canonical.test(target)) return undefined;
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    // With `No-Vary-Search`, another part of the query is in the key.
    if (this.#ports.variances.of({ scheme: asked.scheme, host: asked.host, target: { path } })) return undefined;
    const key = `${asked.site}\n${path}\n${mark < 0 ? '' : target.slice(mark + 1)}`;
    const headers = asked.hasCookie ? asked.under(this.#routes.find(path).route).headers : asked.headers;
    const stored = this.#ports.store.select(key, headers);
    if (stored === undefined) return undefined;
    const prepared = this.#prepared.get(stored) ?? this.#prepare(stored);
    return prepared === 'none' ? undefined : this.#hit(stored, prepared, asked);
  }

  #hit(stored: StoredResponse, { route, whole }: Prepared, asked: AskedFields): FastHit | undefined {
    const { headers, credentials, directives } = asked.under(route);
    const now = this.#ports.clock.wall();
    const policy = route.policy.cache;
    const decision = decide({ policy, stored, otherVariant: false, credentials, directives, now });
    if (decision.kind !== 'hit') return undefined;
    const form = stored.codings === undefined ? stored : formFor(headers, stored);
    const sent = form === stored ? whole : this.#coded(stored, form);
    if (sent === undefined) return undefined;
    if (stored.codings !== undefined) this.#ports.encoder.want(headers, stored);
    const { ageMs } = decision;
    const ttl = Math.floor((stored.lifetimeMs - ageMs) / 1000);
    const isCurrent = asked.isConditional && isNotModified(stored, sent, { asked, headers });
    const { path } = stored;
    if (isCurrent) return { route, path, status: 304, head: sent.bareHead, body: form.body, ageMs, ttl };
    return { route, path, status: stored.status, head: sent.head, body: form.body, ageMs, ttl };
  }

  #prepare(stored: StoredResponse): Prepared | 'none' {
    const { route } = this.#routes.find(stored.path);
    const isPlain = stored.part === undefined && hasPlainKey(stored, route) && isSendable(stored.clientHeaders);
    const prepared = isPlain && hasBody(stored.status) ? { route, whole: preparedForm(stored) } : 'none';
    this.#prepared.set(stored, prepared);
    return prepared;
  }

  /** Undefined for a form that was made for one client. */
  #coded(stored: StoredResponse, form: Form): PreparedForm | undefined {
    const known = this.#codings.get(form.clientHeaders);
    if (known !== undefined) return known;
    const isShared = Object.values(stored.encoded ?? {}).some((encoded) => encoded === form);
    if (!isShared || !isSendable(form.clientHeaders)) return undefined;
    const made = preparedForm(form);
    this.#codings.set(form.clientHeaders, made);
    return made;
  }
}

function preparedForm({ clientHeaders, etag }: Form): PreparedForm {
  return {
    etag,
    isEtagValid: parseEntityTag(etag) !== undefined,
    head: headText(clientHeaders),
    bareHead: headText(without(clientHeaders, (name) => ofBody.has(name))),
  };
}

function isNotModified(
  { status, lastModifiedMs, dateMs }: StoredResponse,
  { etag, isEtagValid }: PreparedForm,
  { asked, headers }: { asked: AskedFields; headers: Fields },
): boolean {
  // Browsers send back the one tag that they have.
  if (isEtagValid && asked.ifNoneMatch === etag && status >= 200 && status <= 299) return true;
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
    if (ofFraming.has(name) || unsendable.test(lines[i + 1] as string)) return false;
    if (name === 'date') isDated = true;
  }
  // Node would add a `Date`.
  return isDated;
}

/** RFC 9110 §6.4.1: other statuses have no body, and no length. */
function hasBody(status: number): boolean {
  return status >= 200 && status <= 599 && status !== 204 && status !== 205 && status !== 304;
}
