import { onceLive } from './once-live.ts';
import type { QueryClientLike } from './query-client.ts';
import { Follower } from './query-follower.ts';
import { compileMap, type QueryMap } from './query-map.ts';
import type { Live } from './types.ts';

export { cursorOf, noteCursor } from './cursor.ts';
export type { QueryClientLike } from './query-client.ts';
export type { ParamsOf, QueryMap } from './query-map.ts';

export interface FollowOptions {
  /**
   * Which queries a `resync` is about, and whatever the map cannot tell. Leave out those that are not fetched through
   * the gateway. Default: all.
   */
  readonly queries?: (queryKey: readonly unknown[]) => boolean;
  /** From 0 to 1: where within the gateway's `refetchWithinMs` this client refetches. Default: `Math.random`. */
  readonly random?: () => number;
}

/**
 * Keeps a query cache current: what an event affects becomes stale, and is refetched if it is on the screen.
 *
 * - A fetch that is running when an event comes may have been answered before the change. The query is fetched once
 *   more when it has ended, however many events come until then.
 * - After a `resync`, and when the first stream opens, all queries count as affected.
 * - With the cursor of a response (`noteCursor`), what is known to be newer than the event is left alone. An event that
 *   says how something stands (`isStatus`) is about all of what the map names.
 *
 * @returns what ends it
 * @throws TypeError for a map that cannot be right
 */
export function follow<Key extends string>(
  queryClient: QueryClientLike,
  live: Live,
  map: QueryMap<Key, readonly unknown[]>,
  options: FollowOptions = {},
): () => void {
  const readEvent = compileMap(map, Array.isArray);
  const { queries = () => true, random = Math.random } = options;
  const follower = new Follower(queryClient, { queries, random, live });
  const endings = [
    live.on('event', (event) => {
      const { affected, error } = readEvent(event);
      // How something stands has the id of the event before it: no data is newer than that.
      follower.tell(affected, event.isStatus ? { ...event, id: undefined } : event);
      // The connection makes a warning of it, with the id of the event.
      if (error !== undefined) throw error;
    }),
    live.on('resync', (resync) => follower.tell('all', resync)),
    // Whatever was fetched before the stream was confirmed may have changed in between.
    onceLive(live, () => follower.tell('all', { id: live.lastEventId })),
    live.on('state', ({ state }) => state === 'live' && follower.retry()),
    () => follower.stop(),
  ];
  return () => {
    for (const end of endings.splice(0)) end();
  };
}
