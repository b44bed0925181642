import { allNotes, type Notes, noted } from './cursor.ts';
import { compareIds } from './event-id.ts';
import { matchesKey } from './key-pattern.ts';
import type { MutationLike, QueryCacheEvent, QueryClientLike, QueryLike } from './query-client.ts';
import type { Affected, Announced } from './query-map.ts';
import type { Live } from './types.ts';

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
   *   next event, or when the connection is live again, or after a while if a fetch has failed
   */
  phase: 'due' | 'running' | 'covered' | 'held' | 'failed';
  /** Mutations that have updated it. Others may run for as long as they like: uploads, or what waits for a network. */
  holders?: readonly MutationLike[];
}

/** What failed is fetched again after this time, while the connection is live, and then in pauses that double. */
const RETRY_MS = 30_000;
/**
 * The longest pause, before the random part that may double it, for what never succeeds: a page may show for days what
 * has been deleted.
 */
const MAX_RETRY_MS = 5 * 60_000;

export interface FollowerOptions {
  /** What `all` means. */
  readonly queries: (queryKey: readonly unknown[]) => boolean;
  readonly random: () => number;
  readonly live: Pick<Live, 'state'>;
}

/** Marks what events affect as stale, and has it fetched: one fetch at a time for each query. */
export class Follower {
  readonly #client: QueryClientLike;
  readonly #options: FollowerOptions;
  readonly #pending = new Map<QueryLike, Pending>();
  /** Of the data that a query has. */
  readonly #cursors = new WeakMap<QueryLike, string | undefined>();
  readonly #notes: Notes = new WeakMap();
  /** Queries whose data is older than an event. TanStack Query's own mark is lost when an application sets data. */
  readonly #outdated = new WeakSet<QueryLike>();
  #isRetrying = false;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #endings: (() => void)[];

  constructor(client: QueryClientLike, options: FollowerOptions) {
    this.#client = client;
    this.#options = options;
    // A fetch that runs may have noted something before.
    for (const { queryKey } of client.getQueryCache().getAll()) this.#notes.set(queryKey, noted.get(queryKey));
    allNotes.add(this.#notes);
    this.#endings = [
      client.getQueryCache().subscribe((event) => this.#observe(event)),
      client
        .getMutationCache()
        .subscribe(() => this.#refetchAll('held', ({ holders = [] }) => !holders.some(isRunning))),
    ];
  }

  stop(): void {
    for (const end of this.#endings) end();
    this.#timers.forEach(clearTimeout);
    allNotes.delete(this.#notes);
  }

  tell(affected: Affected, { id, refetchWithinMs = 0 }: Announced): void {
    const { queries, random } = this.#options;
    const isAffected = (key: readonly unknown[]): boolean =>
      affected === 'all' ? queries(key) : affected.some((pattern) => matchesKey(key, pattern));
    const all = this.#client.getQueryCache().getAll();
    const due = all.filter((query) => isAffected(query.queryKey) && this.#affect(query, id));
    const delayMs = refetchWithinMs * random();
    if (delayMs === 0) this.#refetch(due);
    else if (due.length > 0) this.#after(delayMs, () => this.#refetch(due));
  }

  /** Fetches what could not be fetched. Returns whether there is any. */
  retry(): boolean {
    return this.#refetchAll('failed');
  }

  /** Marks a query as stale. Returns whether it has become due. */
  #affect(query: QueryLike, id: string | undefined): boolean {
    // Its data is known to be from after the event.
    if (id !== undefined && compareIds(this.#cursors.get(query) ?? '', id) >= 0) return false;
    this.#mark(query);
    const known = this.#pending.get(query);
    if (known !== undefined && known.phase !== 'failed') {
      // A resync may come late, from an earlier id. Undefined is newer than all.
      if (known.id !== undefined && !(compareIds(id ?? '', known.id) <= 0)) known.id = id;
      if (known.phase === 'covered') known.phase = 'running';
      return false;
    }
    const phase = query.state.fetchStatus === 'idle' ? 'due' : 'running';
    if (phase === 'due' && !query.isActive()) return false;
    this.#pending.set(query, { id, phase });
    return phase === 'due';
  }

  #mark(query: QueryLike): void {
    this.#outdated.add(query);
    query.invalidate();
  }

  #after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }

  /** One timer for all. The random part spreads clients whose fetches have failed together. */
  #retryLater(ms = RETRY_MS): void {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    this.#after(ms * (1 + this.#options.random()), () => {
      this.#isRetrying = false;
      // When it is live again, all is fetched anyway.
      if (this.#options.live.state === 'live' && this.retry()) this.#retryLater(Math.min(ms * 2, MAX_RETRY_MS));
    });
  }

  #refetch(queries: readonly QueryLike[]): void {
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
    // Restored or derived data may be older than an event that came while the query did not exist.
    const isRestored = type === 'added' && query.state.data !== undefined && this.#options.live.state !== 'connecting';
    if (isRestored && this.#options.queries(query.queryKey)) this.#mark(query);
    if (action === undefined) return;
    this.#followCursor(query, action);
    const pending = this.#pending.get(query);
    if (addsPage(action) && this.#outdated.has(query)) {
      // The pages that it has stay as old as they are, and the fetch of all of them has been cancelled.
      this.#pending.set(query, { id: pending?.id, phase: 'running' });
      return;
    }
    if (pending === undefined) return;
    // A second update of what is held.
    if (pending.phase === 'held' && action.type === 'success') this.#hold(pending, pending.holders);
    const isFetching = pending.phase === 'running' || pending.phase === 'covered';
    if (!isFetching && action.type === 'fetch') pending.phase = 'covered';
    else if (isFetching && query.state.fetchStatus === 'idle') this.#settle(query, pending, action.type);
  }

  /** A fetch has ended. A cancelled one (`setState`) leaves what was there before it. */
  #settle(query: QueryLike, pending: Pending, action: string): void {
    if (action === 'setState') {
      // First: being marked is observed as well, and a fetch that has ended would be made up for at once.
      this.#hold(pending);
      query.invalidate();
    } else if (pending.phase === 'running') {
      this.#pending.delete(query);
      this.#affect(query, pending.id);
      this.#refetch([query]);
    } else if (action === 'error') {
      pending.phase = 'failed';
      this.#retryLater();
    } else {
      this.#pending.delete(query);
    }
  }

  /** The mutation that updates a query is the newest that runs: a mutation does it first of all. */
  #hold(pending: Pending, holders: readonly MutationLike[] = []): void {
    const newest = this.#client.getMutationCache().getAll().filter(isRunning).slice(-1);
    pending.holders = [...holders, ...newest];
    pending.phase = pending.holders.length > 0 ? 'held' : 'failed';
  }

  #refetchAll(phase: Pending['phase'], isDue = (_: Pending): boolean => true): boolean {
    const found = [...this.#pending].filter(([, pending]) => pending.phase === phase && isDue(pending));
    for (const [, pending] of found) pending.phase = 'due';
    this.#refetch(found.map(([query]) => query));
    return found.length > 0;
  }

  #followCursor(query: QueryLike, action: Action): void {
    const { type, manual } = action;
    if (type === 'fetch') {
      this.#notes.set(query.queryKey, addsPage(action) ? (this.#cursors.get(query) ?? '') : undefined);
    } else if (type === 'setState' || manual === true) {
      // Data from elsewhere: nobody knows how old it is. On the screen, it may be an optimistic update.
      this.#cursors.delete(query);
      if (this.#outdated.has(query) && !query.isActive()) query.invalidate();
    } else if (type === 'success') {
      this.#outdated.delete(query);
      this.#cursors.set(query, this.#notes.get(query.queryKey));
    }
  }
}

type Action = NonNullable<QueryCacheEvent['action']>;

/** Whether only another page of an infinite query is fetched: those that it has are as old as they were. */
const addsPage = ({ meta }: Action): boolean => (meta as { fetchMore?: unknown } | undefined)?.fetchMore !== undefined;

const isRunning = ({ state }: MutationLike): boolean => state.status === 'pending';
