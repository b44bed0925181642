import type { Entry } from './entry.ts';

/** Units of the duration that a log has after the fields of the combined format. */
export type DurationUnit = 's' | 'ms' | 'us';
const unitMs: Readonly<Record<DurationUnit, number>> = { s: 1000, ms: 1, us: 0.001 };

/** One line. `endedAt` is when it was logged, as finely as the log says. */
export interface ParsedLine {
  readonly entry: Entry;
  /** The log has whole seconds: what is within one is known by the order of lines alone. */
  readonly wholeSeconds: boolean;
  /** Undefined: the line has none. */
  readonly durationMs: number | undefined;
}

const quoted = /^ "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)(?= |$)/;
const requestLine = /^([A-Za-z][A-Za-z-]*) (\S+)(?: HTTP\/\d(?:\.\d)?)?$/;
const virtualHost = /^([\w.-]+):\d+$/;
const tokens = /"((?:[^"\\]|\\.)*)"|(\S+)/g;
/** `$request_time` of nginx always has decimals; sizes and counts never have. */
const decimals = /^\d{1,9}\.\d{1,6}$/;
const namedDuration = /^(?:rt|request_time)="?(\d{1,9}(?:\.\d{1,6})?)"?$/;

/**
 * Parses a line of the common or the combined log format (nginx, Apache), with or without the virtual host in front and
 * a duration behind.
 * @param unit of the first number after the standard fields; undefined: a number with decimals there is in seconds
 * @returns the reason if it is no such line
 */
export function parseLine(line: string, unit?: DurationUnit): ParsedLine | string {
  const open = line.indexOf(' [');
  const close = line.indexOf(']', open);
  if (open < 0 || close < 0) return 'no [time]';
  const written = line.slice(open + 2, close);
  const time = timeOf(written);
  if (time === undefined) return `"${written}" is no time of a log`;
  const rest = line.slice(close + 1);
  const match = quoted.exec(rest);
  if (match === null) return 'no "request" status bytes after the time';
  const [whole, request = '', status = '', bytes = ''] = match;
  const [, method, target] = requestLine.exec(request) ?? [];
  if (method === undefined || target === undefined) return 'the request is not an HTTP request line';
  const { fields, numbers, durationMs } = behind(rest.slice(whole.length), unit);
  const { host, user } = inFront(line.slice(0, open));
  const [referer, agent] = fields;
  const named = withHost(target, host);
  const headers = ['Host', named.host ?? 'localhost'];
  if (referer !== undefined && referer !== '-') headers.push('Referer', referer);
  if (agent !== undefined && agent !== '-') headers.push('User-Agent', agent);
  // The log names the user of HTTP authentication, so the request had credentials.
  if (user !== '-') headers.push('Authorization', `Basic ${Buffer.from(user).toString('base64')}`);
  const duration = durationMs ?? (unit === undefined ? undefined : scaled(numbers[0], unit));
  return {
    entry: {
      startedAt: time.at - (duration ?? 0),
      endedAt: time.at,
      method: method.toUpperCase(),
      ...named,
      status: Number(status),
      bytes: bytes === '-' ? 0 : Number(bytes),
      requestHeaders: headers,
      responseHeaders: [],
      bodies: undefined,
    },
    wholeSeconds: time.wholeSeconds,
    durationMs: duration,
  };
}

const scaled = (number: string | undefined, unit: DurationUnit): number | undefined =>
  number === undefined ? undefined : Number(number) * unitMs[unit];

/** What stands behind the size: the referrer, the user agent, and what else a log adds. */
function behind(text: string, unit: DurationUnit | undefined) {
  const fields: string[] = [];
  const numbers: string[] = [];
  let durationMs: number | undefined;
  for (const [, inQuotes, bare] of text.matchAll(tokens)) {
    if (inQuotes !== undefined && fields.length < 2) {
      fields.push(inQuotes);
      continue;
    }
    const token = inQuotes ?? bare ?? '';
    if (/^\d+(?:\.\d+)?$/.test(token)) numbers.push(token);
    const seconds = namedDuration.exec(token)?.[1] ?? (unit === undefined && decimals.test(token) ? token : undefined);
    if (seconds !== undefined) durationMs ??= Number(seconds) * 1000;
  }
  return { fields, numbers, durationMs };
}

/** What stands in front of the time: `host:port`, if the log has it, the address, the identity and the user. */
function inFront(text: string): { host: string | undefined; user: string } {
  const parts = text.split(' ');
  const host = virtualHost.exec(parts[0] ?? '')?.[1]?.toLowerCase();
  return { host, user: parts.slice(host === undefined ? 2 : 3).join(' ') || '-' };
}

/** The target in origin-form. One in absolute-form names the host itself (RFC 9112 §3.2.2). */
function withHost(target: string, host: string | undefined): { target: string; host: string | undefined } {
  if (!/^https?:\/\//i.test(target) || !URL.canParse(target)) return { target, host };
  const url = new URL(target);
  return { target: `${url.pathname}${url.search}`, host: url.host };
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const common = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(\.\d{1,6})?(?: ([+-])(\d{2})(\d{2}))?$/;
const iso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(?:Z|[+-]\d{2}:?\d{2})$/;
const epoch = /^\d{9,11}\.\d{3}$/;

function timeOf(text: string): { at: number; wholeSeconds: boolean } | undefined {
  const match = common.exec(text);
  if (match !== null) {
    const [, day, month = '', year, hour, minute, second, fraction, sign, zoneHours, zoneMinutes] = match;
    const index = months.indexOf(month);
    if (index < 0) return undefined;
    const seconds = Number(second) + Number(fraction ?? 0);
    const local = Date.UTC(Number(year), index, Number(day), Number(hour), Number(minute)) + seconds * 1000;
    const zoneMs = (Number(zoneHours ?? 0) * 60 + Number(zoneMinutes ?? 0)) * 60_000;
    return { at: Math.round(sign === '-' ? local + zoneMs : local - zoneMs), wholeSeconds: fraction === undefined };
  }
  if (epoch.test(text)) return { at: Math.round(Number(text) * 1000), wholeSeconds: false };
  const isoMatch = iso.exec(text);
  if (isoMatch === null) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : { at, wholeSeconds: isoMatch[1] === undefined };
}
