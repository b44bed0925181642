import type { Clock } from '../clock.ts';
import type { MissedUntil } from '../coherence/missed.ts';
import { strongTagOf } from '../http/validation.ts';
import type { MemoryStore, Restored } from '../store/memory.ts';
import { type StoredResponse, UNCONFIRMED } from '../store/stored-response.ts';
import { SnapshotFault } from './format.ts';
import { Matcher } from './matcher.ts';
import { Pace } from './pace.ts';
import { SnapshotFile } from './read-file.ts';
import { Seal } from './seal.ts';

/** Of the memory tier: what is loaded leaves room for what is read meanwhile. */
const LOADED_SHARE = 0.9;
/** How long requests may have to wait for a slice of the work. */
const SLICE_MS = 0.2;

export interface LoadOptions {
  readonly mode: 'revalidate' | 'trust';
  readonly store: Pick<MemoryStore, 'restore' | 'touch'>;
  /** Of the memory tier. */
  readonly maxBytes: number;
  /** A response of another configuration may have other keys and tags. */
  readonly fingerprint: string;
  readonly secret: Buffer | undefined;
  readonly missedSince: (mark: unknown) => Promise<MissedUntil>;
  readonly clock: Clock;
  /** The node stops, or an operator drops the snapshot. */
  readonly signal: AbortSignal;
}

/**
 * What became of the responses of a snapshot. `untagged`: they are to be confirmed, and have no strong entity tag.
 * `later`: they are of a time after the save began, so their age is not known.
 */
export type LoadCounts = Record<Restored | 'untagged' | 'later', number>;

export type Loaded =
  | { readonly kind: 'none' }
  /** Nothing was loaded. `why` completes the sentence "not loaded: …". */
  | { readonly kind: 'cold'; readonly why: string }
  /** `doubt` completes the sentence "to be revalidated: …". */
  | {
      readonly kind: 'loaded';
      readonly savedAt: string;
      readonly confirmed: number;
      readonly counts: LoadCounts;
      readonly doubt: string | undefined;
      /** Why it was given up before its end. */
      readonly cut: string | undefined;
    };

/**
 * Loads what a snapshot has and nothing known has invalidated since. Never rejects: a cold start is always possible.
 */
export async function loadSnapshot(path: string, options: LoadOptions): Promise<Loaded> {
  let file: SnapshotFile;
  try {
    file = await SnapshotFile.open(path);
  } catch (error) {
    return isMissing(error) ? { kind: 'none' } : cold(error);
  }
  try {
    return await load(file, options);
  } catch (error) {
    return cold(error);
  } finally {
    // It was only read: what a failed close could lose was never written.
    await file.close().catch(() => undefined);
  }
}

async function load(file: SnapshotFile, options: LoadOptions): Promise<Loaded> {
  const { fingerprint, secret, clock, store } = options;
  const { savedAt, mark, ...header } = file.header;
  if (header.fingerprint !== fingerprint)
    throw new SnapshotFault('routes, rules or origins have changed since it was saved');
  if (!(Date.parse(savedAt) <= clock.wall()))
    throw new SnapshotFault(`it was saved in the future (${savedAt}): the clock has jumped`);
  const seal = Seal.of(file.header, secret);
  const pace = new Pace(clock, SLICE_MS);
  // Before anything is used: what is damaged is not used in part.
  await file.verify(pace);
  if (options.signal.aborted) throw new SnapshotFault('it was given up');
  const missed = await options.missedSince(mark);
  const isTrusted = options.mode === 'trust' && missed.known;
  const covered = new Matcher(missed.coverages);
  const maxBytes = options.maxBytes * LOADED_SHARE;
  const counts = { restored: 0, covered: 0, present: 0, 'no-room': 0, untagged: 0, later: 0 };
  const restored: StoredResponse[] = [];
  const until = Date.parse(savedAt);
  let cut: string | undefined;
  try {
    for await (const response of file.responses(seal, isTrusted ? missed.asOf : UNCONFIRMED)) {
      if (options.signal.aborted) throw new SnapshotFault('the gateway stops, or it was dropped');
      const outcome = covered.covers(response)
        ? 'covered'
        : (unfit(response, until) ?? store.restore(response, missed.asOf, maxBytes));
      counts[outcome] += 1;
      if (outcome === 'restored') restored.push(response);
      if (pace.isOver) await pace.rest();
    }
  } catch (error) {
    // What has been restored by then is sound by itself.
    cut = wordsOf(error);
  }
  for (const response of restored.toReversed()) {
    store.touch(response);
    if (pace.isOver) await pace.rest();
  }
  const confirmed = restored.filter(({ asOf }) => asOf !== UNCONFIRMED).length;
  const doubt = missed.known ? undefined : missed.why;
  return { kind: 'loaded', savedAt, confirmed, counts, doubt, cut };
}

/** Why a response is not loaded, whatever else is here. */
function unfit(response: StoredResponse, savedAt: number): 'later' | 'untagged' | undefined {
  // Of a clock that was ahead, most likely. Until it is that time again, the response would have no age.
  if (response.respondedAt > savedAt) return 'later';
  if (response.asOf !== UNCONFIRMED) return undefined;
  // A read of another method cannot be conditional. Its key begins with its content.
  const isGet = /^https?:\/\//.test(response.key);
  return isGet && strongTagOf(response.headers) !== undefined ? undefined : 'untagged';
}

function cold(error: unknown): Loaded {
  return { kind: 'cold', why: wordsOf(error) };
}

function wordsOf(error: unknown): string {
  if (error instanceof SnapshotFault) return error.message;
  const why = error instanceof Error ? error.message : String(error);
  return `the snapshot cannot be read (${why})`;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
