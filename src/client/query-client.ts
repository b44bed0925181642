/** What is needed of a query of TanStack Query 5. */
export interface QueryLike {
  readonly queryKey: readonly unknown[];
  readonly state: { readonly data: unknown; readonly fetchStatus: 'fetching' | 'paused' | 'idle' };
  invalidate(): void;
  isActive(): boolean;
}

/** What is needed of a mutation of TanStack Query 5. */
export interface MutationLike {
  readonly state: { readonly status: string };
}

export interface QueryCacheEvent {
  readonly type: string;
  readonly query: QueryLike;
  readonly action?: { readonly type: string; readonly manual?: boolean; readonly meta?: unknown };
}

/** What is needed of a `QueryClient` of TanStack Query 5: of React, Vue, Svelte, Solid, Angular, or of no framework. */
export interface QueryClientLike {
  getQueryCache(): {
    getAll(): readonly QueryLike[];
    subscribe(listener: (event: QueryCacheEvent) => void): () => void;
  };
  getMutationCache(): { getAll(): readonly MutationLike[]; subscribe(listener: () => void): () => void };
  refetchQueries(
    filters: { readonly type: 'active'; predicate(query: QueryLike): boolean },
    options: { readonly cancelRefetch: boolean },
  ): Promise<void>;
}
