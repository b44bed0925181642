import { QueryClient, type QueryKey, QueryObserver } from '@tanstack/query-core';
import { afterEach, beforeEach, vi } from 'vitest';
import { type FollowOptions, follow, noteCursor } from '../../src/client/tanstack-query.ts';
import { type ScriptedLive, scriptedLive } from './scripted-live.ts';

/* The cache of TanStack Query itself, before an API that answers when the test says so. */

/** Of the test that runs. */
export let client: QueryClient;
export let live: ScriptedLive;
export let api: Api;

/** What a fetch reads is fixed when it begins; it is answered later, as over a slow line. */
class Api {
  version = 1;
  /** The position of the gateway's log. Undefined: it sends no cursor. */
  cursor: string | undefined;
  readonly #waiting: (() => void)[] = [];
  fetches = 0;

  readonly read = (context: { readonly queryKey: QueryKey }): Promise<number> => {
    this.fetches += 1;
    const { version, cursor } = this;
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        noteCursor(
          context,
          new Response(null, { headers: cursor === undefined ? {} : { 'Unstale-Event-Cursor': cursor } }),
        );
        resolve(version);
      });
    });
  };

  /** Answers the fetches that wait, the oldest first. */
  async answer(): Promise<void> {
    for (const answer of this.#waiting.splice(0)) answer();
    await turn();
  }
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface Shown {
  readonly data: () => unknown;
  close(): void;
}

/** A query that is on the screen. It never gets stale by itself. */
export function show(queryKey: QueryKey = ['step', 7], options: { enabled?: boolean } = {}): Shown {
  const observer = new QueryObserver(client, {
    queryKey,
    queryFn: api.read,
    retry: false,
    staleTime: Infinity,
    ...options,
  });
  const close = observer.subscribe(() => {});
  return { data: () => observer.getCurrentResult().data, close };
}

export async function shown(queryKey?: QueryKey): Promise<Shown> {
  const query = show(queryKey);
  await api.answer();
  return query;
}

export const followed = (options?: FollowOptions): (() => void) =>
  follow(client, live, { '/steps/:id': ({ id }) => [['step', id]], '/trips/:id': ({ id }) => [['trip', id]] }, options);

/** Somebody changes the step. */
export function change(id: string): void {
  api.version += 1;
  live.event({ id, paths: ['/steps/7'] });
}

/** Called by each file that uses this: both are made anew for each of its tests. */
export function useQueryRig(): void {
  beforeEach(() => {
    client = new QueryClient();
    live = scriptedLive();
    api = new Api();
  });
  afterEach(() => {
    client.clear();
    vi.useRealTimers();
  });
}

/** For a connection that is not live yet. */
export function startConnecting(): void {
  live = scriptedLive('connecting');
}
