import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { beforeAll, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import { scriptedOrigin } from '../support/scripted-origin.ts';
import { program } from '../support/shared.ts';
import { serve } from './serve.ts';

beforeAll(program, 120_000);

/** As many as each worker is handed some of. */
const CONNECTIONS = 6;
const PATIENCE_MS = 60_000;

function socketsOf(pid: number): number {
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      // It was closed meanwhile.
      return '';
    }
  });
  return targets.filter((target) => target.startsWith('socket:')).length;
}

const parentOf = (pid: number): number =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[1],
  );

test('connections that a worker was handed while it hung are answered or cut off when it dies', async () => {
  const origin = await scriptedOrigin();
  origin.on(
    () => true,
    (_, response) => void response.setHeader('Cache-Control', 'max-age=60').end('here'),
  );
  const running = await serve(origin.url, 2, '');
  try {
    const [hung = 0] = running.workers().slice(-1);
    const primary = parentOf(hung);
    await get(`${running.url}/a`);
    const before = socketsOf(primary);
    process.kill(hung, 'SIGSTOP');
    const sockets = Array.from({ length: CONNECTIONS }, () => {
      const socket = connect(Number(new URL(running.url).port), '127.0.0.1');
      socket.write('GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      return socket.on('error', () => {}).resume();
    });
    await until(() => socketsOf(primary) > before, 'a connection that the hanging worker was handed', PATIENCE_MS);
    process.kill(hung, 'SIGKILL');
    await until(() => sockets.every(({ closed }) => closed), 'all to be answered or cut off', PATIENCE_MS);
    // The workers have one channel each, as before.
    await until(() => running.said().match(/"msg":"listening"/g)?.length === 3, 'another worker', PATIENCE_MS);
    await until(() => socketsOf(primary) === before, 'the primary to have closed them', PATIENCE_MS);
  } finally {
    await running.end('SIGTERM');
    await origin.close();
  }
}, 240_000);
