/** A subscriber's filter: events that match any of the path patterns or tags; all events if both are empty. */
export interface Filter {
  /** Patterns as written: `/steps/:id`, `/steps/7`. */
  readonly match: readonly string[];
  readonly tags: readonly string[];
}
