import { AskedFields } from '../exchange/asked-fields.ts';
import { isLoop } from '../http/connection.ts';
import { Fields } from '../http/fields.ts';
import { clientView } from '../http/forwarded.ts';
import { isRead } from '../http/methods.ts';
import { parseTarget, type RequestTarget, TargetError } from '../route/path.ts';
import { RequestClient } from './addresses.ts';
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
  readonly method: string;
  readonly isRead: boolean;
  readonly target: string;
  readonly block: string;
  /** In octets. */
  readonly length: number;
}

/** The fields of a request. */
export interface StrictFields {
  readonly asked: AskedFields;
  /** The client asks for the connection to be closed behind the answer. */
  readonly closes: boolean;
  /** A read may be answered by a hit that was prepared for its key alone. */
  readonly mayHit: boolean;
  /** `Content-Length`; undefined: there is none. */
  readonly bodyLength: number | undefined;
}

const VERSION = 'HTTP/1.1\r\n';

const EMPTY_LINE = '\r\n\r\n';
/** Of methods but GET. */
const OTHER_STARTS = ['HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'].map((method) => ({ method, start: `${method} /` }));

/**
 * The head of a read or a write whose target is a path; that of a read ends the text. Undefined for everything else.
 * The fields are not looked at yet.
 * @param text a character for each octet
 */
export function strictHead(text: string): StrictHead | undefined {
  const method = text.startsWith('GET /') ? 'GET' : OTHER_STARTS.find(({ start }) => text.startsWith(start))?.method;
  if (method === undefined) return undefined;
  const from = method.length + 1;
  const to = text.indexOf(' ', from);
  if (to < 0 || !text.startsWith(VERSION, to + 1)) return undefined;
  const reads = isRead({ method });
  const length = reads ? text.length : text.indexOf(EMPTY_LINE, to) + EMPTY_LINE.length;
  return {
    method,
    isRead: reads,
    target: text.slice(from, to),
    block: text.slice(to + 1 + VERSION.length, length),
    length,
  };
}

/**
 * Header lines that every parser reads alike: a name, a colon, one space, a value that begins and ends with a visible
 * character, CRLF; and behind them the empty line, and nothing.
 */
const strictBlock = /^(?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)+\r\n$/;

/** Fields that are left to the HTTP server: bodies of unknown length, and protocols. */
const leftToServer: ReadonlySet<string> = new Set([
  ...['transfer-encoding', 'te', 'trailer', 'expect', 'upgrade', 'http2-settings', 'proxy-connection'],
]);

/** Fields that ask for more than what is stored: a part of it, or conditions that others evaluate. */
const notOfHits: ReadonlySet<string> = new Set([
  ...['range', 'if-range', 'if-match', 'if-unmodified-since', 'unstale-min-position'],
]);

/** Of a request that comes in one piece. */
const bodyLength = /^\d{1,5}$/;

/** The fields of a block, if it is one of the strict subset and nothing in it has to be left to the HTTP server. */
export function strictFields(block: string, { address, trusted, gateway }: Peer): StrictFields | undefined {
  if (!strictBlock.test(block)) return undefined;
  const lines = linesOf(block);
  let host: string | undefined;
  let connection: string | undefined;
  let length: string | undefined;
  let mayHit = true;
  for (let i = 0; i < lines.length; i += 2) {
    const name = (lines[i] as string).toLowerCase();
    const value = lines[i + 1] as string;
    if (leftToServer.has(name)) return undefined;
    if (name === 'connection') {
      if (connection !== undefined) return undefined;
      connection = value.toLowerCase();
    }
    if (name === 'content-length') {
      if (length !== undefined || !bodyLength.test(value)) return undefined;
      length = value;
    }
    if (notOfHits.has(name)) mayHit = false;
    if (name === 'via' && isLoop(lines, gateway)) return undefined;
    if (name !== 'host') continue;
    if (host !== undefined || !hostPattern.test(value)) return undefined;
    host = value.toLowerCase();
  }
  if (host === undefined) return undefined;
  const closes = connection === 'close';
  if (!closes && connection !== undefined && connection !== 'keep-alive') return undefined;
  const direct = { scheme: 'http', host } as const;
  const seen = trusted ? clientView(lines, { peer: address, trusted, ...direct }) : undefined;
  const { scheme, host: named } = seen ?? direct;
  const client = new RequestClient(address, seen?.address);
  return {
    asked: new AskedFields({ scheme, host: named, trusted, headers: new Fields(lines), client }),
    closes,
    mayHit: mayHit && !closes,
    bodyLength: length === undefined ? undefined : Number(length),
  };
}

/** The target of a strict head; undefined if it is none, as the HTTP server will say. */
export function strictTarget(target: string): RequestTarget | undefined {
  try {
    return parseTarget(target);
  } catch (error) {
    if (error instanceof TargetError) return undefined;
    throw error;
  }
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
