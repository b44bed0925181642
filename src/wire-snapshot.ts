import { systemClock } from './clock.ts';
import type { MissedUntil } from './coherence/missed.ts';
import type { MissedRecords } from './coherence/missed-records.ts';
import { everything } from './coherence/record.ts';
import type { Coverage } from './coherence/tag.ts';
import type { GatewayConfig, SnapshotConfig } from './config/model.ts';
import type { RouteTable } from './exchange/ports.ts';
import { shapeOf, snapshotFingerprint } from './fingerprints.ts';
import type { Logger } from './observe/logger.ts';
import { SnapshotFolder } from './snapshot/folder.ts';
import { FileJournal } from './snapshot/journal.ts';
import { Lineage } from './snapshot/lineage.ts';
import type { Snapshots } from './snapshot/ports.ts';
import { linesOf, wordsOfStaleIfError } from './snapshot/report.ts';
import { NodeSnapshots, type SnapshotLog } from './snapshot/snapshots.ts';
import type { StoredResponse } from './store/stored-response.ts';
import type { Coherence } from './wire-node.ts';
import { forgetEverywhere } from './wire-siblings.ts';
import type { Siblings } from './workers/siblings.ts';

/** The snapshots of this process, and the folder that they are in. */
export interface Snapshotting {
  readonly snapshots: Snapshots | undefined;
  /**
   * Before anything is served.
   * @throws Error the folder cannot be written, or another process uses it
   */
  open(): Promise<void>;
  /** Loads in the background, and saves from now on. */
  start(): void;
  /** What is on, and what has become of it: one line each. */
  lines(): readonly string[];
  /** Why memory may still get copies out of the snapshot. Undefined: it does not. */
  whyIncomplete(): string | undefined;
  /** Saves for the last time, once no request is under way. */
  save(): Promise<void>;
  /** @param clean every write that was forwarded has its record */
  close(clean: boolean): Promise<void>;
}

/**
 * The invalidations of a single node, which outlive it. It is made before the parts that tell it, and opened when the
 * gateway starts: one that is only made must leave nothing on the disk.
 */
export class NodeJournal {
  #journal: FileJournal | undefined;

  open(folder: string, failed: (error: unknown) => void): void {
    this.#journal = FileJournal.open(folder, { failed });
  }

  readonly append = (coverage: Coverage): void => this.#journal?.append(coverage);

  get opened(): FileJournal {
    if (this.#journal === undefined) throw new Error('the gateway has not started');
    return this.#journal;
  }

  end(): void {
    this.#journal?.end();
  }
}

export interface SnapshotWiring {
  readonly config: GatewayConfig;
  readonly coherence: Coherence;
  readonly journal: NodeJournal;
  readonly routes: RouteTable;
  readonly logger: Logger;
  /** Of several processes of one gateway, one has the folder. The others load. */
  readonly isFirst: boolean;
  readonly siblings: Siblings | undefined;
}

const none: Snapshotting = {
  snapshots: undefined,
  open: () => Promise.resolve(),
  start: () => {},
  lines: () => [],
  whyIncomplete: () => undefined,
  save: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

export function wireSnapshots(wiring: SnapshotWiring): Snapshotting {
  const { config, logger } = wiring;
  const snapshotting = wireSnapshotsOf(wiring);
  const staleIfError = wordsOfStaleIfError(config);
  return {
    ...snapshotting,
    start: () => {
      logger.info(staleIfError);
      snapshotting.start();
    },
    lines: () => [staleIfError, ...snapshotting.lines()],
  };
}

function wireSnapshotsOf(wiring: SnapshotWiring): Snapshotting {
  const { config, coherence, journal, routes, logger, isFirst, siblings } = wiring;
  const { snapshot, memory } = config.store;
  if (snapshot === undefined) return none;
  const { shared } = coherence;
  const fingerprint = snapshotFingerprint(shapeOf(config), config);
  const lineage = new Lineage(snapshot.path, lineOf(config, fingerprint));
  const snapshots: NodeSnapshots = new NodeSnapshots({
    config: { ...snapshot, load: loadOf(snapshot, wiring) },
    store: coherence.memory,
    maxBytes: memory.maxBytes,
    fingerprint,
    log: unlessBroken(snapshotLog(wiring, snapshot.path), lineage),
    saves: isFirst,
    isPerUser: perUser(config, routes),
    forgetEverywhere: forgetEverywhere(() => snapshots.forget(), siblings, config.server.workers),
    clock: systemClock,
    logger,
  });
  let folder: SnapshotFolder | undefined;
  return {
    snapshots,
    open: async () => {
      if (!isFirst) return;
      try {
        folder = await SnapshotFolder.open(snapshot.path);
        await lineage.begin();
        // Also of a node of several: a run that leaves no trace would look to a later single one as if it had not been.
        journal.open(snapshot.path, (error) => {
          const message = 'the journal beside the snapshot cannot be written: the next start revalidates everything';
          logger.error({ err: error }, message);
        });
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`store.snapshot.path cannot be used: ${why}`, { cause: error });
      }
    },
    start: () => snapshots.start(coherence.joined),
    lines: () => linesOf(snapshots.status()),
    whyIncomplete: () => (snapshots.isLoading ? 'the snapshot is being loaded' : undefined),
    save: () => snapshots.stop(),
    close: async (clean) => {
      if (clean && shared === undefined) journal.end();
      await folder?.close();
    },
  };
}

/** Where it may be that nobody knows what a snapshot has missed, it is not trusted. */
function loadOf({ load }: SnapshotConfig, { config, coherence, logger }: SnapshotWiring): SnapshotConfig['load'] {
  if (load !== 'trust' || coherence.shared === undefined) return load;
  const forgets =
    config.store.redis === undefined
      ? 'the log of several processes without Redis ends with them'
      : 'with onPartition: queue, the log may lack writes that were answered';
  if (config.store.redis !== undefined && config.coherence.onPartition !== 'queue') return load;
  logger.warn(`snapshots: load trust means revalidate here: ${forgets}`);
  return 'revalidate';
}

/** What the records of a run depend on. Runs that differ in it do not note what the others would have. */
function lineOf({ store, coherence }: GatewayConfig, fingerprint: string): string {
  return [fingerprint, ...(store.redis === undefined ? [] : ['redis', coherence.onPartition])].join(' ');
}

/** A log whose records tell nothing for certain once a run of another kind has used the folder. */
function unlessBroken(log: SnapshotLog, lineage: Lineage): SnapshotLog {
  return {
    mark: async () => ({ ...Object(await log.mark()), lineage: await lineage.id() }),
    missedSince: async (mark): Promise<MissedUntil> => {
      const missed = await log.missedSince(mark);
      const { lineage: noted } = Object(mark) as { lineage?: unknown };
      if (!missed.known || (noted !== undefined && noted === (await lineage.id()))) return missed;
      const why = 'the folder was used with other routes, rules, origins or another log since';
      return { ...missed, known: false, why };
    },
    release: (mark) => log.release(mark),
  };
}

function snapshotLog({ config, coherence, journal, isFirst }: SnapshotWiring, folder: string): SnapshotLog {
  const { shared } = coherence;
  if (shared === undefined) return logOf(journal);
  if (config.store.redis !== undefined) return sharedLog(shared);
  const journaled = isFirst
    ? async (segment: string) => (await journal.opened.since(segment)).coverages
    : // Its owner has saved another snapshot meanwhile: what this one has missed is not known any more.
      async (segment: string) => (await FileJournal.read(folder, segment)) ?? [everything];
  return workersLog(shared, journal, journaled);
}

/**
 * The log of several processes that ends with them. What their journal has is known to be invalid; the process that
 * writes it may have missed other records.
 */
function workersLog(
  shared: MissedRecords,
  journal: NodeJournal,
  journaled: (segment: string) => Promise<readonly Coverage[]>,
): SnapshotLog {
  return {
    // The segment begins first: whatever is not before the mark is in it.
    mark: async () => ({ segment: journal.opened.rotate(), ...(await shared.mark()) }),
    missedSince: async (mark): Promise<MissedUntil> => {
      const missed = await shared.since(mark);
      const segment = segmentOf(mark);
      if (missed.known || segment === undefined) return missed;
      return { ...missed, coverages: [...missed.coverages, ...(await journaled(segment))] };
    },
    release: logOf(journal).release,
  };
}

function sharedLog(shared: MissedRecords): SnapshotLog {
  // The log itself forgets what is old.
  return { mark: () => shared.mark(), missedSince: (mark) => shared.since(mark), release: () => {} };
}

/** The log of a single node, whose records are in the journal. */
function logOf(journal: NodeJournal): SnapshotLog {
  return {
    mark: () => Promise.resolve({ segment: journal.opened.rotate() }),
    missedSince: async (mark): Promise<MissedUntil> => {
      const segment = segmentOf(mark);
      // The journal tells what earlier runs have invalidated. What this one has is in its log, from the beginning.
      if (segment === undefined)
        return { known: false, why: 'it was saved by one of several nodes', coverages: [], asOf: 0 };
      return { ...(await journal.opened.since(segment)), asOf: 0 };
    },
    release: (mark) => {
      const segment = segmentOf(mark);
      if (segment !== undefined) journal.opened.release(segment);
    },
  };
}

function segmentOf(mark: unknown): string | undefined {
  const { segment } = Object(mark) as { segment?: unknown };
  return typeof segment === 'string' ? segment : undefined;
}

/** Whether a response is of a single user, by the policy under which it was stored. */
function perUser({ reads }: GatewayConfig, routes: RouteTable): (response: StoredResponse) => boolean {
  const hasKeyed = reads.some(({ cache }) => cache?.credentials === 'perUser');
  return ({ key, path }) => {
    // Reads of other methods have their content in front of the key, and a policy of their own.
    if (!/^https?:\/\//.test(key)) return hasKeyed;
    return routes.find(path).route.policy.cache.credentials === 'perUser';
  };
}
