import { performance } from 'node:perf_hooks';
import type { Answer, Client, Question } from './client.ts';

interface Copy {
  readonly answer: Answer;
  readonly staleAt: number;
}

/**
 * The shared cache that the demo compares with. It is in front of the same API and does what RFC 9111 requires, but
 * nothing more: it stores responses for as long as the API says, and a write that passes through it invalidates the
 * written resource. It is not simulated: a miss is a request to the API.
 */
export class OrdinaryCache {
  readonly #client: Client;
  readonly #api: string;
  readonly #now: () => number;
  readonly #copies = new Map<string, Copy>();

  /** @param now a monotonic clock, in milliseconds */
  constructor(client: Client, api: string, now: () => number = () => performance.now()) {
    this.#client = client;
    this.#api = api;
    this.#now = now;
  }

  /** Answers a GET. `freshForMs` is how long it will serve the same answer again; 0 if it does not store it. */
  async read({ target, headers = {} }: Omit<Question, 'method'>): Promise<{ answer: Answer; freshForMs: number }> {
    // All header fields that the demo sends are in the key, which is as strict as any `Vary`.
    const key = keyOf(target, headers);
    const copy = this.#copies.get(key);
    const now = this.#now();
    if (copy !== undefined && copy.staleAt > now) return { answer: copy.answer, freshForMs: copy.staleAt - now };
    const answer = await this.#client.ask(this.#api, { method: 'GET', target, headers });
    const freshForMs = lifetimeMs(answer);
    if (freshForMs > 0) this.#copies.set(key, { answer, staleAt: now + freshForMs });
    return { answer, freshForMs };
  }

  /** RFC 9111 §4.4: a successful write invalidates its target and the URIs in `Location` and `Content-Location`. */
  noteWrite(target: string, { status, headers }: Pick<Answer, 'status' | 'headers'>): void {
    if (status < 200 || status >= 400) return;
    for (const uri of [target, headers.location, headers['content-location']]) {
      if (uri === undefined) continue;
      const written = new URL(uri, this.#api);
      // URIs of another host are ignored.
      if (written.origin !== new URL(this.#api).origin) continue;
      const forgotten = keyOf(written.pathname + written.search, {});
      for (const key of this.#copies.keys()) if (key.startsWith(forgotten)) this.#copies.delete(key);
    }
  }
}

/** A line feed, which no target contains, ends the target, so that no target is a prefix of another one's key. */
function keyOf(target: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`);
  return `${target}\n${lines.sort().join('')}`;
}

/** RFC 9111 §4.2.1, as far as the travel API needs it: `max-age`, or 0 if the response must not be stored. */
function lifetimeMs({ headers }: Answer): number {
  const control = headers['cache-control'] ?? '';
  if (/\b(?:no-store|no-cache|private)\b/.test(control)) return 0;
  return Number(/\bmax-age=(\d+)/.exec(control)?.[1] ?? 0) * 1000;
}
