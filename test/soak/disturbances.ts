import type { GatewayProcess, RedisProcess } from './nodes.ts';
import { LEASE_MS } from './nodes.ts';
import type { World } from './world.ts';

export interface Scene {
  readonly gateways: readonly GatewayProcess[];
  readonly redis: RedisProcess;
  readonly world: World;
  /** One of the gateways, a different one each time. */
  any(): GatewayProcess;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What happens to the nodes while clients go on. Each leaves everything as it was. */
export const disturbances: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  nothing: () => pause(1_500),

  'SIGKILL of a node in mid-write': async ({ any }) => {
    const node = any();
    await node.kill();
    await pause(1_000);
    node.launch();
    await node.ready();
  },

  'SIGSTOP of a node for longer than its lease': async ({ any }) => {
    const node = any();
    node.signal('SIGSTOP');
    await pause(3 * LEASE_MS);
    node.signal('SIGCONT');
    await node.ready();
  },

  'Redis killed and restarted empty': async ({ redis, gateways }) => {
    await redis.kill();
    await pause(800);
    await redis.launch();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'Redis killed and restarted with older data': async ({ redis, gateways }) => {
    await redis.save();
    await pause(300);
    await redis.kill();
    await pause(300);
    await redis.launch();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'the path of a node to Redis cut': async ({ any }) => {
    const { proxy, ...node } = cutOff(any());
    proxy.conditions.cut = true;
    await pause(3 * LEASE_MS);
    proxy.mend();
    await node.ready();
  },

  'its connections broken': async ({ any }) => {
    const node = any();
    node.proxy.reset();
    await node.ready();
  },

  'the way to Redis slow': ({ any }) => slowed(any(), { up: LEASE_MS / 8, down: 0 }),
  'the way back slow': ({ any }) => slowed(any(), { up: 0, down: LEASE_MS / 8 }),
  'both slower than a lease': ({ any }) => slowed(any(), { up: LEASE_MS, down: LEASE_MS }),

  'an origin that times out, breaks off and fails': async ({ world }) => {
    world.failing = 60;
    await pause(2_000);
    world.failing = 0;
    // Until the writes that were left hanging have timed out.
    await pause(1_200);
  },
};

function cutOff(node: GatewayProcess): { proxy: GatewayProcess['proxy']; ready: () => Promise<void> } {
  return { proxy: node.proxy, ready: () => node.ready() };
}

async function slowed(node: GatewayProcess, delayMs: { up: number; down: number }): Promise<void> {
  node.proxy.conditions.delayMs = delayMs;
  await pause(1_500);
  node.proxy.mend();
  await node.ready();
}
