import { type Gate, gate } from '../support/barrier.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/** By what the API lets its answers be confirmed. `row`: the date of the list says nothing of its items. */
export type Validator = 'etag' | 'last-modified' | 'row' | 'none';

/** A representation of a path, and from when to when a read may return it. Times are counts of what has happened. */
interface State {
  /** Undefined: there is none. */
  readonly content: string | undefined;
  readonly from: number;
  /** The number of the change that ended it. */
  endedBy: number;
  /** It has ended for clients: the write that ended it was answered. */
  until: number;
}

const NEVER = Number.POSITIVE_INFINITY;
/** One second of the API's clock for each change, so that a `Last-Modified` is a strong validator. */
const BEGINNING = Date.parse('2020-01-01T00:00:00Z');

export const LIST = '/items';
export const itemOf = (id: number): string => `/items/${id}`;

/**
 * An API of items and their list, which embeds them. Each change gives a content that has never been before. It knows
 * which contents reads may return: a content that was replaced may be read until the write that replaced it is
 * answered.
 */
export class ItemsApi {
  readonly origin: ScriptedOrigin;
  validator: Validator = 'etag';
  /** For how many seconds its answers are fresh. */
  maxAge = 3_600;
  /** Its connections break off. */
  down = false;
  /** The next write is applied, and its connection broken off. */
  cuts = false;
  /** The next write is applied, and not answered while the gate is shut. */
  holds: Gate | undefined;
  readonly #items = new Map<number, number>();
  readonly #changed = new Map<string, number>();
  readonly #states = new Map<string, State[]>();
  #changes = 0;
  #now = 0;

  private constructor(origin: ScriptedOrigin) {
    this.origin = origin;
  }

  static async start(items: number): Promise<ItemsApi> {
    const origin = await scriptedOrigin();
    const api = new ItemsApi(origin);
    origin.on(
      () => true,
      async (request, response) => {
        if (api.down) {
          response.destroy();
          return;
        }
        const path = request.url ?? '';
        const { method } = request;
        if (method === 'GET' || method === 'HEAD') {
          const content = api.#contentOf(path);
          const headers = api.#headersOf(path);
          const { 'if-none-match': ifNoneMatch, 'if-modified-since': ifModifiedSince } = request.headers;
          const isCurrent =
            (ifNoneMatch !== undefined && ifNoneMatch === headers.etag) ||
            (ifNoneMatch === undefined &&
              ifModifiedSince !== undefined &&
              ifModifiedSince === headers['last-modified']);
          if (content === undefined) response.writeHead(404, { 'cache-control': 'no-store' }).end();
          else if (isCurrent) response.writeHead(304, headers).end();
          else response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(content);
          return;
        }
        api.change(Number(path.split('/')[2]), method === 'DELETE' ? 'remove' : 'write');
        if (api.cuts) {
          api.cuts = false;
          response.destroy();
          return;
        }
        const held = api.holds;
        api.holds = undefined;
        await held?.pass();
        response.writeHead(204).end();
      },
    );
    api.reset(items);
    return api;
  }

  /** It is as it was in the beginning, and remembers nothing. */
  reset(items: number): void {
    for (const all of [this.#items, this.#changed, this.#states]) all.clear();
    this.#changes = 0;
    for (let id = 0; id < items; id++) this.change(id, 'write');
    this.acknowledge();
  }

  /** What a client does next happens after all that has happened before. */
  tick(): number {
    this.#now += 1;
    return this.#now;
  }

  change(id: number, kind: 'write' | 'remove'): void {
    this.#changes += 1;
    if (kind === 'write') this.#items.set(id, this.#changes);
    else this.#items.delete(id);
    for (const path of [LIST, itemOf(id)]) {
      this.#changed.set(path, this.#changes);
      const states = this.#statesOf(path);
      const last = states.at(-1);
      if (last !== undefined) last.endedBy = this.#changes;
      states.push({ content: this.#contentOf(path), from: this.tick(), endedBy: NEVER, until: NEVER });
    }
  }

  /** Every change so far was answered, or is known for another reason: what it replaced must not be read any more. */
  acknowledge(): void {
    const now = this.tick();
    for (const states of this.#states.values()) {
      for (const state of states) if (state.endedBy <= this.#changes) state.until = Math.min(state.until, now);
    }
  }

  /** Whether a read that lasted from `start` may have returned `content`. */
  allows(path: string, content: string | undefined, start: number): boolean {
    return this.#statesOf(path).some((state) => state.content === content && state.until >= start);
  }

  current(path: string): string | undefined {
    return this.#contentOf(path);
  }

  /** So that the next write waits, and the test knows. */
  hold(): Gate {
    this.holds = gate();
    return this.holds;
  }

  close(): Promise<void> {
    return this.origin.close();
  }

  #statesOf(path: string): State[] {
    const states = this.#states.get(path) ?? [{ content: undefined, from: 0, endedBy: NEVER, until: NEVER }];
    this.#states.set(path, states);
    return states;
  }

  #contentOf(path: string): string | undefined {
    if (path === LIST) return JSON.stringify([...this.#items].map(([id, version]) => ({ id, version })));
    const id = Number(path.split('/')[2]);
    const version = this.#items.get(id);
    return version === undefined ? undefined : JSON.stringify({ id, version });
  }

  #headersOf(path: string): Record<string, string> {
    const changed = this.#changed.get(path) ?? 0;
    const modified = new Date(BEGINNING + 1_000 * changed).toUTCString();
    return {
      'cache-control': `max-age=${this.maxAge}`,
      ...(this.validator === 'etag' && { etag: `"${changed}"` }),
      ...(this.validator === 'last-modified' && { 'last-modified': modified }),
      ...(this.validator === 'row' && {
        'last-modified': path === LIST ? new Date(BEGINNING).toUTCString() : modified,
      }),
    };
  }
}
