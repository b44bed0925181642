import { type FieldLines, withValues } from './fields.ts';

/** An origin that is asked by another name than the client used: what it says of itself names that. */
export interface AskedAs {
  /** The `Host` that it gets. */
  readonly host: string;
  /** Its URL, perhaps with a base path. */
  readonly url: string;
}

/** How the client reaches what the origin answers. */
export interface SeenAs {
  readonly scheme: 'http' | 'https';
  /** With the port, if one was given. */
  readonly host: string;
}

/** The request lines with another `Host`. */
export function withHost(lines: FieldLines, host: string): string[] {
  return withValues(lines, (name, value) => (name === 'host' ? host : value));
}

/**
 * The lines of an answer with what clients see in place of the origin's own name, as reverse proxies do: absolute URLs
 * in `Location`, `Content-Location` and `Link`, and the `Domain` of cookies. What names another host, or is outside of
 * the origin's base path, stays. Undefined if nothing has to change.
 */
export function mappedLines(lines: FieldLines, asked: AskedAs, seen: SeenAs): string[] | undefined {
  let changed = false;
  const mapped = withValues(lines, (name, value) => {
    const other = mappedValue(name, value, asked, seen);
    changed ||= other !== value;
    return other;
  });
  return changed ? mapped : undefined;
}

function mappedValue(name: string, value: string, asked: AskedAs, seen: SeenAs): string {
  switch (name) {
    case 'location':
    case 'content-location':
      return mappedUrl(value, asked, seen);
    case 'link':
      // RFC 8288 §3: targets are in angle brackets. What stands in quotes is a parameter.
      return value.replace(linkTarget, (whole, url: string | undefined, end: string | undefined) =>
        url === undefined || end !== '>' ? whole : `<${mappedUrl(url, asked, seen)}>`,
      );
    case 'set-cookie':
      return mappedCookie(value, asked, seen);
    default:
      return value;
  }
}

/** What is not terminated matches up to the end, so that each character is looked at once. */
const linkTarget = /"(?:[^"\\]|\\.)*(?:"|\\?$)|<([^>]*)(>|$)/gs;

/** RFC 3986 §3: scheme, authority and the rest. A network-path reference (§4.2) has no scheme. */
const absolute = /^(?:https?:)?\/\/([^/?#]*)(.*)$/is;

function mappedUrl(url: string, asked: AskedAs, seen: SeenAs): string {
  const [, authority, rest = ''] = absolute.exec(url) ?? [];
  if (authority === undefined || !namesOf(asked).has(withoutDefaultPort(authority))) return url;
  const base = new URL(asked.url).pathname.replace(/\/+$/, '');
  if (!rest.startsWith(base) || !/^(?:[/?#]|$)/.test(rest.slice(base.length))) return url;
  const below = rest.slice(base.length);
  return `${seen.scheme}://${seen.host}${below.startsWith('/') ? below : `/${below}`}`;
}

/** The authorities by which an origin may name itself, in lower case and without a default port. */
function namesOf({ host, url }: AskedAs): ReadonlySet<string> {
  const own = new URL(url);
  const names = [withoutDefaultPort(own.host), withoutDefaultPort(host)];
  // Known by name, and listening elsewhere: some name both.
  if (own.port !== '') names.push(`${hostnameOf(host)}:${own.port}`);
  return new Set(names);
}

/** An origin behind something that ends TLS says `http:` of itself, and one that redirects to TLS `https:`. */
function withoutDefaultPort(authority: string): string {
  return authority.toLowerCase().replace(/:(?:80|443)?$/, '');
}

function hostnameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '');
}

const domainAttribute = /(;[ \t]*domain[ \t]*=[ \t]*)\.?([^;]*)/i;

/**
 * A client refuses a cookie for a domain that it is not in (RFC 6265 §5.3). It gets the cookie for the host it knows.
 */
function mappedCookie(cookie: string, asked: AskedAs, seen: SeenAs): string {
  const client = hostnameOf(seen.host);
  return cookie.replace(domainAttribute, (whole, before: string, written: string) => {
    const domain = written.trim().toLowerCase();
    const isOwn = [hostnameOf(asked.host), new URL(asked.url).hostname].some((name) => isWithin(name, domain));
    if (!isOwn || isWithin(client, domain)) return whole;
    // An address or a name without a dot is no domain: the cookie is for that host alone.
    return /[^\d.:[\]]/.test(client) && client.includes('.') ? `${before}${client}` : '';
  });
}

function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}
