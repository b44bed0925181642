import { AskedFields } from '../exchange/asked-fields.ts';
import { isLoop } from '../http/connection.ts';
import { Fields } from '../http/fields.ts';
import { clientView } from '../http/forwarded.ts';
import { hostPattern } from './client-request.ts';

/** The peer of a connection, as far as it decides how its requests are read. */
export interface Peer {
  readonly address: string;
  /** Its forwarding fields are believed. */
  readonly trusted: boolean;
  /** What tells this gateway from others in `Via`. */
  readonly gateway: string;
}

/** A request line, and the fields behind it as they were sent, with the empty line. */
export interface StrictHead {
  readonly isGet: boolean;
  readonly target: string;
  readonly block: string;
}

const VERSION = 'HTTP/1.1\r\n';

/** Reads a GET or HEAD whose target is a path. Undefined for everything else; the fields are not looked at yet. */
export function strictHead(text: string): StrictHead | undefined {
  const isGet = text.startsWith('GET /');
  if (!isGet && !text.startsWith('HEAD /')) return undefined;
  const from = isGet ? 4 : 5;
  const to = text.indexOf(' ', from);
  if (to < 0 || !text.startsWith(VERSION, to + 1)) return undefined;
  return { isGet, target: text.slice(from, to), block: text.slice(to + 1 + VERSION.length) };
}

/**
 * Header lines that every parser reads alike: a name, a colon, one space, a value that begins and ends with a visible
 * character, CRLF; and behind them the empty line, and nothing.
 */
const strictBlock = /^(?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)+\r\n$/;

/**
 * Fields that are left to the HTTP server: bodies, ranges, protocols, and conditions that only the origin evaluates.
 */
const leftToServer: ReadonlySet<string> = new Set([
  ...['content-length', 'transfer-encoding', 'te', 'trailer', 'expect', 'upgrade', 'http2-settings'],
  ...['proxy-connection', 'range', 'if-range', 'if-match', 'if-unmodified-since', 'unstale-min-position'],
]);

/** The fields of a block, if it is one of the strict subset and nothing in it has to be left to the HTTP server. */
export function strictFields(block: string, { address, trusted, gateway }: Peer): AskedFields | undefined {
  if (!strictBlock.test(block)) return undefined;
  const lines = linesOf(block);
  let host: string | undefined;
  for (let i = 0; i < lines.length; i += 2) {
    const name = (lines[i] as string).toLowerCase();
    const value = lines[i + 1] as string;
    if (leftToServer.has(name)) return undefined;
    if (name === 'connection' && value.toLowerCase() !== 'keep-alive') return undefined;
    if (name === 'via' && isLoop(lines, gateway)) return undefined;
    if (name !== 'host') continue;
    if (host !== undefined || !hostPattern.test(value)) return undefined;
    host = value.toLowerCase();
  }
  if (host === undefined) return undefined;
  const direct = { scheme: 'http', host } as const;
  const seen = trusted ? clientView(lines, { peer: address, trusted, ...direct }) : direct;
  return new AskedFields({ scheme: seen.scheme, host: seen.host, trusted, headers: new Fields(lines) });
}

/** Names and values in turn. */
function linesOf(block: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at < block.length - 2; ) {
    const colon = block.indexOf(':', at);
    const end = block.indexOf('\r\n', colon);
    lines.push(block.slice(at, colon), block.slice(colon + 2, end));
    at = end + 2;
  }
  return lines;
}
