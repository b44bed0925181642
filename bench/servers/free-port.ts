import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that Linux gives to whoever asks for any. A program that is told a port listens at it only seconds
 * later, and meanwhile every server of another test that asks for any port may get it.
 */
const PORTS = { first: 10_000, count: 22_000 };
/** Each process begins elsewhere, so that tests side by side do not find the same port free. */
const PORTS_OF_A_PROCESS = 32;

let next = process.pid * PORTS_OF_A_PROCESS;

/** A port of the loopback that nobody listens at, and that this process has not been given before. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PORTS.count; tried++) {
    const port = PORTS.first + (next++ % PORTS.count);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${PORTS.first} on is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
