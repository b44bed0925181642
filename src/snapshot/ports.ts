import type { Missed } from '../coherence/missed.ts';
import type { Coverage } from '../coherence/tag.ts';

/** What operators may do with the snapshot of this node, and what has become of it. */
export interface Snapshots {
  status(): SnapshotStatus;
  /** Copies may still come out of the snapshot. */
  readonly isLoading: boolean;
  /**
   * Saves now, whatever `store.snapshot.save` says.
   * @throws GatewayError the file cannot be written, or the last snapshot is not loaded yet as the node has not joined
   *   the others. The last good snapshot is kept
   */
  save(): Promise<SavedSnapshot>;
  /** Removes the snapshot, its journal, and what was loaded from it and not confirmed by the API. */
  drop(): Promise<DroppedSnapshot>;
}

export interface DroppedSnapshot {
  /** False: there was none. */
  readonly removed: boolean;
  /** Processes of this gateway that did not answer: what they have loaded and not confirmed may still be there. */
  readonly unanswered: number;
}

/** One line each in the start-up log and in `GET /readyz?verbose`. */
export interface SnapshotStatus {
  readonly load: 'off' | 'revalidate' | 'trust';
  /** `off`, `stop`, or the milliseconds between two saves. */
  readonly save: 'off' | 'stop' | number;
  /** What was loaded, or why it was not. Complete sentences without a full stop. */
  readonly loaded: string;
  /** The last save, or why it failed. */
  readonly saved: string;
}

export interface SavedSnapshot {
  readonly path: string;
  readonly responses: number;
  readonly bytes: number;
  /** Responses that were not saved, by reason. */
  readonly left: Readonly<Record<'per-user' | 'no-room', number>>;
  readonly ms: number;
}

/**
 * Names a segment of the journal, in snapshots. It has a number and a nonce, so that a foreign file is not taken for
 * it.
 */
export type Segment = string;

/** Invalidations of a single node, kept in files beside its snapshot. */
export interface Journal {
  /**
   * Begins a segment. A snapshot that is saved from now on misses what this and later segments hold.
   * @throws Error the segment cannot be created. The current one goes on
   */
  rotate(): Segment;
  /** Synchronous: it returns once the operating system has the entry. If it fails, the run does not end cleanly. */
  append(coverage: Coverage): void;
  /** What earlier runs have invalidated in this and later segments. This run's own records are in its log. */
  since(segment: Segment): Promise<Missed>;
  /** No snapshot needs segments before this one. */
  release(segment: Segment): void;
  /** The node has stopped, after its last write. Only then does the next start know that nothing is missing. */
  end(): void;
}
