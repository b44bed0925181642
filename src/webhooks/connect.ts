import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { AddressPolicy } from './addresses.ts';

/** For one address, and for the handshake of TLS. */
const CONNECT_TIMEOUT_MS = 5_000;
/** A name with more addresses is not tried to the end: an attempt has a limit of its own. */
const MAX_ADDRESSES = 8;

/** The network, as tests replace it. */
export interface Network {
  /** The addresses of a name. */
  resolve(name: string): Promise<readonly string[]>;
  /** A TCP connection that is not established yet. */
  dial(address: string, port: number): Socket;
  /** Certificates of authorities. Absent: those of the system. */
  readonly authorities?: string;
}

export const systemNetwork: Network = {
  resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  dial: (address, port) => connect({ host: address, port }),
};

/** The address of an endpoint may not be connected to. */
class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly code = 'ADDRESS_REFUSED';
}

type Options = buildConnector.Options;

/**
 * Connects only to addresses that the policy permits. A name is resolved once for each connection, and what was checked
 * is what is dialled: a name server that answers differently the next time is not asked again. The socket's own address
 * is checked once more before anything is sent, TLS included.
 */
export function guardedConnector(policy: AddressPolicy, network: Network): buildConnector.connector {
  const { authorities: ca } = network;
  const secure = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false, ...(ca !== undefined && { ca }) });
  return (options, callback) => {
    const dialled = dialFirst(options, policy, network);
    dialled.then(
      (socket) => {
        if (options.protocol === 'https:') secure({ ...options, httpSocket: socket }, callback);
        else callback(null, socket);
      },
      (error: Error) => callback(error, null),
    );
  };
}

async function dialFirst(
  { hostname, port, protocol }: Options,
  policy: AddressPolicy,
  network: Network,
): Promise<Socket> {
  // A URL's host is canonical: 2130706433, 0177.1 and 0x7f.1 have become 127.0.0.1 (WHATWG URL, host parsing).
  const host = hostname.replace(/^\[|\]$/g, '');
  const found = isIP(host) === 0 ? await network.resolve(host) : [host];
  const permitted = found.filter((address) => policy.refusal(address) === undefined);
  if (permitted.length === 0) throw new AddressRefused(refusalOf(host, found, policy));
  let failure: unknown;
  for (const address of permitted.slice(0, MAX_ADDRESSES)) {
    try {
      return await dialled(network.dial(address, Number(port) || (protocol === 'https:' ? 443 : 80)), policy);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function refusalOf(host: string, found: readonly string[], policy: AddressPolicy): string {
  const [first] = found;
  if (first === undefined) return `${host} has no address`;
  return `${first} is not public (${policy.refusal(first)}): if it is meant, add it to the webhook's "allow"`;
}

function dialled(socket: Socket, policy: AddressPolicy): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error('no connection in time')), CONNECT_TIMEOUT_MS);
    socket.setNoDelay(true);
    socket.on('error', fail);
    socket.once('connect', () => {
      const refusal = policy.refusal(socket.remoteAddress ?? '');
      if (refusal !== undefined) {
        fail(new AddressRefused(`the connection led to ${socket.remoteAddress} (${refusal})`));
        return;
      }
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}
