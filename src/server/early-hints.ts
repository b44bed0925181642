import type { ServerResponse } from 'node:http';
import { type FieldLines, valuesByName } from '../http/fields.ts';
import { isSendable, statusLine } from './answer-head.ts';

/**
 * What Node's HTTP server takes as one `Link` of a 103. Its own expression for that takes years to refuse a value with
 * fifty parameters, so it is asked about none that it would refuse.
 */
const hint = /^<[^>]*>(?:\s*;\s*[^;"\s]+(?:="[^;"\s]*")?)*$/;

/** Writes a 103 (RFC 8297). RFC 9110 §15.2 lets a proxy leave out what it cannot forward. */
export function writeHints(response: ServerResponse, lines: FieldLines): void {
  const hints = hintsOf(lines);
  if (isSent(hints)) response.writeEarlyHints(hints);
}

/** The 103 as `writeHints` has Node write it; undefined if nothing is written. */
export function hintsText(lines: FieldLines): string | undefined {
  const { link, ...others } = hintsOf(lines);
  if (!isSent({ link }) || !isSendable(lines)) return undefined;
  let text = `${statusLine(103)}Link: ${link.join(', ')}\r\n`;
  for (const [name, values] of Object.entries(others)) text += `${name}: ${values.join(',')}\r\n`;
  return `${text}\r\n`;
}

const isSent = ({ link }: { readonly link: readonly string[] }): boolean =>
  link.length > 0 && link.every((value) => hint.test(value));

/** The values by name, in lower case, with the names in the order of the lines. */
function hintsOf(lines: FieldLines): { readonly link: string[]; readonly [name: string]: string[] } {
  return { link: [], ...Object.fromEntries(valuesByName(lines)) };
}
