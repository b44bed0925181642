import { performance } from 'node:perf_hooks';
import type { Answer, Client, Question } from './client.ts';

interface Copy {
  readonly answer: Answer;
  readonly staleAt: number;
}

/**
 * What the demo compares with: a shared cache in front of the same API that does all that RFC 9111 asks of one, and knows
 * nothing else. It keeps what the API says may be kept, for as long as the API says, and a write that passes through it
 * makes it forget the resource that was written. It is asked for real and not made up: a miss is a request to the API.
 */
export class OrdinaryCache {
  readonly #client: Client;
  readonly #api: string;
  readonly #now: () => number;
  readonly #copies = new Map<string, Copy>();

  /** @param now milliseconds of a clock that only goes forward */
  constructor(client: Client, api: string, now: () => number = () => performance.now()) {
    this.#client = client;
    this.#api = api;
    this.#now = now;
  }

  /** What it serves to a GET. `freshForMs`: how long it will serve the same again, 0 for what it does not keep. */
  async read({ target, headers = {} }: Omit<Question, 'method'>): Promise<{ answer: Answer; freshForMs: number }> {
    // Every header field that the demo sends is part of the key: as strict as any `Vary` could be.
    const key = keyOf(target, headers);
    const copy = this.#copies.get(key);
    const now = this.#now();
    if (copy !== undefined && copy.staleAt > now) return { answer: copy.answer, freshForMs: copy.staleAt - now };
    const answer = await this.#client.ask(this.#api, { method: 'GET', target, headers });
    const freshForMs = lifetimeMs(answer);
    if (freshForMs > 0) this.#copies.set(key, { answer, staleAt: now + freshForMs });
    return { answer, freshForMs };
  }

  /** RFC 9111 §4.4: a write that did not fail invalidates its target, and what `Location` and `Content-Location` name. */
  noteWrite(target: string, { status, headers }: Pick<Answer, 'status' | 'headers'>): void {
    if (status < 200 || status >= 400) return;
    for (const uri of [target, headers.location, headers['content-location']]) {
      if (uri === undefined) continue;
      const written = new URL(uri, this.#api);
      // What another host says about this one is none of its business.
      if (written.origin !== new URL(this.#api).origin) continue;
      const forgotten = keyOf(written.pathname + written.search, {});
      for (const key of this.#copies.keys()) if (key.startsWith(forgotten)) this.#copies.delete(key);
    }
  }
}

/** The target ends at a line feed, which none contains, so that no target is the beginning of another's key. */
function keyOf(target: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`);
  return `${target}\n${lines.sort().join('')}`;
}

/** RFC 9111 §4.2.1, as far as the travel API goes: `max-age`, unless it must not be kept. */
function lifetimeMs({ headers }: Answer): number {
  const control = headers['cache-control'] ?? '';
  if (/\b(?:no-store|no-cache|private)\b/.test(control)) return 0;
  return Number(/\bmax-age=(\d+)/.exec(control)?.[1] ?? 0) * 1000;
}
