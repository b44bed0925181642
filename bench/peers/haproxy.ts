import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from '../servers/child.ts';
import { freePort, type Server, untilReady } from '../servers/server.ts';

/** One thread, its small-object cache, keep-alive on both sides, no log. */
const configuration = (port: number, originAuthority: string): string => `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
cache bench
  total-max-size 512
  max-object-size 1048576
  max-age 3600
frontend public
  bind 127.0.0.1:${port} backlog 1024
  acl live path_beg /live/
  http-request cache-use bench unless live
  http-response cache-store bench
  http-after-response set-header X-Cache HIT if { res.cache_hit }
  # Allowed in a 304 (RFC 9110 §8.6), but the generator would wait for as many octets.
  http-after-response del-header Content-Length if { status 304 }
  default_backend origin
backend origin
  server origin ${originAuthority}
`;

/** Starts HAProxy, which the caller has found to be installed. */
export async function startHaproxy(originUrl: string, core: number | undefined): Promise<Server> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'unstale-bench-haproxy-'));
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(file, configuration(port, new URL(originUrl).host));
  const child = startChild('haproxy', ['-db', '-f', file], { core, scratch: directory });
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilReady(`${url}/things/ready`, child);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { name: 'haproxy', url, pid: child.pid, stop: child.stop };
}
