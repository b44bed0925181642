import { spawnSync } from 'node:child_process';
import type { Server } from '../servers/server.ts';
import { startHaproxy } from './haproxy.ts';
import { startNginx } from './nginx.ts';
import { startVarnish } from './varnish.ts';

/** Another cache that is measured in the same rounds, if it is on the path. */
interface Peer {
  readonly name: string;
  /** Prints its version, on either output. */
  readonly version: readonly [command: string, ...args: string[]];
  readonly pattern: RegExp;
  readonly start: (originUrl: string, core: number | undefined) => Promise<Server>;
}

const peers: readonly Peer[] = [
  { name: 'nginx', version: ['nginx', '-v'], pattern: /nginx\/(\S+)/, start: startNginx },
  { name: 'varnish', version: ['varnishd', '-V'], pattern: /varnish-(\d[\d.]*)/, start: startVarnish },
  { name: 'haproxy', version: ['haproxy', '-v'], pattern: /version (\d+(?:\.\d+)*)/, start: startHaproxy },
];

/** The versions of the peers that are installed, by name. */
export function peerVersions(): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const { name, version, pattern } of peers) {
    const [command, ...args] = version;
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    const found = status === 0 ? pattern.exec(`${stdout}${stderr}`)?.[1] : undefined;
    if (found !== undefined) versions[name] = found;
  }
  return versions;
}

/** Starts the peers that are installed. */
export async function startPeers(originUrl: string, core: number | undefined): Promise<Server[]> {
  const installed = peerVersions();
  const started: Server[] = [];
  for (const { name, start } of peers) if (name in installed) started.push(await start(originUrl, core));
  return started;
}
