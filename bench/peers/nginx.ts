import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from '../servers/child.ts';
import { freePort, type Server, untilReady } from '../servers/server.ts';

/** A typical setup for this purpose: one worker with `proxy_cache`, keep-alive on both sides, no access log. */
const configuration = (directory: string, port: number, originAuthority: string): string => `
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
  upstream origin { server ${originAuthority}; keepalive 64; }
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

/** Starts nginx, which the caller has found to be installed. */
export async function startNginx(originUrl: string, core: number | undefined): Promise<Server> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'unstale-bench-nginx-'));
  mkdirSync(join(directory, 'logs'));
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, configuration(directory, port, new URL(originUrl).host));
  const child = startChild('nginx', ['-p', directory, '-e', 'stderr', '-c', file], { core, scratch: directory });
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilReady(`${url}/things/ready`, child);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { name: 'nginx', url, pid: child.pid, stop: child.stop };
}
