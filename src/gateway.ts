import type { AddressInfo } from 'node:net';
import { systemClock } from './clock.ts';
import { eventsOf } from './coherence/announce.ts';
import { Fence } from './coherence/fence.ts';
import { WritesInFlight } from './coherence/in-flight.ts';
import { MemoryLog } from './coherence/memory-log.ts';
import type { Address, GatewayConfig } from './config/model.ts';
import { EventHub } from './events/hub.ts';
import { Flights } from './exchange/collapse.ts';
import type { Effect } from './exchange/effect.ts';
import type { ReadPorts } from './exchange/fetch.ts';
import { FillBudget } from './exchange/fill-budget.ts';
import type { ClientRequest, Reply } from './exchange/ports.ts';
import { read } from './exchange/read.ts';
import { write, type WritePorts } from './exchange/write.ts';
import { createLogger, type Logger } from './observe/log.ts';
import { Metrics, metricsRegistry } from './observe/metrics.ts';
import { Reports } from './observe/reports.ts';
import { createOrigin } from './origin/origin.ts';
import { compileRoutes } from './exchange/routes.ts';
import { compileRules } from './rules/compile.ts';
import { createAdmin } from './server/admin.ts';
import { TrustedProxies } from './server/client-request.ts';
import { hasBody } from './server/front.ts';
import { drain } from './server/drain.ts';
import { createPublic } from './server/public.ts';
import { MemoryStore } from './store/memory.ts';

export interface Gateway {
  /** Listens. Resolves with the addresses that clients and operators reach it at. */
  start(): Promise<{ url: string; adminUrl: string }>;
  /** Takes no new connections, lets exchanges in flight end within `server.drain`, ends event streams, and closes all. */
  stop(): Promise<void>;
}

/** Fills under way may hold this share of the memory tier's size. */
const FILL_SHARE = 0.25;

/** Builds a gateway from a validated configuration. All wiring is here; each closer stands beside what it closes. */
export async function createGateway(config: GatewayConfig, options: { log?: Logger } = {}): Promise<Gateway> {
  const closers: (() => Promise<void> | void)[] = [];
  const log = options.log ?? createLogger(config.log.level);
  const clock = systemClock;
  const metrics = new Metrics();
  const reports = new Reports(log, metrics);

  const fence = new Fence();
  const store = new MemoryStore(config.store.memory, fence);
  const inFlight = new WritesInFlight();
  const records = new MemoryLog(clock, {
    // Before the store, so that a fill that ends in between is refused.
    applied: (record) => {
      fence.apply(record);
      const removed = store.invalidate(record.hits);
      inFlight.note(record);
      metrics.removed += removed;
      return removed;
    },
    committed: (record) => hub.announce(eventsOf(records.epoch, record)),
  });
  const hub = new EventHub({ ...config.events, epoch: records.epoch });

  const origins = new Map(
    Object.entries(config.origins).map(([name, origin]) => {
      const client = createOrigin(origin);
      closers.push(() => client.close());
      return [name, client] as const;
    }),
  );
  const routes = compileRoutes(config, origins);

  const underway = new Set<Promise<unknown>>();
  const track = (work: Promise<unknown>): void => {
    underway.add(work);
    work.catch((error: unknown) => log.error({ err: error }, 'an exchange failed')).finally(() => underway.delete(work));
  };
  const readPorts: ReadPorts = {
    store,
    fence,
    clock,
    flights: new Flights({
      monotonic: clock.monotonic,
      maxWaitMs: Math.max(...Object.values(config.origins).map((origin) => origin.timeoutMs)),
    }),
    budget: new FillBudget(config.store.memory.maxBytes * FILL_SHARE),
    maxEntryBytes: config.store.memory.maxEntryBytes,
    background: track,
    failed: (error, { request }) => reports.failed(error, request),
  };
  const settling = new Set<NodeJS.Timeout>();
  closers.push(() => {
    for (const timer of settling) clearTimeout(timer);
  });
  const writePorts: WritePorts = {
    store,
    log: records,
    inFlight,
    rules: compileRules(config.rules),
    clock,
    resolveBytes: config.server.limits.resolveBytes,
    requestBytes: config.server.limits.requestBytes,
    // The origin may still apply a write whose outcome is unknown: what it touches is invalidated, and announced, again
    // when that can no longer be, and fills that began before then are refused.
    settleLater: ({ hits, announcements }: Effect, doubt) => {
      const timer = setTimeout(() => {
        settling.delete(timer);
        track(records.append({ hits, announcements, settled: doubt }));
      }, config.coherence.settleMs);
      settling.add(timer);
    },
    report: (report) => reports.write(report),
    failed: (error, request) => reports.failed(error, request),
  };

  const trusted = new TrustedProxies(config.server.trustedProxies);
  let state: 'starting' | 'ready' | 'draining' = 'starting';
  const app = await createPublic({
    config,
    trusted,
    hub,
    track,
    draining: () => state === 'draining',
    onMalformed: (error, peer) => reports.malformed(error, peer),
    read: (request: ClientRequest, reply: Reply) => {
      const found = routes.find(request.target.resource);
      if (found.route.policy.cache.off) return false;
      // Ranges are cut out of stored responses by a later version; until then their answers are passed through.
      if (request.headers.has('range')) return false;
      const startedAt = clock.monotonic();
      track(
        read(readPorts, found, request, reply).then((outcome) =>
          reports.read(request, found.route, outcome, clock.monotonic() - startedAt),
        ),
      );
      return true;
    },
    write: (request, message, reply) => {
      const { route } = routes.find(request.target.resource);
      track(write(writePorts, route, request, hasBody(message) ? message : undefined, reply));
    },
    routeOf: (request) => routes.find(request.target.resource).route,
    upstreamOf: (route) => upstreamOf(config, route.policy.origin),
    failed: (error, request) => reports.failed(error, request),
    passed: (request) => reports.passed(request),
  });
  const registry = metricsRegistry(metrics, {
    storedResponses: () => store.size,
    storedBytes: () => store.bytes,
    subscribers: () => hub.subscribers,
    announced: () => hub.announced,
    droppedSubscribers: () => hub.dropped,
    position: () => fence.applied,
    fills: () => readPorts.flights.size,
  });
  const admin = createAdmin({
    config: config.admin,
    notReady: () => (state === 'ready' ? undefined : state),
    metrics: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  });

  return {
    start: async () => {
      await app.listen(listenOptions(config.server.listen));
      await admin.listen(listenOptions(config.admin.listen));
      state = 'ready';
      return { url: urlOf(app.server.address() as AddressInfo), adminUrl: urlOf(admin.server.address() as AddressInfo) };
    },
    stop: async () => {
      state = 'draining';
      await drain(app, { underway, drainMs: config.server.drainMs, endStreams: () => hub.close(), log });
      await admin.close();
      for (const close of closers.reverse()) await close();
    },
  };
}

function listenOptions({ host, port }: Address): { host: string; port: number; backlog: number } {
  return { host, port, backlog: 1024 };
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

function upstreamOf(config: GatewayConfig, origin: string): { url: string; basePath: string } {
  const url = new URL((config.origins[origin] as { url: string }).url);
  return { url: url.origin, basePath: url.pathname.replace(/\/$/, '') };
}
