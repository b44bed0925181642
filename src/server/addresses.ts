import { isIPv6 } from 'node:net';
import type { Client } from '../exchange/ports.ts';

/** Groups of 16 bits of an IPv6 address that tell clients apart: one client can have a whole /64. */
const IPV6_GROUPS = 4;

const ipv4 = /^[0-9.]+$/;

/** What identifies one client among addresses: an IPv4 address, or the first 64 bits of an IPv6 one. */
export function clientOf(address: string): string {
  if (ipv4.test(address)) return address;
  const plain = address.replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const first = groups(head);
  // "::" stands for as many zeros as are missing.
  const missing = tail === undefined ? 0 : 8 - first.length - groups(tail).length;
  const all = [...first, ...Array<string>(Math.max(0, missing)).fill('0'), ...groups(tail ?? '')];
  const numbers = all.slice(0, IPV6_GROUPS).map((group) => Number.parseInt(group, 16).toString(16));
  return `${numbers.join(':')}::/64`;
}

/** The client of a request. Its address is computed when it is first asked for: a hit does not need it. */
export class RequestClient implements Client {
  readonly #peer: string;
  readonly #forwarded: string | undefined;
  #address: string | undefined;

  /** `forwarded`: the address that a trusted peer names, empty if it names none; undefined: the peer is not trusted. */
  constructor(peer: string, forwarded: string | undefined) {
    this.#peer = peer;
    this.#forwarded = forwarded;
  }

  get address(): string {
    this.#address ??= clientOf(this.#forwarded || this.#peer);
    return this.#address;
  }

  get isProxy(): boolean {
    return this.#forwarded !== undefined && this.address === clientOf(this.#peer);
  }
}
