import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from '../servers/child.ts';
import { freePort, type Server, untilReady } from '../servers/server.ts';

/** What a hit is asked for by the bench's check, and what is passed through. All else is Varnish's own. */
const configuration = ({ hostname, port }: URL): string => `
vcl 4.1;
backend origin { .host = "${hostname}"; .port = "${port}"; }
sub vcl_recv {
  if (req.url ~ "^/live/") { return (pass); }
}
sub vcl_deliver {
  if (obj.hits > 0) { set resp.http.X-Cache = "HIT"; } else { set resp.http.X-Cache = "MISS"; }
}
`;

/** Starts Varnish, which the caller has found to be installed. Its log is in memory, as always. */
export async function startVarnish(originUrl: string, core: number | undefined): Promise<Server> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'unstale-bench-varnish-'));
  const file = join(directory, 'bench.vcl');
  writeFileSync(file, configuration(new URL(originUrl)));
  const listen = ['-a', `127.0.0.1:${port}`, '-T', 'none'];
  // The bench may run as root in a container, where there is no user for the jail.
  const options = ['-j', 'none', '-n', join(directory, 'work'), '-s', 'malloc,512m', '-f', file];
  const child = startChild('varnishd', ['-F', ...options, ...listen], { core, scratch: directory });
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilReady(`${url}/things/ready`, child);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { name: 'varnish', url, pid: child.pid, stop: child.stop };
}
