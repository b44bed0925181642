import { beginNotes, takeNotes } from './cursor.ts';
import { compareIds, isNewer } from './event-id.ts';
import { matchesKey } from './key-pattern.ts';
import type { MutationLike, QueryCacheEvent, QueryClientLike, QueryLike } from './query-client.ts';
import type { Affected, Announced } from './query-map.ts';

/** What is known of a query that an event affects, until a fetch that began after the event has succeeded. */
interface Pending {
  /** Of the newest event. */
  id: string | undefined;
  /**
   * - `due`: it is refetched when its timer fires, unless a fetch begins before
   * - `running`: a fetch was running when the event came; the query is looked at again when it ends
   * - `covered`: a fetch is running that began after the event, so its answer is current
   * - `held`: its fetch was cancelled while a mutation runs, for an optimistic update, which a fetch would undo; it is
   *   refetched when its `holders` have ended
   * - `failed`: its fetch failed, after all retries, or was cancelled while no mutation runs; it is refetched with the
   *   next event, or when the connection is live again
   */
  phase: 'due' | 'running' | 'covered' | 'held' | 'failed';
  /** Mutations that have updated it. Others may run for as long as they like: uploads, or what waits for a network. */
  holders?: readonly MutationLike[];
}

export interface FollowerOptions {
  /** What `all` means. */
  readonly queries: (queryKey: readonly unknown[]) => boolean;
  readonly random: () => number;
}

/** Marks what events affect as stale, and has it fetched: one fetch at a time for each query. */
export class Follower {
  readonly #client: QueryClientLike;
  readonly #options: FollowerOptions;
  readonly #pending = new Map<QueryLike, Pending>();
  /** Of the data that a query has. */
  readonly #cursors = new WeakMap<QueryLike, string>();
  /** Whose data is older than an event. An application that sets data removes the query's own mark. */
  readonly #old = new WeakSet<QueryLike>();
  #wasLive = false;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #endings: (() => void)[];

  constructor(client: QueryClientLike, options: FollowerOptions) {
    this.#client = client;
    this.#options = options;
    this.#endings = [
      client.getQueryCache().subscribe((event) => this.#observe(event)),
      client.getMutationCache().subscribe(() => this.#release()),
    ];
  }

  stop(): void {
    for (const end of this.#endings.splice(0)) end();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#pending.clear();
  }

  tell(affected: Affected, { id, refetchWithinMs = 0 }: Announced): void {
    this.#wasLive = true;
    const isAffected = this.#selects(affected);
    const queries = this.#client.getQueryCache().getAll();
    const due = queries.filter((query) => isAffected(query.queryKey) && this.#affect(query, id));
    if (due.length > 0) this.#refetch(due, refetchWithinMs * this.#options.random());
  }

  /** The connection is back, so what could not be fetched may be. */
  retry(): void {
    this.#refetchAll('failed');
  }

  #selects(affected: Affected): (queryKey: readonly unknown[]) => boolean {
    if (affected === 'all') return this.#options.queries;
    return (queryKey) => affected.some((pattern) => matchesKey(queryKey, pattern));
  }

  /** Marks a query as stale. Returns whether it has become due. */
  #affect(query: QueryLike, id: string | undefined): boolean {
    if (this.#isNewer(query, id)) return false;
    this.#mark(query);
    const known = this.#pending.get(query);
    if (known !== undefined && known.phase !== 'failed') {
      // A resync may come late, from an earlier id. Undefined is newer than all.
      if (known.id !== undefined && (id === undefined || isNewer(id, known.id))) known.id = id;
      if (known.phase === 'covered') known.phase = 'running';
      return false;
    }
    const isFetching = query.state.fetchStatus !== 'idle';
    if (isFetching || query.isActive()) this.#pending.set(query, { id, phase: isFetching ? 'running' : 'due' });
    return !isFetching && query.isActive();
  }

  #mark(query: QueryLike): void {
    this.#old.add(query);
    query.invalidate();
  }

  /** Whether the query's data is known to be from after the event. */
  #isNewer(query: QueryLike, id: string | undefined): boolean {
    const cursor = this.#cursors.get(query);
    return cursor !== undefined && id !== undefined && compareIds(cursor, id) >= 0;
  }

  #refetch(queries: readonly QueryLike[], delayMs: number): void {
    if (delayMs === 0) {
      this.#refetchNow(queries);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#refetchNow(queries);
    }, delayMs);
    this.#timers.add(timer);
  }

  #refetchNow(queries: readonly QueryLike[]): void {
    // The others have begun a fetch by themselves, or are gone.
    const due = new Set(queries.filter((query) => this.#pending.get(query)?.phase === 'due'));
    // Once more: the application may have set data since, which removes the mark.
    for (const query of due) query.invalidate();
    const filters = { type: 'active' as const, predicate: (query: QueryLike) => due.has(query) };
    if (due.size > 0) void this.#client.refetchQueries(filters, { cancelRefetch: false });
    // What does not fetch (it has been disabled, or has left the screen) is stale when it does.
    for (const query of due) if (this.#pending.get(query)?.phase === 'due') this.#pending.delete(query);
  }

  #observe({ type, query, action }: QueryCacheEvent): void {
    if (type === 'removed') this.#pending.delete(query);
    // Restored, or made of other data: it may be older than an event that nobody could tell it of.
    const isRestored = type === 'added' && query.state.data !== undefined && this.#wasLive;
    if (isRestored && this.#options.queries(query.queryKey)) this.#mark(query);
    if (type !== 'updated' || action === undefined) return;
    this.#followCursor(query, action);
    const pending = this.#pending.get(query);
    if (action.type === 'fetch' && addsPage(action) && this.#old.has(query)) {
      // The pages that it has stay as old as they are, and the fetch of all of them has been cancelled.
      this.#pending.set(query, { id: pending?.id, phase: 'running' });
      return;
    }
    if (pending === undefined) return;
    // A second update of what is held.
    if (pending.phase === 'held' && action.type === 'success') this.#hold(pending);
    const isFetching = pending.phase === 'running' || pending.phase === 'covered';
    if (!isFetching && action.type === 'fetch') pending.phase = 'covered';
    else if (isFetching && query.state.fetchStatus === 'idle') this.#settle(query, pending, action.type);
  }

  /** A fetch has ended. A cancelled one (`setState`) leaves what was there before it. */
  #settle(query: QueryLike, pending: Pending, action: string): void {
    if (action === 'setState') {
      query.invalidate();
      pending.holders = [];
      this.#hold(pending);
    } else if (pending.phase === 'running') {
      this.#pending.delete(query);
      if (this.#affect(query, pending.id)) this.#refetch([query], 0);
    } else if (action === 'error') {
      pending.phase = 'failed';
    } else {
      this.#pending.delete(query);
    }
  }

  /** The mutation that updates a query is the newest that runs: a mutation does it first of all. */
  #hold(pending: Pending): void {
    const newest = this.#client.getMutationCache().getAll().filter(isRunning).slice(-1);
    pending.holders = [...(pending.holders ?? []), ...newest];
    pending.phase = pending.holders.length > 0 ? 'held' : 'failed';
  }

  #release(): void {
    this.#refetchAll('held', ({ holders = [] }) => !holders.some(isRunning));
  }

  #refetchAll(phase: Pending['phase'], isDue = (_: Pending): boolean => true): void {
    const found = [...this.#pending].filter(([, pending]) => pending.phase === phase && isDue(pending));
    for (const [, pending] of found) pending.phase = 'due';
    this.#refetchNow(found.map(([query]) => query));
  }

  #followCursor(query: QueryLike, action: Action): void {
    const { type, manual } = action;
    if (type === 'fetch') {
      beginNotes(query.queryKey, addsPage(action) ? { cursor: this.#cursors.get(query) } : undefined);
    } else if (type === 'success' && manual !== true) {
      this.#old.delete(query);
      this.#hasCursor(query, takeNotes(query.queryKey));
    } else if (type === 'success' || type === 'setState') {
      // Data from elsewhere: nobody knows how old it is. On the screen, it may be an optimistic update.
      this.#hasCursor(query, undefined);
      if (this.#old.has(query) && !query.isActive()) query.invalidate();
    }
  }

  #hasCursor(query: QueryLike, cursor: string | undefined): void {
    if (cursor === undefined) this.#cursors.delete(query);
    else this.#cursors.set(query, cursor);
  }
}

type Action = NonNullable<QueryCacheEvent['action']>;

/** Whether only another page of an infinite query is fetched: those that it has are as old as they were. */
const addsPage = ({ meta }: Action): boolean => (meta as { fetchMore?: unknown } | undefined)?.fetchMore !== undefined;

const isRunning = ({ state }: MutationLike): boolean => state.status === 'pending';
