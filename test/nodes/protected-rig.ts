import { afterEach, beforeEach } from 'vitest';
import { RedisServer } from '../redis-log/redis-server.ts';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/** A step of the bus has failed after a quarter of it: a machine that is busy has to be slower than that. */
export const LEASE = 'lease: 3s';

interface Settings {
  readonly settings?: string;
  readonly coherence?: string;
  readonly tier?: 'off';
}

/** Nodes that protect writes of `/settings`, over a Redis of each test's own: the first write waits for a lease. */
export function useProtectedRig() {
  let redis: RedisServer;
  let origin: ScriptedOrigin;
  let nodes: TestGateway[];
  beforeEach(async () => {
    [redis, origin] = await Promise.all([RedisServer.start(), scriptedOrigin()]);
    nodes = [];
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis.stop();
    await origin.close();
  });

  async function start(count: number, entry: string, { settings = '', ...more }: Settings = {}): Promise<void> {
    const { coherence = LEASE, tier } = more;
    const yaml = `${settings}
store: { redis: { url: "unix:${redis.socket}"${tier === undefined ? '' : `, tier: ${tier}`} } }
coherence: { ${coherence}, settle: 300ms }
writes: [{ on: PUT /settings, ${entry} }]`;
    nodes = await Promise.all(Array.from({ length: count }, () => startGateway(origin.url, yaml)));
    for (const { adminUrl } of nodes) {
      await until(async () => (await get(`${adminUrl}/readyz`)).status === 200, 'a node to serve');
    }
  }

  async function leaseRunsOut(): Promise<void> {
    const text = async (): Promise<string> => (await get(`${nodes[0]?.adminUrl}/readyz`)).text;
    await until(async () => (await text()).includes('the lease has run out'), 'its lease to run out');
  }

  /** Resolves once so many intents are in the bus, and the node knows that they are. */
  async function noted(count: number): Promise<void> {
    const connection = await redis.connected();
    const intents = async (): Promise<number> => {
      const [key] = await connection.keys('*intents*');
      return key === undefined ? 0 : connection.hlen(key);
    };
    await until(async () => (await intents()) === count, `${count} intents`);
    connection.disconnect();
    await get(`${nodes[0]?.adminUrl}/metrics`);
  }

  /** Resolves once the tier has so many responses. */
  async function stored(count: number): Promise<void> {
    const connection = await redis.connected();
    await until(async () => (await connection.keys('*:e:*')).length >= count, `${count} responses in the tier`);
    connection.disconnect();
  }

  const at = (node: number): string => `${nodes[node]?.url}/settings`;
  const put = (node: number, body: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Answer> =>
    get(at(node), { method: 'PUT', body, headers: { 'content-type': 'application/json', ...headers } });
  return {
    ...{ start, leaseRunsOut, noted, stored, at, put },
    get redis() {
      return redis;
    },
    get origin() {
      return origin;
    },
    get nodes() {
      return nodes;
    },
  };
}
