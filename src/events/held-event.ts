/** An event as held in memory: the frame to send, and the names that select its subscribers. */
export interface HeldEvent {
  readonly id: string;
  readonly type: string;
  readonly paths: readonly string[];
  readonly tags: readonly string[];
  /** As an event stream has it that may show all of it. */
  readonly frame: Buffer;
  /** The client that caused it, and is not told. */
  readonly client: string | undefined;
}
