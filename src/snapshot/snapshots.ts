import { randomBytes } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { MissedUntil } from '../coherence/missed.ts';
import type { SnapshotConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { MemoryStore } from '../store/memory.ts';
import { isShared } from '../store/second-tier.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { keysByUse } from './by-use.ts';
import { loadSnapshot } from './load.ts';
import { Pace } from './pace.ts';
import type { DroppedSnapshot, SavedSnapshot, SnapshotStatus, Snapshots } from './ports.ts';
import { inWords, wordsOfSaved, wordsOfSwitches } from './report.ts';
import { Seal } from './seal.ts';
import { FILE_NAME, writeSnapshot } from './write-file.ts';

/** How long requests may have to wait for a slice of a save. */
const SLICE_MS = 0.2;
/** Between two slices: requests, and the garbage of a save, have most of the core. A stop does not rest. */
const REST_MS = 2;

/** Where the log stands, as snapshots note it, and what it has had since. */
export interface SnapshotLog {
  /** Begins what a snapshot misses that is saved from now on. */
  mark(): Promise<unknown>;
  missedSince(mark: unknown): Promise<MissedUntil>;
  /** No snapshot needs what was before. */
  release(mark: unknown): void;
}

export interface SnapshotParts {
  readonly config: SnapshotConfig;
  readonly store: MemoryStore;
  /** Of the memory tier. */
  readonly maxBytes: number;
  readonly fingerprint: string;
  readonly log: SnapshotLog;
  /** Whether this process may write to the folder: of several, one may. */
  readonly saves: boolean;
  /** Has the other processes of this gateway forget, too. Resolves with how many of them did not. */
  readonly forgetEverywhere: () => Promise<number>;
  readonly isPerUser: (response: StoredResponse) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The snapshot of this node: one step at a time, in the background. */
export class NodeSnapshots implements Snapshots {
  readonly #parts: SnapshotParts;
  readonly #path: string;
  /** Ends when the step under way has ended. Never rejects. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #loading = new AbortController();
  /** Nothing else needs the core any more. */
  #isStopping = false;
  #hasStarted = false;
  #timer: NodeJS.Timeout | undefined;
  #isLoading = false;
  /** Another save would lose what the last snapshot has: this node has not loaded it, or not to its end. */
  #lastHasMore = false;
  /** Nothing is loaded before the node has joined the others, and that may take as long as they are away. */
  #mayLoad: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #loaded: string;
  #saved: string;

  constructor(parts: SnapshotParts) {
    const { load, save, path } = parts.config;
    this.#parts = parts;
    this.#path = join(path, FILE_NAME);
    this.#loaded = load === 'off' ? 'nothing loaded: load is off' : 'nothing loaded yet';
    this.#saved = save === 'off' || !parts.saves ? 'nothing saved: save is off' : 'nothing saved yet';
  }

  /** Begins to load, once the node has joined the others. Saves follow. */
  start(joined: Promise<void>): void {
    const { load, save, path } = this.#parts.config;
    this.#hasStarted = true;
    this.#parts.logger.info({ path, load, save }, `snapshots: ${wordsOfSwitches({ load, save })}`);
    if (load !== 'off') {
      this.#isLoading = true;
      this.#lastHasMore = true;
      this.#mayLoad = Promise.race([joined, aborted(this.#loading.signal)]);
      this.#step(async () => {
        await this.#mayLoad;
        await this.#load(load);
      }).catch((error: unknown) => {
        this.#hasFailed = true;
        this.#parts.logger.error({ err: error }, 'snapshot: the load failed');
      });
    }
    this.#saveLater();
  }

  /** The last save, unless the load is given up for it: then the last snapshot has more than memory. */
  async stop(): Promise<void> {
    const { save } = this.#parts.config;
    clearTimeout(this.#timer);
    this.#isStopping = true;
    // A node that has not joined the others does not know where the log stands.
    const isWaiting = await isPending(this.#mayLoad);
    this.#loading.abort();
    await this.#last;
    // Without a start there is nothing in memory, and the last snapshot has more.
    if (save === 'off' || !this.#parts.saves || !this.#hasStarted) return;
    if (isWaiting || this.#lastHasMore) this.#note('not saved: the last snapshot was still being loaded, and is kept');
    else await this.#tryToSave();
  }

  get isLoading(): boolean {
    return this.#isLoading && !this.#hasFailed;
  }

  status(): SnapshotStatus {
    const { load, save } = this.#parts.config;
    return { load, save, loaded: this.#loaded, saved: this.#saved };
  }

  async save(): Promise<SavedSnapshot> {
    if (!this.#parts.saves) throw new GatewayError('notSaved', 'another process of this gateway saves');
    if (await isPending(this.#mayLoad)) {
      throw new GatewayError(
        'notServing',
        'the last snapshot is loaded once this node has joined the others: save then',
      );
    }
    return this.#step(() => this.#save());
  }

  async drop(): Promise<DroppedSnapshot> {
    this.#loading.abort();
    return this.#step(async () => {
      const removed = await stat(this.#path).then(
        () => true,
        () => false,
      );
      await rm(this.#path, { force: true });
      const { log, store, logger, forgetEverywhere } = this.#parts;
      const dropped = store.dropUnconfirmed();
      // Nothing refers to the journal any more. What is left of it, the next save releases.
      await log.mark().then(
        (mark) => log.release(mark),
        (error: unknown) => logger.warn({ err: error }, 'snapshot: its journal could not be removed'),
      );
      const unanswered = await forgetEverywhere();
      this.#saved = 'nothing saved since the snapshot was dropped';
      logger.info({ removed, dropped, unanswered }, 'snapshot dropped');
      return { removed, unanswered };
    });
  }

  /** Removes what was loaded and not confirmed: another process has dropped the file. */
  async forget(): Promise<void> {
    this.#loading.abort();
    await this.#step(async () => void this.#parts.store.dropUnconfirmed());
  }

  /** Steps run one after the other. */
  #step<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#last.then(run);
    // Whoever called has the error.
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #load(mode: 'revalidate' | 'trust'): Promise<void> {
    const { config, store, maxBytes, fingerprint, log, clock, logger } = this.#parts;
    const startedAt = clock.monotonic();
    const loaded = await loadSnapshot(this.#path, {
      ...{ mode, store, maxBytes, fingerprint, clock, secret: secretOf(config) },
      missedSince: (mark) => log.missedSince(mark),
      signal: this.#loading.signal,
    });
    this.#isLoading = false;
    const isWhole = loaded.kind === 'none' || (loaded.kind === 'loaded' && loaded.cut === undefined);
    this.#lastHasMore = this.#isStopping && !isWhole;
    const ms = Math.round(clock.monotonic() - startedAt);
    const { level, text } = inWords(loaded, ms);
    this.#loaded = text;
    logger[level]({ ...(loaded.kind === 'loaded' && loaded.counts), ms }, `snapshot: ${text}`);
  }

  #saveLater(): void {
    const { save } = this.#parts.config;
    if (typeof save !== 'number' || !this.#parts.saves || this.#isStopping) return;
    this.#timer = setTimeout(() => {
      void this.#step(() => this.#tryToSave()).then(() => this.#saveLater());
    }, save).unref();
  }

  async #tryToSave(): Promise<void> {
    try {
      await this.#save();
    } catch {
      // Noted and logged. The last snapshot is kept.
    }
  }

  async #save(): Promise<SavedSnapshot> {
    const { config, store, fingerprint, log, clock, logger } = this.#parts;
    const startedAt = clock.monotonic();
    const savedAt = new Date(clock.wall()).toISOString();
    const secret = secretOf(config);
    try {
      // Before the first response is read: what is invalidated from now on may concern any of them.
      const mark = await log.mark();
      const seal = secret && new Seal(secret);
      const pace = new Pace(clock, SLICE_MS, () => (this.#isStopping ? 0 : REST_MS));
      const keys = await keysByUse(store, pace);
      const source = { keys, variantsOf: (key: string) => store.variantsOf(key), judge: this.#judge(secret) };
      const header = { savedAt, fingerprint, mark, ...(seal && { cipher: seal.cipher }) };
      const nonce = randomBytes(6).toString('hex');
      const options = { folder: config.path, nonce, header, seal, maxBytes: config.maxBytes, pace };
      const footer = await writeSnapshot(source, options);
      log.release(mark);
      const ms = Math.round(clock.monotonic() - startedAt);
      const { bytes } = await stat(this.#path).then(({ size }) => ({ bytes: size }));
      const saved = { path: this.#path, responses: footer.responses, bytes, left: footer.left, ms };
      this.#saved = wordsOfSaved(saved, savedAt);
      logger.info({ ...saved }, `snapshot: ${this.#saved}`);
      return saved;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#saved = `not saved at ${savedAt}: ${why}; the last good snapshot is kept`;
      logger.warn({ err: error }, `snapshot: ${this.#saved}`);
      throw new GatewayError('notSaved', this.#saved, { cause: error });
    }
  }

  #judge(secret: Buffer | undefined): (response: StoredResponse) => 'keep' | 'skip' | 'per-user' {
    const { isPerUser } = this.#parts;
    return (response) => {
      if (!isShared(response)) return 'skip';
      return secret === undefined && isPerUser(response) ? 'per-user' : 'keep';
    };
  }

  #note(text: string): void {
    this.#saved = text;
    this.#parts.logger.info(`snapshot: ${text}`);
  }
}

function secretOf({ key }: SnapshotConfig): Buffer | undefined {
  return key === undefined ? undefined : Buffer.from(key, 'base64url');
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => false), new Promise<boolean>((resolve) => setImmediate(resolve, true))]);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
