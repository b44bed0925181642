import { networkInterfaces } from 'node:os';
import type { z } from 'zod';
import { isLoopback } from './address.ts';
import type { Address } from './model.ts';
import { DEFAULT_ORIGIN, defaultOrigin, originPaths } from './origins.ts';
import { type configSchema, originSchema } from './schema.ts';
import { soundPart, valueAt } from './shape.ts';
import type { Path, SourceDocument } from './source-document.ts';

/** Shorter tokens can be guessed. */
const MIN_TOKEN_LENGTH = 16;

/** Checks settings against each other. */
export function lintSettings(document: SourceDocument, schema: typeof configSchema): void {
  lintOrigins(document);
  const server = soundPart(document, schema.shape.server, ['server']);
  const admin = soundPart(document, schema.shape.admin, ['admin']);
  const store = soundPart(document, schema.shape.store, ['store']);
  if (admin !== undefined) lintAdmin(document, admin);
  if (admin !== undefined && server !== undefined) lintPorts(document, server.listen, admin.listen);
  if (admin !== undefined && server !== undefined) lintOriginUrls(document, [server.listen, admin.listen]);
  if (store !== undefined && store.memory.maxEntry > store.memory.maxSize) {
    const message = 'maxEntry is larger than maxSize';
    document.report(['store', 'memory', 'maxEntry'], { message, hint: 'make maxEntry at most maxSize' });
  }
  const events = soundPart(document, schema.shape.events, ['events']);
  if (events !== undefined && events.webSocket === events.path) {
    const message = 'the WebSocket has the path of the event stream';
    document.report(['events', 'webSocket'], { message, hint: 'give it another one: webSocket: /_unstale/ws' });
  }
  if (store?.redis !== undefined) lintRedis(document, [store.redis.url].flat());
  const alone = valueAt(document.value, ['store', 'redis']) === undefined;
  if (alone && valueAt(document.value, ['coherence', 'onPartition']) !== undefined) {
    const hint = 'remove it: without store.redis there is no partition';
    document.report(['coherence', 'onPartition'], {
      message: 'onPartition has no effect without store.redis',
      hint,
      warning: 'no-partition',
      atKey: true,
    });
  }
}

/** Anyone with access to that Redis, or to the network in between, can choose what clients are answered. */
function lintRedis(document: SourceDocument, urls: readonly string[]): void {
  for (const [i, url] of urls.entries()) {
    const { protocol, hostname } = new URL(url);
    if (protocol !== 'redis:' || isLoopback(hostname.replace(/^\[|\]$/g, ''))) continue;
    const one = !Array.isArray(valueAt(document.value, ['store', 'redis', 'url']));
    document.report(['store', 'redis', 'url', ...(one ? [] : [i])], {
      message: `stored responses and the password cross the network to ${hostname} in the clear`,
      hint: 'use rediss:// (TLS), or a network that nobody else is on',
      warning: 'redis-without-tls',
    });
    return;
  }
}

function lintOrigins(document: SourceDocument): void {
  const one = valueAt(document.value, ['origin']);
  const several = valueAt(document.value, ['origins']);
  if (one === undefined && several === undefined) {
    const hint = 'say where requests go: origin: { url: http://127.0.0.1:4000 }';
    document.report(['origin'], { message: '"origin" is missing', hint });
  }
  if (one !== undefined && several !== undefined) {
    const hint = 'move origin into origins, under the name "default"';
    document.report(['origins'], { message: 'origin and origins exclude each other', hint, atKey: true });
  }
  if (one !== undefined || typeof several !== 'object' || several === null) return;
  const names = Object.keys(several);
  if (names.length === 0) {
    document.report(['origins'], { message: '"origins" is empty', hint: 'add one: default: { url: … }', atKey: true });
  } else if (defaultOrigin(names) === undefined && valueAt(document.value, ['defaults', 'origin']) === undefined) {
    const hint = `choose one: defaults: { origin: ${names[0]} }, or call it "${DEFAULT_ORIGIN}"`;
    document.report(['origins'], { message: 'no origin for requests that match no route', hint, atKey: true });
  }
}

function lintCircuit(document: SourceDocument, path: Path, { circuit, health }: z.output<typeof originSchema>): void {
  if (circuit === 'off') {
    if (health === undefined) return;
    const hint = 'remove one of them: the answers open and close the circuit';
    document.report([...path, 'health'], { message: 'health has no effect with circuit: off', hint, atKey: true });
  } else if (circuit.probe.first > circuit.probe.most) {
    const message = 'the first pause is longer than the longest';
    document.report([...path, 'circuit', 'probe'], { message, hint: 'make first at most most', atKey: true });
  }
}

function lintOriginUrls(document: SourceDocument, own: readonly Address[]): void {
  for (const path of originPaths(document)) {
    const origin = soundPart(document, originSchema, path);
    const address = origin && own.find((each) => leadsTo(origin.url, each));
    if (origin === undefined) continue;
    lintHost(document, path, origin);
    lintCircuit(document, path, origin);
    if (address === undefined) continue;
    document.report([...path, 'url'], {
      message: `${origin.url} is this gateway itself: it listens on port ${address.port}`,
      hint: 'name the address of the API, or listen on another port',
    });
  }
}

/** Top-level names that are not of the public DNS (RFC 2606, RFC 6761, RFC 8375), or are used so. */
const privateNames = /\.(?:corp|example|home|home\.arpa|internal|intranet|invalid|lan|local|localhost|svc|test)$/;

/** A service on the internet is one of many at its address, and answers to its own name only. */
function lintHost(document: SourceDocument, path: Path, { url, host }: z.output<typeof originSchema>) {
  const { hostname, protocol } = new URL(url);
  const isPublic = /\.[a-z][a-z0-9-]*$/.test(hostname) && !privateNames.test(hostname);
  if (host !== undefined || protocol === 'https:' || !isPublic) return;
  document.report([...path, 'url'], {
    message: `${hostname} gets the Host that clients send: a server with several names answers another one, or 421`,
    hint: 'say what it gets: host: origin for its own name, or host: client',
    warning: 'client-host',
  });
}

/** Whether a URL leads to where the gateway listens, on this machine. */
function leadsTo(url: string, { host, port }: Address): boolean {
  const { hostname, port: written, protocol } = new URL(url);
  const target = hostname.replace(/^\[|\]$/g, '');
  if (port === 0 || Number(written || (protocol === 'https:' ? 443 : 80)) !== port) return false;
  const isEvery = host === '::' || host === '0.0.0.0';
  if (isEvery) return isLoopback(target) || target === host || ownAddresses().has(target);
  // A name of the loopback stands for each of its addresses.
  const byName = target === 'localhost' || host === 'localhost';
  return target === host || (byName && isLoopback(target) && isLoopback(host));
}

function ownAddresses(): ReadonlySet<string> {
  return new Set(
    Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .map(({ address }) => address),
  );
}

type Settings = z.output<typeof configSchema>;

function lintAdmin(document: SourceDocument, { listen, token }: Settings['admin']): void {
  if (token === undefined && !isLoopback(listen.host)) {
    const message = `the admin port can be reached from other machines (${listen.host}) and has no token`;
    const hint = `add token: \${UNSTALE_ADMIN_TOKEN} under admin, or listen on 127.0.0.1`;
    document.report(['admin', 'listen'], { message, hint });
  }
  if (token !== undefined && token.length < MIN_TOKEN_LENGTH) {
    const hint = `${MIN_TOKEN_LENGTH} characters at least; better: 32 random bytes in base64url`;
    document.report(['admin', 'token'], {
      message: 'the token is short enough to be guessed',
      hint,
      warning: 'short-token',
    });
  }
}

function lintPorts(
  document: SourceDocument,
  server: Settings['server']['listen'],
  admin: Settings['admin']['listen'],
): void {
  const isEvery = (host: string) => host === '::' || host === '0.0.0.0';
  const overlap = server.host === admin.host || isEvery(server.host) || isEvery(admin.host);
  // Port 0 is a different free port each time.
  if (server.port === 0 || server.port !== admin.port || !overlap) return;
  const message = `the admin port and the public port are the same: ${admin.port}`;
  document.report(['admin', 'listen'], { message, hint: 'choose another port: 127.0.0.1:9090' });
}
