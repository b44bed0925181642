import type { Peer, Site } from './peer.ts';

/** A typical setup for this purpose: one worker with `proxy_cache`, keep-alive on both sides, no access log. */
const configuration = ({ directory, port, origin }: Site): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  proxy_cache_path ${directory}/cache keys_zone=bench:64m max_size=512m inactive=1h use_temp_path=off;
  upstream origin { server ${origin.host}; keepalive 64; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location /live/ {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache bench;
      proxy_cache_lock on;
      add_header X-Cache $upstream_cache_status;
    }
  }
}
`;

export const nginx: Peer = {
  name: 'nginx',
  command: 'nginx',
  versionArgs: ['-v'],
  versionPattern: /nginx\/(\S+)/,
  configuration,
  args: ({ directory }, file) => ['-p', directory, '-e', 'stderr', '-c', file],
};
