import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { GatewayConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import { isLoop } from '../http/connection.ts';
import { Fields } from '../http/fields.ts';
import { clientView } from '../http/forwarded.ts';
import { parseTarget, TargetError } from '../route/path.ts';
import { RequestClient } from './addresses.ts';

/** Request targets longer than this are refused: the cache key, the logs and the origin all hold them. */
export const MAX_TARGET_BYTES = 8 * 1024;

/** `Host` (RFC 9110 §7.2, RFC 3986 §3.2.2): a name, an address or a bracketed IPv6 address, and perhaps a port. */
export const hostPattern = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/**
 * A client's request, its framing and target checked beyond what Node checks. A request that two parties could read in
 * two ways is refused here, before anything is looked up or forwarded.
 * @throws GatewayError 400, 414, 417, 508
 */
export function clientRequest(message: IncomingMessage, trusted: TrustedProxies, gateway?: string): ClientRequest {
  const headers = new Fields(message.rawHeaders);
  checkFraming(message, headers);
  if (headers.has('via') && isLoop(message.rawHeaders, gateway))
    throw new GatewayError('loopDetected', 'an origin of this gateway leads back to it');
  const host = hostOf(headers);
  const peer = message.socket.remoteAddress ?? '';
  const isTrusted = trusted.includes(peer);
  // The origin is told the host and scheme that a trusted proxy names, so they must be in the cache key.
  const direct = { scheme: 'http', host } as const;
  const seen = isTrusted ? clientView(message.rawHeaders, { peer, trusted: true, ...direct }) : undefined;
  return {
    method: message.method ?? 'GET',
    target: targetOf(message.method ?? 'GET', message.url ?? '', host),
    scheme: seen?.scheme ?? direct.scheme,
    host: seen?.host ?? host,
    headers,
    peer,
    trusted: isTrusted,
    gateway,
    client: new RequestClient(peer, seen?.address),
  };
}

function checkFraming(message: IncomingMessage, headers: Fields): void {
  // RFC 9112 §2.3: another major version may mean something else by these bytes. Node accepts 2.0.
  if (message.httpVersionMajor !== 1) throw new GatewayError('badRequest', `HTTP/${message.httpVersion} is not HTTP/1`);
  const coding = headers.get('transfer-encoding');
  if (coding !== undefined) {
    // RFC 9112 §6.1: not for HTTP/1.0, nothing but one final "chunked", never together with a length.
    if (message.httpVersion !== '1.1') throw new GatewayError('badRequest', 'Transfer-Encoding needs HTTP/1.1');
    if (coding.toLowerCase() !== 'chunked') throw new GatewayError('badRequest', 'only "chunked" is a transfer coding');
    if (headers.has('content-length')) throw new GatewayError('badRequest', 'both a length and a transfer coding');
  }
  const length = headers.get('content-length');
  if (length !== undefined && !/^\d{1,15}$/.test(length))
    throw new GatewayError('badRequest', 'Content-Length is not a number');
  const expect = headers.get('expect');
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') throw new GatewayError('expectationFailed');
}

function hostOf(headers: Fields): string {
  // No comma is in a host: several lines never look like one.
  const host = headers.get('host') ?? '';
  if (hostPattern.test(host)) return host.toLowerCase();
  throw new GatewayError('badRequest', headers.all('host').length > 1 ? 'more than one Host' : 'Host is not a host');
}

function targetOf(method: string, raw: string, host: string): ClientRequest['target'] {
  if (raw.length > MAX_TARGET_BYTES) throw new GatewayError('uriTooLong', `the limit is ${MAX_TARGET_BYTES} bytes`);
  try {
    // RFC 9112 §3.2.4
    if (raw === '*' && method !== 'OPTIONS') throw new TargetError('only OPTIONS asks for "*"');
    if (raw === '*') return { path: '*', resource: '*', query: '' };
    if (raw.startsWith('/')) return parseTarget(raw);
    // RFC 9112 §3.2.2: absolute-form must be accepted; for another host than `Host` it would be routed past the key.
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(raw);
    if (absolute === null) throw new TargetError('the target is neither a path nor an http URI');
    if ((absolute[1] as string).toLowerCase() !== host)
      throw new TargetError('the target names another host than Host');
    const rest = absolute[2] as string;
    return parseTarget(rest.startsWith('/') ? rest : `/${rest}`);
  } catch (error) {
    if (error instanceof TargetError) throw new GatewayError('badRequest', error.message);
    throw error;
  }
}

/**
 * What tells this gateway from others in `Via`: the nodes of a cluster have one name, since a read that goes from one
 * to the other would wait for itself, too.
 */
export function nameInVia({ store: { redis } }: GatewayConfig): string {
  if (redis === undefined) return randomBytes(6).toString('base64url');
  return createHash('sha256').update(`${redis.prefix}:${redis.scope}`).digest('base64url').slice(0, 8);
}

/** The addresses and networks whose forwarding fields are believed. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** `networks`: addresses or CIDR networks; already validated by the configuration. */
  constructor(networks: readonly string[]) {
    this.#isEmpty = networks.length === 0;
    for (const network of networks) {
      const [address = '', prefix] = network.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(prefix), family);
    }
  }

  includes(peer: string): boolean {
    if (this.#isEmpty) return false;
    const address = peer.startsWith('::ffff:') ? peer.slice(7) : peer;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}
