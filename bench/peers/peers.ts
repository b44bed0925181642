import { spawnSync } from 'node:child_process';
import type { Server } from '../servers/server.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import { type Peer, startPeer } from './peer.ts';
import { varnish } from './varnish.ts';

const peers: readonly Peer[] = [nginx, varnish, haproxy];

/** The versions of the peers that are installed, by name. */
export function peerVersions(): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const { name, command, versionArgs, versionPattern } of peers) {
    const { status, stdout, stderr } = spawnSync(command, versionArgs, { encoding: 'utf8' });
    const found = status === 0 ? versionPattern.exec(`${stdout}${stderr}`)?.[1] : undefined;
    if (found !== undefined) versions[name] = found;
  }
  return versions;
}

/** Starts the peers that are installed. */
export async function startPeers(originUrl: string, core: number | undefined): Promise<Server[]> {
  const installed = peerVersions();
  const started: Server[] = [];
  for (const peer of peers) if (peer.name in installed) started.push(await startPeer(peer, originUrl, core));
  return started;
}
