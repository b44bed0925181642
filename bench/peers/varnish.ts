import { join } from 'node:path';
import type { Peer, Site } from './peer.ts';

/** What a hit is asked for by the bench's check, and what is passed through. All else is Varnish's own. */
const configuration = ({ origin }: Site): string => `
vcl 4.1;
backend origin { .host = "${origin.hostname}"; .port = "${origin.port}"; }
sub vcl_recv {
  if (req.url ~ "^/live/") { return (pass); }
}
sub vcl_deliver {
  if (obj.hits > 0) { set resp.http.X-Cache = "HIT"; } else { set resp.http.X-Cache = "MISS"; }
}
`;

/** Its log is in memory, as always. */
export const varnish: Peer = {
  name: 'varnish',
  command: 'varnishd',
  versionArgs: ['-V'],
  versionPattern: /varnish-(\d[\d.]*)/,
  configuration,
  args({ directory, port }, file) {
    const listen = ['-a', `127.0.0.1:${port}`, '-T', 'none'];
    // The bench may run as root in a container, where there is no user for the jail.
    return ['-F', '-j', 'none', '-n', join(directory, 'work'), '-s', 'malloc,512m', '-f', file, ...listen];
  },
};
