import { type Bench, type Case, differenceOf, ratioOf } from '../bench.ts';
import { type Gateway, startGateway } from '../servers/gateway.ts';
import { redisVersion, startRedis } from '../servers/redis.ts';
import { ask } from '../servers/server.ts';
import { type Contender, runLoadCase } from './load-case.ts';

const nodes = 3;

/** Runs with three gateways joined by a Redis in `strict` mode. Only the first is measured. */
async function withNodes<T>(bench: Bench, run: (first: Gateway) => Promise<T>): Promise<T> {
  if (redisVersion() === undefined) throw new Error('redis-server is not on the path: it is needed to join the nodes');
  const redis = await startRedis(bench.placement.generator);
  const gateways: Gateway[] = [];
  try {
    for (let i = 0; i < nodes; i++) {
      gateways.push(
        await startGateway({
          name: i === 0 ? 'three nodes' : `node ${i + 1}`,
          directory: bench.directories.gateway ?? '',
          originUrl: bench.origin.url,
          core: bench.placement.server,
          redisPort: redis.port,
        }),
      );
    }
    return await run(gateways[0] as Gateway);
  } finally {
    for (const gateway of gateways) await gateway.stop();
    await redis.child.stop();
  }
}

const writes = (name: string, title: string, connections: number): Case => ({
  name,
  title,
  run: (bench) =>
    withNodes(bench, (first) => {
      const alone = bench.gateways[0] as Gateway;
      const contenders = [bench.origin, alone, first].map(
        (server): Contender => ({
          name: server === alone ? 'alone' : server.name,
          server,
          load: { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: 'child', connections },
          paths: () => ({ prefix: '/children/', first: 0, count: 1000 }),
          status: 200,
          originRequests: { min: 1, max: 1 },
        }),
      );
      const comparisons = [differenceOf('three nodes', 'direct'), differenceOf('three nodes', 'alone')];
      return runLoadCase(bench, contenders, comparisons);
    }),
});

export const writeNodes = writes('write-nodes', 'strict write over three nodes, 1 KiB, one connection', 1);
export const writeNodesLoaded = writes('write-nodes-load', 'strict write over three nodes, 1 KiB, 32 connections', 32);

/** A hit only checks whether the node is serving. That is its whole overhead for other nodes. */
export const hitNodes: Case = {
  name: 'hit-nodes',
  title: 'hit, 1 KiB, of a node of three',
  run: (bench) =>
    withNodes(bench, async (first) => {
      const alone = bench.gateways[0] as Gateway;
      for (const { url } of [alone, first]) {
        await ask(`${url}/things/1`);
        const { headers } = await ask(`${url}/things/1`);
        if (!/\bhit\b/.test(String(headers['cache-status']))) throw new Error(`${url} does not store`);
      }
      const contenders = [alone, first].map(
        (server): Contender => ({
          name: server === alone ? 'alone' : server.name,
          server,
          load: { method: 'GET', headers: {}, body: undefined, connections: 64 },
          paths: () => ({ prefix: '/things/', first: 1, count: 1 }),
          status: 200,
          originRequests: { min: 0, max: 0 },
        }),
      );
      return runLoadCase(bench, contenders, [ratioOf('three nodes', 'alone')]);
    }),
};
