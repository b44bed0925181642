import type { CacheControl } from '../http/cache-control.ts';
import type { Fields } from '../http/fields.ts';
import { requestDirectives } from '../http/request-directives.ts';
import { siteOf } from './cache-key.ts';
import { hasCredentials, withoutIdleCookies } from './credentials.ts';
import type { Client, ClientRequest, Route } from './ports.ts';

/** Each connection remembers for so many routes what they make of its fields; beyond that, it begins again. */
const MAX_ROUTES_KEPT = 16;

/** A request without its method and its target. */
export type Asker = Pick<ClientRequest, 'scheme' | 'host' | 'trusted' | 'headers' | 'client'>;

/** What the policy of one route makes of the fields of a request. */
interface UnderRoute {
  /** The fields that select a variant. */
  readonly headers: Fields;
  /** The fields carry credentials. */
  readonly credentials: boolean;
  /** Undefined if the route ignores them. */
  readonly directives: CacheControl | undefined;
}

/**
 * The fields of a request, and what reads make of them. A client sends the same fields with most of its requests, so
 * this is made once for many.
 */
export class AskedFields {
  readonly scheme: ClientRequest['scheme'];
  readonly host: string;
  readonly headers: Fields;
  readonly client: Client;
  /** The part of the cache key that does not depend on the target. */
  readonly site: string;
  readonly hasCookie: boolean;
  readonly ifNoneMatch: string | undefined;
  readonly isConditional: boolean;
  readonly #underRoutes = new Map<Route, UnderRoute>();

  constructor(asker: Asker) {
    this.scheme = asker.scheme;
    this.host = asker.host;
    this.headers = asker.headers;
    this.client = asker.client;
    this.site = siteOf(asker);
    this.hasCookie = asker.headers.has('cookie');
    this.ifNoneMatch = asker.headers.get('if-none-match');
    this.isConditional = this.ifNoneMatch !== undefined || asker.headers.has('if-modified-since');
  }

  under(route: Route): UnderRoute {
    const known = this.#underRoutes.get(route);
    if (known !== undefined) return known;
    const { cache } = route.policy;
    const { headers } = withoutIdleCookies(this, cache);
    const made: UnderRoute = {
      headers,
      credentials: hasCredentials({ headers, target: noTarget }, cache),
      directives: cache.requestDirectives === 'honour' ? requestDirectives(headers) : undefined,
    };
    if (this.#underRoutes.size >= MAX_ROUTES_KEPT) this.#underRoutes.clear();
    this.#underRoutes.set(route, made);
    return made;
  }
}

/** Credentials in the query are looked for where the target is known. */
const noTarget = { path: '', resource: '', query: '' };
