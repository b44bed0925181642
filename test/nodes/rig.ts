import { RedisServer } from '../redis-log/redis-server.ts';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';

/** Gateways of one cluster, before one API, over a redis-server of their own. */
export interface Nodes {
  readonly api: SmallApi;
  readonly redis: RedisServer;
  readonly gateways: readonly TestGateway[];
  ask(node: number, method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** Asks twice, so that the second is answered from memory. */
  warm(node: number, path: string): Promise<Answer>;
  ready(node: number): Promise<void>;
  /** One more, and its number. */
  add(redisSettings?: string): Promise<number>;
  /** One more, with other routes and rules. */
  addAnother(yaml: string): Promise<number>;
  stop(): Promise<void>;
}

const LEASE_MS = 1_000;
/** However busy the machine: a node that finds the tier too slow does not use it for a second. */
export const PATIENT_TIER = 'tier: { timeout: 10s }';

/** @param coherence further keys, each after a comma */
export async function startNodes(
  count: number,
  yaml = '',
  coherence = '',
  redisSettings = PATIENT_TIER,
): Promise<Nodes> {
  const [api, redis] = await Promise.all([smallApi(), RedisServer.start()]);
  const lease = /\blease:/.test(coherence) ? '' : `, lease: ${LEASE_MS}ms`;
  const start = (more = redisSettings, routes = yaml): Promise<TestGateway> =>
    startGateway(
      api.origin.url,
      `store: { redis: { url: "unix:${redis.socket}", ${more} } }\ncoherence: { settle: 100ms${lease} ${coherence} }\n${routes}`,
    );
  const gateways: TestGateway[] = await Promise.all(Array.from({ length: count }, () => start()));
  const nodes: Nodes = {
    api,
    redis,
    gateways,
    // As behind a balancer: to the client they are one host.
    ask: (node, method, path, { headers = {}, ...options } = {}) =>
      get(`${gateways[node]?.url}${path}`, { method, headers: { host: 'api.example', ...headers }, ...options }),
    warm: async (node, path) => {
      await nodes.ask(node, 'GET', path);
      return nodes.ask(node, 'GET', path);
    },
    ready: async (node) => {
      const isReady = async (): Promise<boolean> => (await get(`${gateways[node]?.adminUrl}/readyz`)).status === 200;
      await until(isReady, `node ${node} to serve`);
    },
    add: async (more) => {
      gateways.push(await start(more));
      await nodes.ready(gateways.length - 1);
      return gateways.length - 1;
    },
    addAnother: async (other) => {
      gateways.push(await start(redisSettings, other));
      await nodes.ready(gateways.length - 1);
      return gateways.length - 1;
    },
    stop: async () => {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      await redis.stop();
      await api.origin.close();
    },
  };
  await Promise.all(gateways.map((_, node) => nodes.ready(node)));
  return nodes;
}

export const isHit = (answer: Answer): boolean => /unstale; hit/.test(String(answer.headers['cache-status']));
export const status = (answer: Answer): string => String(answer.headers['cache-status']);
