import { request } from 'undici';
import { random } from '../support/random.ts';
import type { Backend, Write } from './backend.ts';

export interface Comparison {
  readonly writes: number;
  readonly reads: number;
  readonly hits: number;
  /** What a read was answered in place of what the backend had. */
  readonly stale: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly cacheStatus: string;
}

/**
 * Sends writes through the gateway, one after the other. After each, every view is read through the gateway and from
 * the backend itself: the two must be equal, since nobody else writes.
 */
export async function compare(
  backend: Backend,
  { originUrl, gatewayUrl }: { readonly originUrl: string; readonly gatewayUrl: string },
  { writes, seed, progress }: { readonly writes: number; readonly seed: number; progress(done: number): void },
): Promise<Comparison> {
  const below = random(seed);
  // Links in answers name the host that was asked.
  const headers = { accept: 'application/json', host: new URL(gatewayUrl).host, ...backend.headers };
  const stale: string[] = [];
  let [reads, hits] = [0, 0];
  const view = async (path: string, after: string): Promise<void> => {
    const seen = await ask(gatewayUrl, { method: 'GET', path }, headers);
    const there = await ask(originUrl, { method: 'GET', path }, headers);
    reads += 1;
    if (/unstale; hit/.test(seen.cacheStatus)) hits += 1;
    if (seen.status !== there.status || seen.text !== there.text) {
      stale.push(
        `after ${after}: GET ${path} (${seen.cacheStatus}): ${seen.text.slice(0, 200)}, not ${there.text.slice(0, 200)}`,
      );
    }
  };
  for (const path of backend.views()) await view(path, 'the start');
  for (let done = 0; done < writes; done++) {
    const write = backend.write(below);
    const answer = await ask(gatewayUrl, write, headers);
    backend.answered?.(write, answer);
    const after = `${write.method} ${write.path} (${answer.status})`;
    for (const path of backend.views()) await view(path, after);
    progress(done + 1);
  }
  return { writes, reads, hits, stale };
}

async function ask(
  base: string,
  { method, path, body }: Write,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const answer = await request(base + path, {
    method: method as 'GET',
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const cacheStatus = String(answer.headers['cache-status'] ?? '');
  return { status: answer.statusCode, text: await answer.body.text(), cacheStatus };
}
