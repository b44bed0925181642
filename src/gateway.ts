import type { AddressInfo } from 'node:net';
import { systemClock, systemTimers } from './clock.ts';
import type { Bus } from './coherence/bus.ts';
import type { ClusterStatus } from './coherence/cluster-status.ts';
import type { GatewayConfig, OriginConfig } from './config/model.ts';
import { foldedGrant } from './events/folded-names.ts';
import { type Authority, openToAll } from './events/rights.ts';
import { declaredReads } from './exchange/declared-reads.ts';
import { beforeOfProposed } from './exchange/inspect/before-of-proposed.ts';
import { explainWrite } from './exchange/inspect/explain-write.ts';
import { explain } from './exchange/inspect/explained.ts';
import { countTargets, invalidateTargets } from './exchange/inspect/invalidate-targets.ts';
import { given } from './exchange/inspect/proposed-write.ts';
import { MinPosition } from './exchange/min-position.ts';
import { OriginShares } from './exchange/origin-shares.ts';
import { etagsNeeded } from './exchange/own-etags.ts';
import type { Effect, RouteTable } from './exchange/ports.ts';
import { Encoder } from './exchange/read/encoder.ts';
import { FillBudget } from './exchange/read/fill-budget.ts';
import { Flights } from './exchange/read/flights.ts';
import type { ReadPorts } from './exchange/read/read-ports.ts';
import { Refresher } from './exchange/read/refresher.ts';
import { SearchVariances } from './exchange/read/search-variances.ts';
import { compileRoutes } from './exchange/routes.ts';
import { QuarantineBudget } from './exchange/write/quarantine-budget.ts';
import { RefusedTags } from './exchange/write/refused-tags.ts';
import { UploadBudget } from './exchange/write/upload-budget.ts';
import { write } from './exchange/write/write.ts';
import type { WritePorts } from './exchange/write/write-ports.ts';
import type { KeyStore } from './idempotency/key-store.ts';
import { createLogger, type Logger } from './observe/logger.ts';
import { Metrics } from './observe/metrics.ts';
import type { Gauges } from './observe/metrics-registry.ts';
import { Reports } from './observe/reports.ts';
import { standingLine } from './observe/standing-line.ts';
import { throttled } from './observe/throttled.ts';
import { startWithinMs } from './origin/pool.ts';
import { compileRules, type RuleSet } from './rules/compile.ts';
import { compileSpellings, type Spellings } from './rules/spellings.ts';
import { createAdmin } from './server/admin.ts';
import { nameInVia, TrustedProxies } from './server/client-request.ts';
import { drain } from './server/drain.ts';
import { listen } from './server/listen.ts';
import { createPublic } from './server/public.ts';
import { wireCoherence } from './wire-coherence.ts';
import type { Coherence } from './wire-node.ts';
import { type WiredOrigins, wireOrigins } from './wire-origins.ts';
import { saidOfWrites, wireProtections } from './wire-protection.ts';
import { hitFinder, keyedReader, reader } from './wire-reads.ts';
import { figuresOfAll, verifyAll } from './wire-siblings.ts';
import { NodeJournal, type Snapshotting, wireSnapshots } from './wire-snapshot.ts';
import { Work } from './work.ts';
import type { Siblings } from './workers/siblings.ts';

export interface Gateway {
  /** Listens. Resolves with the addresses at which clients and operators reach it. */
  start(): Promise<{ url: string; adminUrl: string }>;
  /**
   * Stops accepting connections, lets exchanges finish within `server.drain`, ends event streams, and closes
   * everything.
   */
  stop(): Promise<void>;
}

/** Fills in progress may hold this share of the memory tier's size, in addition to it. */
const FILL_SHARE = 0.25;
/** Bodies of writes, as far as they are held ahead of the origin and for rules, too. */
const UPLOAD_SHARE = 0.25;

/** Answers that are kept as they were written last may hold this share of the memory tier's size, in addition to it. */
const PREPARED_SHARE = 0.125;

type State = 'starting' | 'ready' | 'draining';

export interface GatewayOptions {
  readonly log?: Logger;
  /** Sequences for this process and its siblings. */
  readonly bus?: Bus | undefined;
  /** Keeps the idempotency keys of this process and its siblings. */
  readonly keys?: KeyStore | undefined;
  /** Whether this process has the admin port. Of several processes, one has. Default: true. */
  readonly admin?: boolean;
  readonly siblings?: Siblings | undefined;
}

/**
 * Builds a gateway from a validated configuration. All wiring is here: which parts there are, and which others each
 * part gets. A closer is pushed next to what it closes; closers run in reverse order.
 *
 * server/public.ts decides how a request is answered. A GET or HEAD goes to `read`, which leaves some to pass through.
 * A method that is not safe, such as PUT, goes to `write` on every route, cached or not. The records that writes append
 * to the log reach the fence, the store and the event hub in wire-coherence.ts.
 */
export async function createGateway(config: GatewayConfig, options: GatewayOptions = {}): Promise<Gateway> {
  const closers: (() => Promise<void> | void)[] = [];
  const { log = createLogger(config.log.level), bus, keys } = options;
  const metrics = new Metrics();
  const reports = new Reports(log, metrics);
  const work = new Work(log);
  const spellings = compileSpellings(config);
  const rules = compileRules(config.rules, config.routes, spellings);
  const { knowledge } = rules;
  const delivers = options.admin !== false;
  const journal = new NodeJournal();
  const coherence = await wireCoherence({
    ...{ config, knowledge, spellings, metrics, log, bus, keys, delivers },
    covering: journal.append,
  });
  closers.push(() => coherence.stop());

  const needsEtag = etagsNeeded(config, spellings);
  const origins = wireOrigins(config, { needsEtag, reports, hub: coherence.hub });
  closers.push(() => origins.close());
  const shares = sharesOf(config);
  const routes = compileRoutes(config, origins.byName, shares);
  const readPorts = wireReads(config, coherence, reports, work);
  const snapshotting = wireSnapshots({
    ...{ config, coherence, journal, routes, logger: log, isFirst: delivers, siblings: options.siblings },
  });
  const refresher = new Refresher(readPorts, routes);
  const writePorts = wireWrites(config, coherence, { reports, work, rules, routes, refresher });
  closers.push(() => work.cancelTimers());

  const reading = { coherence, routes, reports, work, minPosition: minPositionOf(config, coherence) };
  const declared = declaredReads(config, routes);
  let state: State = 'starting';
  const app = await createPublic({
    config,
    trusted: new TrustedProxies(config.server.trustedProxies),
    gateway: nameInVia(config),
    hub: coherence.hub,
    authority: await authorityOf(config, spellings, log),
    draining: () => state === 'draining',
    hit: config.server.front ? hitFinder(reading, readPorts, config.store.memory.maxBytes * PREPARED_SHARE) : undefined,
    read: reader(reading, readPorts),
    declaredRead: keyedReader(declared, { reading, readPorts, uploads: writePorts.uploads }),
    write: (request, body, reply) => {
      const found = routes.find(request.target.resource);
      work.track(write(writePorts, { found, request, body }, reply));
    },
    routeOf: (request) => routes.find(request.target.resource).route,
    failed: (error, request) => reports.failed(error, request),
    passed: (request) => reports.passed(request),
    cursor: () => (coherence.log.serving() ? coherence.hub.cursor : undefined),
    onMalformed: (error, peer) => reports.malformed(error, peer),
    track: (promise) => work.track(promise),
    cut: (peer, reason) => reports.cutOff(peer, reason),
  });
  const admin = await wireAdmin(
    config,
    coherence,
    { reads: readPorts, writes: writePorts },
    {
      ...{ metrics, reports, shares, snapshotting, standings: origins.standings, siblings: options.siblings },
      state: () => state,
    },
  );

  const setState = (next: State): void => {
    state = next;
  };
  return lifecycle(config, { app, admin, coherence, snapshotting, work, log, closers, setState, hasAdmin: delivers });
}

interface Running {
  readonly app: Awaited<ReturnType<typeof createPublic>>;
  readonly admin: ReturnType<typeof createAdmin>;
  readonly coherence: Coherence;
  readonly snapshotting: Snapshotting;
  readonly work: Work;
  readonly log: Logger;
  readonly closers: (() => Promise<void> | void)[];
  readonly setState: (state: State) => void;
  readonly hasAdmin: boolean;
}

function lifecycle({ server, admin: { listen: adminAddress } }: GatewayConfig, running: Running): Gateway {
  const { app, admin, coherence, snapshotting, work, log, closers, setState, hasAdmin } = running;
  return {
    start: async () => {
      await snapshotting.open();
      await coherence.start();
      await listen(app, 'server.listen', server.listen);
      if (hasAdmin) await listen(admin, 'admin.listen', adminAddress);
      setState('ready');
      snapshotting.start();
      return { url: urlOf(app.server.address()), adminUrl: hasAdmin ? urlOf(admin.server.address()) : '' };
    },
    stop: async () => {
      setState('draining');
      const endStreams = () => coherence.hub.close();
      await drain(app, { underway: work.underway, drainMs: server.drainMs, endStreams, log });
      await admin.close();
      await snapshotting.save();
      for (const close of closers.reverse()) await close();
      await snapshotting.close(work.underway.size === 0);
    },
  };
}

/** How often it is logged that the keys of tokens cannot be had: anyone can ask for them to be used. */
const KEYS_FAILED_QUIET_MS = 10_000;

async function authorityOf(
  { events: { auth, cors } }: GatewayConfig,
  spellings: Spellings,
  log: Logger,
): Promise<Authority> {
  if (auth === undefined) return openToAll;
  const { createAuthority } = await import('./events/jwt.ts');
  const keysFailed = throttled(KEYS_FAILED_QUIET_MS, (error: unknown) => {
    const message = 'the keys that verify tokens cannot be had (events.auth.jwt.jwks): subscribers are refused';
    log.error({ err: error }, message);
  });
  return createAuthority({ auth, cors, clock: systemClock, widened: foldedGrant(spellings), keysFailed });
}

/** What one client address may hold of each origin's connections. None where that is all of them. */
function sharesOf({ origins, server }: GatewayConfig): ReadonlyMap<string, OriginShares> {
  const { originShare } = server.limits.perAddress;
  if (originShare === 1) return new Map();
  const shareOf = (origin: OriginConfig): OriginShares =>
    new OriginShares({
      places: Math.max(1, Math.floor(origin.connections * originShare)),
      maxWaitMs: startWithinMs(origin),
      timers: systemTimers,
    });
  return new Map(Object.entries(origins).map(([name, origin]) => [name, shareOf(origin)]));
}

function minPositionOf({ coherence: { onPartition } }: GatewayConfig, coherence: Coherence): MinPosition {
  return new MinPosition({ ...coherence, timers: systemTimers, queues: onPartition === 'queue' });
}

function wireReads(
  config: GatewayConfig,
  { fence, store, log, tier, hub }: Coherence,
  reports: Reports,
  work: Work,
): ReadPorts {
  const timeouts = Object.values(config.origins).map(({ timeoutMs }) => timeoutMs);
  return {
    store,
    fence,
    serving: () => log.serving(),
    cursor: () => hub.cursor,
    tier,
    clock: systemClock,
    timers: systemTimers,
    flights: new Flights({
      monotonic: systemClock.monotonic,
      timers: systemTimers,
      maxWaitMs: Math.max(...timeouts),
    }),
    variances: new SearchVariances(),
    encoder: new Encoder(store, (error) => reports.notEncoded(error)),
    budget: new FillBudget(config.store.memory.maxBytes * FILL_SHARE),
    maxEntryBytes: config.store.memory.maxEntryBytes,
    background: (promise) => work.track(promise),
    failed: (error, { request }) => reports.failed(error, request),
  };
}

interface WriteParts {
  readonly reports: Reports;
  readonly work: Work;
  readonly rules: RuleSet;
  readonly routes: RouteTable;
  readonly refresher: Refresher;
}

function wireWrites(
  config: GatewayConfig,
  coherence: Coherence,
  { reports, work, rules, routes, refresher }: WriteParts,
): WritePorts {
  const { store, fence, inFlight, log } = coherence;
  return {
    store,
    fence,
    log,
    inFlight,
    shared: coherence.cluster !== undefined,
    timers: systemTimers,
    rules,
    routes,
    refresher,
    indeterminateMs: config.coherence.quarantineMs,
    clock: systemClock,
    resolveBytes: config.server.limits.resolveBytes,
    requestBytes: config.server.limits.requestBytes,
    quarantines: new QuarantineBudget(),
    refusedTags: new RefusedTags(systemClock),
    uploads: new UploadBudget(config.store.memory.maxBytes * UPLOAD_SHARE),
    protections: wireProtections(config, { log, routes, reports, keys: coherence.keys }),
    // The origin may still apply an indeterminate write. When it no longer can, its targets are invalidated and
    // announced once more, and fills that began before then are refused.
    endQuarantineLater: ({ coverage, announcements }: Effect, quarantine, ms, ended) => {
      work.later(ms, async () => {
        ended();
        const { record } = await log.append({ coverage, announcements, endsQuarantine: quarantine });
        reports.quarantineEnded(quarantine, record.position);
      });
    },
    report: (result) => {
      const { resolved } = result;
      reports.write(result, resolved && (() => explain(resolved(), rules, { all: false }).explanation));
    },
    failed: (error, request) => reports.failed(error, request),
  };
}

interface Observed {
  readonly metrics: Metrics;
  readonly reports: Reports;
  readonly shares: ReadonlyMap<string, OriginShares>;
  readonly snapshotting: Snapshotting;
  readonly standings: WiredOrigins['standings'];
  readonly state: () => State;
  readonly siblings: Siblings | undefined;
}

async function wireAdmin(
  config: GatewayConfig,
  { store, memory, hub, fence, tier, cluster, webhooks }: Coherence,
  { reads, writes }: { reads: ReadPorts; writes: WritePorts },
  { metrics, reports, shares, snapshotting, standings, state, siblings }: Observed,
) {
  const { flights, budget } = reads;
  const { rules, routes, resolveBytes: maxBytes } = writes;
  // What cannot be read falls back to a wildcard, and the explanation says why.
  const ahead = { store, clock: systemClock, routes, maxBytes, mode: 'read', onFailure: () => {} } as const;
  const said = saidOfWrites(config);
  const notServing = () => notReady(state(), cluster?.()) ?? snapshotting.whyIncomplete();
  const asked = { clock: systemClock, timers: systemTimers, maxBytes: reads.maxEntryBytes, notServing };
  const gauges: Gauges = {
    storedResponses: () => store.size,
    storedBytes: () => store.bytes,
    unconfirmed: config.store.snapshot && (() => memory.unconfirmedSize),
    subscribers: () => hub.subscribers,
    announced: () => hub.announced,
    droppedSubscribers: () => hub.dropped,
    eventBytes: () => hub.historyBytes,
    position: () => fence.applied,
    fills: () => flights.size,
    fillBytes: () => budget.held,
    waiting: () => flights.waiting,
    waitingForShare: () => [...shares.values()].reduce((sum, share) => sum + share.waiting, 0),
    origins: standings,
    refreshesDropped: () => writes.refresher.dropped,
    tierRefused: tier && (() => tier.refused),
    cluster,
    webhooks: config.webhooks.length === 0 ? undefined : webhooks,
  };
  return createAdmin({
    config: config.admin,
    notReady: () => notReady(state(), cluster?.()),
    verbose: () => [
      ...snapshotting.lines(),
      ...[...standings()].map(([name, standing]) => standingLine(name, standing)),
    ],
    metrics: figuresOfAll(metrics, gauges, siblings),
    invalidate: async (targets, { dryRun }) => {
      const cause = { method: 'POST', path: 'admin:/invalidate', rule: null };
      const done = await invalidateTargets({ store, log: writes.log, paths: rules.paths }, targets, { dryRun, cause });
      if (!dryRun) reports.invalidated(done);
      return done;
    },
    explain: async (write, all) => {
      const before = write.before === undefined ? await beforeOfProposed(write, rules, ahead) : given(write.before);
      const { explanation, targets } = await explainWrite(rules, write, { before, all, said });
      return { ...explanation, stored: countTargets(store, targets, rules.paths) };
    },
    verify: verifyAll({ ...asked, store: memory, tier, routes, paths: rules.paths }, siblings, config.server.workers),
    webhooks,
    snapshots: snapshotting.snapshots,
    failed: (error) => reports.adminFailed(error),
  });
}

/**
 * Why the gateway must not get traffic yet. Undefined if it may. Losing Redis is a reason here, but never for liveness.
 */
function notReady(state: State, cluster: ClusterStatus | undefined): string | undefined {
  if (state !== 'ready') return state;
  return cluster === undefined || cluster.state === 'serving' ? undefined : waitingFor[cluster.state];
}

const waitingFor: Record<Exclude<ClusterStatus['state'], 'serving'>, string> = {
  joining: 'joining the other nodes: Redis does not answer, or a new epoch is being created',
  'catching-up': 'catching up with the records of the other nodes',
  fenced: 'the lease has run out: Redis does not answer in time, and requests are passed through',
  undelivered: 'other nodes have not received writes that this node has acknowledged',
};

function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}
