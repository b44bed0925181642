import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from './child.ts';

/** An HTTP server whose CPU time is measured. */
export interface Server {
  /** The name in the tables: `gateway`, `before`, `nginx`, `direct`, `against`. */
  readonly name: string;
  readonly url: string;
  /** Undefined if the bench has not started it: its CPU time is then not known. */
  readonly pid: number | undefined;
  /** Of more processes that do a share of its work, and are not children of the first. */
  readonly morePids?: readonly number[];
  stop(): Promise<void>;
}

/** A server that runs already, and is left running. */
export const runningServer = (name: string, url: URL): Server => ({
  name,
  url: url.origin,
  pid: undefined,
  stop: () => Promise.resolve(),
});

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** How often a starting server is polled, which is also the resolution of the start-up case. */
const pollMs = 2;
const startDeadlineMs = 20_000;

/** Sends a GET on a separate connection. */
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

/** Waits until `url` answers 200. Rejects if the process exits first or the deadline passes. */
export async function untilReady(url: string, child: Child): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  while (performance.now() < deadline) {
    const ready = await Promise.race([ask(url).catch(() => undefined), child.failed]);
    if (ready?.status === 200) return;
    await Promise.race([delay(pollMs), child.failed]);
  }
  throw new Error(`${url} was not ready after ${startDeadlineMs} ms\n${child.stderr()}`);
}
