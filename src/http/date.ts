import { ownText } from './own-memory.ts';

/**
 * HTTP dates (RFC 9110 §5.6.7): the preferred form and the two obsolete ones that recipients must accept. `Date.parse`
 * accepts far more, and a wrong date can make a response fresh, so the forms are matched exactly. Only case is ignored,
 * because some servers send `gmt`.
 */
const shortDay = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const longDay = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const month = '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const time = '(\\d{2}):(\\d{2}):(\\d{2})';

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
const imfFixdate = new RegExp(`^${shortDay}, (\\d{2}) ${month} (\\d{4}) ${time} GMT$`, 'i');
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const rfc850 = new RegExp(`^${longDay}, (\\d{2})-${month}-(\\d{2}) ${time} GMT$`, 'i');
/** `Sun Nov  6 08:49:37 1994` */
const asctime = new RegExp(`^${shortDay} ${month} ([ \\d]\\d) ${time} (\\d{4})$`, 'i');

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** RFC 9110 §5.6.7: a two-digit year further ahead than this belongs to the previous century. */
const MAX_YEARS_AHEAD = 50;

interface Civil {
  year: number;
  month: string;
  day: string;
  hour: string;
  minute: string;
  second: string;
}

/**
 * Milliseconds since the epoch; undefined for anything that is not an HTTP date. `nowMs` determines the century of a
 * two-digit year. The day name is not checked: senders get it wrong, and it adds no information.
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  if (text === '') return undefined;
  if (text === lastParsed.text) return lastParsed.ms;
  let match = imfFixdate.exec(text);
  if (match !== null) {
    const [, day = '', month = '', year = '', hour = '', minute = '', second = ''] = match;
    const ms = toMs({ year: Number(year), month, day, hour, minute, second });
    lastParsed = { text: ownText(text), ms };
    return ms;
  }
  match = rfc850.exec(text);
  if (match !== null) {
    const [, day = '', month = '', year = '', hour = '', minute = '', second = ''] = match;
    return toMs({ year: fullYear(Number(year), nowMs), month, day, hour, minute, second });
  }
  match = asctime.exec(text);
  if (match !== null) {
    const [, month = '', day = '', hour = '', minute = '', second = '', year = ''] = match;
    return toMs({ year: Number(year), month, day, hour, minute, second });
  }
  return undefined;
}

/** In the preferred form. Nearly all that come within one second are the same, and one fill reads its `Date` thrice. */
let lastParsed: { readonly text: string; readonly ms: number | undefined } = { text: '', ms: undefined };

/** The preferred form, rounded down to the second. @param ms since the epoch, in the years 0 to 9999 */
export function formatHttpDate(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== last.second) last = { second, text: new Date(ms).toUTCString() };
  return last.text;
}

/** Nearly all are formatted for the present second. */
let last = { second: Number.NaN, text: '' };

function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const latest = thisYear + MAX_YEARS_AHEAD;
  return latest - ((((latest - twoDigits) % 100) + 100) % 100);
}

function toMs(civil: Civil): number | undefined {
  const hour = Number(civil.hour);
  const minute = Number(civil.minute);
  const second = Number(civil.second);
  // 60 is a leap second (RFC 9110 §5.6.7); Date treats it as the first second of the next minute.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const monthIndex = months.indexOf(civil.month.toLowerCase());
  const day = Number(civil.day);
  // Date.UTC maps the years 0 to 99 to 1900 to 1999, and rolls 31 April over into May.
  const date = new Date(0);
  date.setUTCFullYear(civil.year, monthIndex, day);
  if (date.getUTCDate() !== day) return undefined;
  return date.setUTCHours(hour, minute, second, 0);
}
