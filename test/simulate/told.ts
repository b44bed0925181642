/** What a shard reports of each schedule, or of each mutant. */
export interface Told {
  readonly counts?: Readonly<Record<string, number>>;
  readonly line?: string;
  readonly failed: boolean;
}
