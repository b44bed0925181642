/** One event as subscribers get it. `id` is its position in the log; events are announced in that order. */
export interface Event {
  /** `<epoch>-<position>`, with `.n` behind it for the further events of one record. */
  readonly id: string;
  /** `invalidate`, or what the rule's `event` says. */
  readonly type: string;
  /** Canonical paths, or patterns of them where a target had wildcards: `/steps/7`, `/steps/*`. */
  readonly paths: readonly string[];
  /** Declared tags; a `*` in one is a wildcard. */
  readonly tags: readonly string[];
  readonly cause: { readonly method: string; readonly path: string; readonly rule: string | null };
  /** What the rule's event declares that it carries. */
  readonly payload?: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  readonly at: string;
}
