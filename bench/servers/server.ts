import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from './child.ts';

/** Something that answers HTTP and whose CPU time is counted. */
export interface Server {
  /** As the tables call it: `gateway`, `before`, `nginx`, `direct`. */
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** How often a starting server is asked whether it is ready; also the resolution of the start-up case. */
const pollMs = 2;
const startDeadlineMs = 20_000;

/** One request on a connection of its own. */
export function ask(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    }).on('error', reject);
  });
}

/** Waits until `url` answers 200. Rejects when the process ends first or the deadline passes. */
export async function untilReady(url: string, child: Child): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  while (performance.now() < deadline) {
    const ready = await Promise.race([ask(url).catch(() => undefined), child.failed]);
    if (ready?.status === 200) return;
    await Promise.race([delay(pollMs), child.failed]);
  }
  throw new Error(`${url} was not ready after ${startDeadlineMs} ms\n${child.stderr()}`);
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
