/** An event as subscribers receive it. `id` is its position in the log; events are announced in that order. */
export interface Event {
  /** `<epoch>-<position>`, followed by `.n` for further events of the same record. */
  readonly id: string;
  /** `invalidate`, or the type that the rule's `event` names. */
  readonly type: string;
  /** Canonical paths, or patterns if a target had wildcards: `/steps/7`, `/steps/*`. */
  readonly paths: readonly string[];
  /** Declared tags. A `*` is a wildcard. */
  readonly tags: readonly string[];
  readonly cause: { readonly method: string; readonly path: string; readonly rule: string | null };
  /** The payload that the rule's event declares. */
  readonly payload?: Readonly<Record<string, unknown>> | undefined;
  /** ISO 8601. */
  readonly at: string;
  /** Clients spread what they fetch again over this time. Absent: they fetch at once. */
  readonly refetchWithinMs?: number | undefined;
  /** The client that wrote, if it said so (`Unstale-Client`). Not announced to it, and told to nobody. */
  readonly client?: string | undefined;
}
