import type { Peer, Site } from './peer.ts';

/** One thread, its small-object cache, keep-alive on both sides, no log. */
const configuration = ({ port, origin }: Site): string => `
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
  server origin ${origin.host}
`;

export const haproxy: Peer = {
  name: 'haproxy',
  command: 'haproxy',
  versionArgs: ['-v'],
  versionPattern: /version (\d+(?:\.\d+)*)/,
  configuration,
  args: (_site, file) => ['-db', '-f', file],
};
