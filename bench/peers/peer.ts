import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from '../servers/child.ts';
import { freePort } from '../servers/free-port.ts';
import { type Server, untilReady } from '../servers/server.ts';

/** Another cache that is measured in the same rounds, if it is on the path. */
export interface Peer {
  /** Its name in the tables. */
  readonly name: string;
  readonly command: string;
  /** Arguments that make it print its version, on either output, and where the version is in that. */
  readonly versionArgs: readonly string[];
  readonly versionPattern: RegExp;
  configuration(site: Site): string;
  /** The arguments of a process that stays in the foreground, in which `file` holds the configuration. */
  args(site: Site, file: string): readonly string[];
}

export interface Site {
  /** A temporary directory of its own. */
  readonly directory: string;
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  readonly origin: URL;
}

/** Starts a peer, which the caller has found to be installed. */
export async function startPeer(peer: Peer, originUrl: string, core: number | undefined): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), `unstale-bench-${peer.name}-`));
  const site: Site = { directory, port: await freePort(), origin: new URL(originUrl) };
  const file = join(directory, 'configuration');
  writeFileSync(file, peer.configuration(site));
  const child = startChild(peer.command, peer.args(site, file), { core, scratch: directory });
  const url = `http://127.0.0.1:${site.port}`;
  try {
    await untilReady(`${url}/things/ready`, child);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { name: peer.name, url, pid: child.pid, stop: child.stop };
}
