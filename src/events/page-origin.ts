import type { EventsCorsConfig } from '../config/model.ts';
import type { SubscriptionRequest } from './rights.ts';

/** Whether a page of this origin may read the answer (`Access-Control-Allow-Origin`). */
export function isListed(origin: string, cors: EventsCorsConfig | undefined): boolean {
  return cors?.origins.some((listed) => listed === '*' || listed === origin) === true;
}

/**
 * Whether the page that sent the request may use the cookies of its visitor: one of the gateway's own origin, or one
 * that the configuration names. Browsers send cookies for any page, and a WebSocket is not subject to CORS (RFC 6455
 * §10.2).
 */
export function mayUseCookies(
  { headers, scheme, host }: Pick<SubscriptionRequest, 'headers' | 'scheme' | 'host'>,
  cors: EventsCorsConfig | undefined,
): boolean {
  const origin = headers.get('origin');
  if (origin === undefined) {
    // Browsers leave the field out of a GET to the page's own origin, and of some that load images and scripts.
    const site = headers.get('sec-fetch-site');
    return site === undefined || site === 'same-origin' || site === 'none';
  }
  // TLS may end in front of the gateway, at a proxy that it does not trust to say so.
  if (origin === `https://${host}` || (origin === `${scheme}://${host}` && isLoopbackName(host))) return true;
  return cors?.credentials === true && cors.origins.includes(origin);
}

/**
 * Whether the page that opens a WebSocket may read what it is sent: one of the gateway's own host, or one that may read
 * the event stream. Browsers let every page open one, to a gateway that only they can reach, too (RFC 6455 §10.2).
 */
export function mayOpenSocket(
  { headers, host }: Pick<SubscriptionRequest, 'headers' | 'host'>,
  cors: EventsCorsConfig | undefined,
): boolean {
  const origin = headers.get('origin');
  if (origin === undefined || isListed(origin, cors)) return true;
  return origin === `https://${host}` || origin === `http://${host}`;
}

/** A page there cannot be another's. Elsewhere, whoever is on the network can write a page of `http:`. */
function isLoopbackName(host: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(host);
}
