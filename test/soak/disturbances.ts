import type { Redis } from 'ioredis';
import type { GatewayProcess } from './nodes.ts';
import { LEASE_MS } from './nodes.ts';
import type { SharedRedis, SingleRedis } from './redis.ts';
import type { Conditions } from './tcp-proxy.ts';
import type { World } from './world.ts';

export interface Scene {
  readonly gateways: readonly GatewayProcess[];
  readonly redis: SharedRedis;
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
    const server = redis.any();
    await server.kill();
    await pause(800);
    await server.launch({ empty: true });
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'Redis killed and restarted with older data': async ({ redis, gateways }) => {
    const server = redis.any();
    await server.ask((asked) => asked.save());
    await pause(300);
    await server.kill();
    await pause(300);
    await server.launch();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'Redis stopped for longer than a lease': async ({ redis, gateways }) => {
    const server = redis.any();
    server.signal('SIGSTOP');
    await pause(3 * LEASE_MS);
    server.signal('SIGCONT');
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'the log trimmed by hand': async ({ redis, gateways }) => {
    for (let i = 0; i < 5; i++) {
      await onEach(redis, async (server) => {
        for (const log of await server.keys('*:log:*')) await server.xtrim(log, 'MAXLEN', 0);
      });
      await pause(150);
    }
    await Promise.all(gateways.map((gateway) => gateway.ready()));
    await pause(1_500);
  },

  'Redis full, refusing what would take more': async ({ redis, gateways }) => {
    await onEach(redis, (server) => server.config('SET', 'maxmemory', '1mb'));
    await pause(3 * LEASE_MS);
    await onEach(redis, (server) => server.config('SET', 'maxmemory', '0'));
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'Redis full, dropping what was not used lately': async ({ redis, gateways }) => {
    await onEach(redis, async (server) => {
      await server.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const used = Number(/used_memory:(\d+)/.exec(await server.info('memory'))?.[1]);
      await server.config('SET', 'maxmemory', String(used - 50_000));
    });
    await pause(1_500);
    await onEach(redis, async (server) => {
      await server.config('SET', 'maxmemory', '0');
      await server.config('SET', 'maxmemory-policy', 'noeviction');
    });
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'SIGKILL of a worker': async ({ gateways }) => {
    for (const gateway of gateways) gateway.killWorker();
    await pause(1_000);
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'the path of a node to Redis cut': ({ any }) => cut(any(), { up: true, down: true }),
  'only the way there cut': ({ any }) => cut(any(), { up: true, down: false }),
  'only the way back cut': ({ any }) => cut(any(), { up: false, down: true }),

  'its connections broken': async ({ any }) => {
    const node = any();
    node.paths.reset();
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

/** Of one server, not of a cluster. */
export const failovers: Readonly<Record<string, (scene: Scene & { redis: SingleRedis }) => Promise<void>>> = {
  'Redis dies, and a replica that lags takes its address': async ({ redis, gateways }) => {
    await redis.failOver({ lagMs: 30, planned: false });
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'Redis set back in place': async ({ redis, gateways }) => {
    const server = redis.any();
    for (const ms of [200, 700]) {
      await server.ask((asked) => asked.save());
      await pause(ms);
      await server.ask((asked) => asked.call('DEBUG', 'RELOAD', 'NOSAVE'));
      await Promise.all(gateways.map((gateway) => gateway.ready()));
      await pause(1_000);
    }
  },

  'Redis becomes a replica of its replica, and keeps its connections': async ({ redis, gateways }) => {
    await redis.failOver({ lagMs: 30, planned: true });
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },
};

async function onEach(redis: SharedRedis, ask: (server: Redis) => Promise<unknown>): Promise<void> {
  await Promise.all(redis.servers.map((server) => server.ask(ask)));
}

async function cut(node: GatewayProcess, how: Conditions['cut']): Promise<void> {
  node.paths.make({ cut: how });
  await pause(3 * LEASE_MS);
  node.paths.mend();
  await node.ready();
}

async function slowed(node: GatewayProcess, delayMs: Conditions['delayMs']): Promise<void> {
  node.paths.make({ delayMs });
  await pause(1_500);
  node.paths.mend();
  await node.ready();
}
