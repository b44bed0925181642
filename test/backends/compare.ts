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
  readonly etag: string | undefined;
  readonly cacheStatus: string;
}

/**
 * Sends writes through the gateway, one after the other. After each, every view is read through the gateway and from
 * the backend itself: the two must be equal, since nobody else writes. Half of the reads are conditional, as those of a
 * browser: a 304 stands for the body that came with the validator.
 */
export async function compare(
  backend: Backend,
  { originUrl, gatewayUrl }: { readonly originUrl: string; readonly gatewayUrl: string },
  { writes, seed, progress }: { readonly writes: number; readonly seed: number; progress(done: number): void },
): Promise<Comparison> {
  const below = random(seed);
  const [conditional, administrators] = [random(seed + 1), random(seed + 2)];
  // Links in answers name the host that was asked.
  const headers = { accept: 'application/json', host: new URL(gatewayUrl).host, ...backend.headers };
  const stale: string[] = [];
  const last = new Map<string, Answer>();
  let [reads, hits] = [0, 0];
  const view = async (path: string, after: string): Promise<void> => {
    const known = conditional(2) === 0 ? last.get(path) : undefined;
    const condition = known?.etag === undefined ? {} : { 'if-none-match': known.etag };
    const read = async (base: string): Promise<Answer> => {
      const answer = await ask(base, { method: 'GET', path }, { ...headers, ...condition });
      return answer.status === 304 && known !== undefined ? { ...known, cacheStatus: answer.cacheStatus } : answer;
    };
    const seen = await read(gatewayUrl);
    const there = await read(originUrl);
    last.set(path, seen);
    reads += 1;
    if (/unstale; hit/.test(seen.cacheStatus)) hits += 1;
    if (seen.status !== there.status || seen.text !== there.text) {
      const [shown, wanted] = difference(seen, there);
      stale.push(`after ${after}: GET ${path} (${seen.cacheStatus}): ${shown}, not ${wanted}`);
    }
  };
  for (const path of backend.views()) await view(path, 'the start');
  for (let done = 0; done < writes; done++) {
    const write = (administrators(10) === 0 && backend.administer?.(below)) || backend.write(below);
    const answer = await ask(gatewayUrl, write, headers);
    backend.answered?.(write, answer);
    const after = `${write.method} ${write.path} ${JSON.stringify(write.body) ?? ''} (${answer.status})`;
    for (const path of backend.views()) await view(path, after);
    progress(done + 1);
  }
  return { writes, reads, hits, stale };
}

/** The status and the first text in which two answers differ, with a little of what precedes it. */
function difference(seen: Answer, there: Answer): [string, string] {
  let at = 0;
  while (at < seen.text.length && seen.text[at] === there.text[at]) at += 1;
  const shown = ({ status, text }: Answer): string => `${status} ${text.slice(Math.max(0, at - 60), at + 140)}`;
  return [shown(seen), shown(there)];
}

async function ask(
  base: string,
  { method, path, body, headers: own }: Write,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const answer = await request(base + path, {
    method: method as 'GET',
    headers: { ...headers, ...own, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const { etag, 'cache-status': cacheStatus = '' } = answer.headers;
  const text = await answer.body.text();
  return { status: answer.statusCode, text, etag: etag?.toString(), cacheStatus: String(cacheStatus) };
}
