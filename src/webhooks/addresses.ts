import { isIP } from 'node:net';
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';

/** Addresses that are public by their numbers, and lead to the machine's own cloud all the same. */
const METADATA = [ipaddr.IPv4.parse('168.63.129.16')];

/** What of IPv6 is routed on the internet today (RFC 4291 §2.4, IANA's registry). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** RFC 6052 §2.1: a network with IPv6 alone reaches every IPv4 address by these. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/** Which addresses may be connected to: public ones, and those that the configuration allows. */
export class AddressPolicy {
  readonly #allowed: readonly [IPv4 | IPv6, number][];

  /** @param allow addresses and blocks, as the configuration has checked them */
  constructor(allow: readonly string[]) {
    this.#allowed = allow.map((written) => {
      if (written.includes('/')) return ipaddr.parseCIDR(written);
      const address = ipaddr.parse(written);
      return [address, address.kind() === 'ipv4' ? 32 : 128];
    });
  }

  /** Why an address is refused. Undefined: it may be connected to. A name is none, and refused. */
  refusal(text: string): string | undefined {
    if (isIP(text) === 0) return 'not an address';
    // As written and, where one stands for an IPv4 address, as that.
    const forms = formsOf(ipaddr.parse(text));
    if (forms.some((form) => this.#isAllowed(form))) return undefined;
    return kindOf(forms.at(-1) as IPv4 | IPv6);
  }

  #isAllowed(address: IPv4 | IPv6): boolean {
    return this.#allowed.some(([network, bits]) => isWithin(address, network, bits));
  }
}

function formsOf(address: IPv4 | IPv6): (IPv4 | IPv6)[] {
  if (!isIPv6(address)) return [address];
  if (address.isIPv4MappedAddress()) return [address, address.toIPv4Address()];
  if (!address.match(NAT64)) return [address];
  return [address, new ipaddr.IPv4(address.toByteArray().slice(-4))];
}

/** What keeps an address from being public: `private`, `loopback`, `linkLocal`, … */
function kindOf(address: IPv4 | IPv6): string | undefined {
  const range = address.range();
  if (range !== 'unicast') return range;
  if (isIPv6(address)) return address.match(GLOBAL_UNICAST) ? undefined : 'reserved';
  return METADATA.some((metadata) => metadata.toString() === address.toString()) ? 'metadata' : undefined;
}

function isWithin(address: IPv4 | IPv6, network: IPv4 | IPv6, bits: number): boolean {
  if (isIPv6(address)) return isIPv6(network) && address.match(network, bits);
  return !isIPv6(network) && address.match(network, bits);
}

const isIPv6 = (address: IPv4 | IPv6): address is IPv6 => address.kind() === 'ipv6';
