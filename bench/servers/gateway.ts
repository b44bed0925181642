import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatewayProgram } from '../paths.ts';
import { type Child, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { type Server, untilReady } from './server.ts';

export interface GatewayOptions {
  readonly name: string;
  /** The built checkout whose gateway is started. */
  readonly directory: string;
  readonly originUrl: string;
  readonly core: number | string | undefined;
  /** The port of the Redis that joins it with other nodes. */
  readonly redisPort?: number;
  /** `store.memory.maxSize`; 512 MiB without it. */
  readonly memory?: string;
  /** `server.workers`; one process without it. */
  readonly workers?: number;
  /** Further lines of `store`. */
  readonly store?: string;
  /** Of clients; any without it. */
  readonly port?: number;
  /** With entries of `writes`, for `/guarded/…` and `/keyed/…`. */
  readonly protectsWrites?: boolean;
  /** Options for Node. */
  readonly nodeOptions?: readonly string[];
}

export interface Gateway extends Server {
  readonly adminUrl: string;
  readonly child: Child;
  /** Milliseconds from the start of the process until `/readyz` answered 200. */
  readonly startUpMs: number;
}

/**
 * Everything else is a default, so that the bench measures what users get. All clients have one address here, and so
 * would be held to the limits of one client.
 */
const configuration = (listen: string, adminListen: string, options: GatewayOptions): string => `
server:
  listen: "${listen}"
  workers: ${options.workers ?? 1}
  limits: { perAddress: { connections: 20000, streams: 10000 } }
admin: { listen: "${adminListen}" }
origin: { url: "${options.originUrl}" }
store:
  memory: { maxSize: ${options.memory ?? '512MiB'} }
${options.redisPort === undefined ? '' : `  redis: { url: "redis://127.0.0.1:${options.redisPort}" }`}
${options.store ?? ''}
events: { path: /_unstale/events }
routes:
  - match: /things/:id
    cache: { ttl: 1h }
  - match: /large/:id
    cache: { ttl: 1h }
  - match: /live/:id
    cache: off
  - match: /parents/:parentId
    cache: { ttl: 1h }
    tags: ["parent:{parentId}"]
  - match: /members/:size/:id
    cache: { ttl: 1h }
    tags: ["group:{response.group}"]
rules:
${childRule('child-in-parent', 'children', 'response.parentId')}
${childRule('movable-child', 'movable', 'before.parentId, response.parentId')}
${childRule('busy-child', 'busy', 'before.parentId, response.parentId')}
  - name: group-of-members
    on: PUT /groups/:size/:id
    invalidate:
      - tag: group:{size}-{id}
${options.protectsWrites === true ? protectedWrites : ''}`;

/** A write of a child makes its parent stale. */
function childRule(name: string, path: string, parentId: string): string {
  return `  - name: ${name}
    on: PUT /${path}/:id
    invalidate:
      - /${path}/{id}
      - /parents/{${parentId}}`;
}

/** Keys are kept so briefly that a run of any length has room for them. */
const protectedWrites = `
${childRule('guarded-child', 'guarded', 'response.parentId')}
${childRule('keyed-child', 'keyed', 'response.parentId')}
writes:
  - on: PUT /guarded/:id
    merge: true
    precondition: required
  - on: PUT /keyed/:id
    idempotency: { key: required, keep: 1s }
`;

/** Starts `node dist/cli/main.js serve`, as users do, with a generated configuration. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const [anyPort, adminPort] = await Promise.all([freePort(), freePort()]);
  const port = options.port ?? anyPort;
  const directory = mkdtempSync(join(tmpdir(), 'unstale-bench-'));
  const file = join(directory, 'gateway.yaml');
  writeFileSync(file, configuration(`127.0.0.1:${port}`, `127.0.0.1:${adminPort}`, options));
  const started = performance.now();
  const child = startChild(
    process.execPath,
    [...(options.nodeOptions ?? []), join(options.directory, gatewayProgram), 'serve', '-c', file],
    { core: options.core, scratch: directory },
  );
  try {
    await untilReady(`http://127.0.0.1:${adminPort}/readyz`, child);
  } catch (error) {
    await child.stop();
    throw error;
  }
  const startUpMs = performance.now() - started;
  const [url, adminUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${adminPort}`];
  return { name: options.name, url, adminUrl, pid: child.pid, child, startUpMs, stop: child.stop };
}
