import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from '../servers/child.ts';
import { freePort } from '../servers/free-port.ts';
import { type Server, untilReady } from '../servers/server.ts';

/** Where Debian's libnginx-mod-nchan puts it. */
const module = '/usr/lib/nginx/modules/ngx_nchan_module.so';

/** One worker and one channel; a message is held for as long as it takes to send it. */
const configuration = (directory: string, port: number): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
load_module ${module};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 16000; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  nchan_shared_memory_size 256m;
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location = /ready { return 200; }
    location = /sub {
      nchan_subscriber eventsource websocket;
      nchan_subscriber_first_message newest;
      nchan_channel_id bench;
    }
    location = /pub {
      nchan_publisher;
      nchan_channel_id bench;
      nchan_message_buffer_length 10;
    }
  }
}
`;

/** nginx with nchan, if that is installed. */
export async function startNchan(core: number | undefined): Promise<Server | undefined> {
  if (!existsSync(module)) return undefined;
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'unstale-bench-nchan-'));
  mkdirSync(join(directory, 'logs'));
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, configuration(directory, port));
  const child = startChild('nginx', ['-p', directory, '-e', 'stderr', '-c', file], { core, scratch: directory });
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilReady(`${url}/ready`, child);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { name: 'nchan', url, pid: child.pid, stop: child.stop };
}
