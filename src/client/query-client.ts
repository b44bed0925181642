/** What is needed of a query of TanStack Query 5. */
export interface QueryLike {
  readonly queryKey: readonly unknown[];
  readonly state: { readonly fetchStatus: 'fetching' | 'paused' | 'idle' };
  invalidate(): void;
  isActive(): boolean;
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
  getMutationCache(): { subscribe(listener: () => void): () => void };
  isMutating(): number;
  refetchQueries(
    filters: { readonly type: 'active'; predicate(query: QueryLike): boolean },
    options: { readonly cancelRefetch: boolean },
  ): Promise<void>;
}
