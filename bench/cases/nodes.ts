import { type Bench, type Case, differenceOf, ratioOf } from '../bench.ts';
import { type Gateway, startGateway } from '../servers/gateway.ts';
import { redisVersion, startRedis } from '../servers/redis.ts';
import type { Server } from '../servers/server.ts';
import { plainHit, store } from './hit.ts';
import { type Contender, runLoadCase } from './load-case.ts';

const nodes = 3;

/**
 * Runs with three gateways joined by a Redis in `strict` mode. The first is asked. The CPU time is that of all three.
 */
async function withNodes<T>(bench: Bench, run: (nodes: Server) => Promise<T>): Promise<T> {
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
    const [first, ...others] = gateways as [Gateway, ...Gateway[]];
    return await run({ ...first, morePids: others.map(({ child }) => child.pid) });
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
          paths: () => ({ template: '/children/{n}', first: 0, count: 1000 }),
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
      for (const server of [alone, first]) await store(bench, server, { template: '/things/{n}', keys: 1 });
      const contenders = [{ ...alone, name: 'alone' }, first].map(plainHit);
      return runLoadCase(bench, contenders, [ratioOf('three nodes', 'alone')]);
    }),
};
