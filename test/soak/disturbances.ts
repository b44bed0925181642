import { setTimeout as pause } from 'node:timers/promises';
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
  /** What was broken works again: from here on the time is measured until hits are back. */
  mended(): void;
}

/** What happens to the nodes while clients go on. Each leaves everything as it was. */
export const disturbances: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  nothing: () => pause(1_500),

  'SIGKILL of a node in mid-write': async ({ any, mended }) => {
    const node = any();
    await node.kill();
    await pause(1_000);
    node.launch();
    mended();
    await node.ready();
  },

  'SIGSTOP of a node for longer than its lease': async ({ any, mended }) => {
    const node = any();
    node.signal('SIGSTOP');
    await pause(3 * LEASE_MS);
    node.signal('SIGCONT');
    mended();
    await node.ready();
  },

  'SIGSTOP of a node in mid-write of the tier': async ({ any, mended }) => {
    const node = any();
    const isEntry = /\r\nset\r\n\$\d+\r\n\S*:e:\S+\r\n/i;
    await node.paths.interrupt(isEntry, async () => {
      node.signal('SIGSTOP');
      await pause(3 * LEASE_MS);
      node.signal('SIGCONT');
    });
    mended();
    await node.ready();
  },

  'the clock of a node steps by an hour, and by two back': async ({ any, mended }) => {
    const node = any();
    for (let step = 0; step < 3; step++) {
      node.stepClock();
      await pause(700);
    }
    mended();
  },

  'two configurations at once': async ({ gateways, mended }) => {
    // Every node but the first gets another one, works with it for a while, and goes back.
    for (const changed of [true, false]) {
      for (const gateway of gateways.slice(1)) {
        await gateway.kill('SIGTERM');
        await gateway.reconfigure(changed);
        gateway.launch();
        await gateway.ready();
      }
      await pause(1_000);
    }
    mended();
  },

  'Redis killed and restarted empty': async ({ redis, gateways, mended }) => {
    const server = redis.any();
    await server.kill();
    await pause(800);
    await server.launch({ empty: true });
    mended();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'Redis killed and restarted with older data': async ({ redis, gateways, mended }) => {
    const server = redis.any();
    await server.ask((asked) => asked.save());
    await pause(300);
    await server.kill();
    await pause(300);
    await server.launch();
    mended();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'Redis stopped for longer than a lease': async ({ redis, gateways, mended }) => {
    const server = redis.any();
    server.signal('SIGSTOP');
    await pause(3 * LEASE_MS);
    server.signal('SIGCONT');
    mended();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'the log trimmed by hand': async ({ redis, gateways, mended }) => {
    for (let i = 0; i < 5; i++) {
      await onEach(redis, async (server) => {
        for (const log of await server.keys('*:log:*')) await server.xtrim(log, 'MAXLEN', 0);
      });
      await pause(150);
    }
    mended();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
    await pause(1_500);
  },

  'Redis full, refusing what would take more': async ({ redis, gateways, mended }) => {
    await onEach(redis, (server) => server.config('SET', 'maxmemory', '1mb'));
    await pause(3 * LEASE_MS);
    await onEach(redis, (server) => server.config('SET', 'maxmemory', '0'));
    mended();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'Redis full, dropping what was not used lately': async ({ redis, gateways, mended }) => {
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
    mended();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'SIGKILL of a worker': async ({ gateways, mended }) => {
    for (const gateway of gateways) gateway.killWorker();
    mended();
    await pause(1_000);
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'the path of a node to Redis cut': (scene) => cut(scene, { up: true, down: true }),
  'only the way there cut': (scene) => cut(scene, { up: true, down: false }),
  'only the way back cut': (scene) => cut(scene, { up: false, down: true }),

  'its connections broken': async ({ any, mended }) => {
    const node = any();
    node.paths.reset();
    mended();
    await node.ready();
  },

  'the way to Redis slow': (scene) => slowed(scene, { up: LEASE_MS / 8, down: 0 }),
  'the way back slow': (scene) => slowed(scene, { up: 0, down: LEASE_MS / 8 }),
  'both slower than a lease': (scene) => slowed(scene, { up: LEASE_MS, down: LEASE_MS }),

  'an origin that times out, breaks off and fails': async ({ world, mended }) => {
    world.failing = 60;
    await pause(2_000);
    world.failing = 0;
    mended();
    // Until the writes that were left hanging have timed out.
    await pause(1_200);
  },
};

/** Of one server, not of a cluster. */
export const failovers: Readonly<Record<string, (scene: Scene & { redis: SingleRedis }) => Promise<void>>> = {
  'Redis dies, and a replica that lags takes its address': async ({ redis, gateways, mended }) => {
    await redis.failOver({ lagMs: 30, planned: false });
    mended();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },

  'Redis set back in place': async ({ redis, gateways, mended }) => {
    const server = redis.any();
    for (const ms of [200, 700]) {
      await server.ask((asked) => asked.save());
      await pause(ms);
      await server.ask((asked) => asked.call('DEBUG', 'RELOAD', 'NOSAVE'));
      mended();
      await Promise.all(gateways.map((gateway) => gateway.ready()));
      await pause(1_000);
    }
  },

  'Redis becomes a replica of its replica, and keeps its connections': async ({ redis, gateways, mended }) => {
    await redis.failOver({ lagMs: 30, planned: true });
    mended();
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  },
};

async function onEach(redis: SharedRedis, ask: (server: Redis) => Promise<unknown>): Promise<void> {
  await Promise.all(redis.servers.map((server) => server.ask(ask)));
}

async function cut({ any, mended }: Scene, how: Conditions['cut']): Promise<void> {
  const node = any();
  node.paths.make({ cut: how });
  await pause(3 * LEASE_MS);
  node.paths.mend();
  mended();
  await node.ready();
}

async function slowed({ any, mended }: Scene, delayMs: Conditions['delayMs']): Promise<void> {
  const node = any();
  node.paths.make({ delayMs });
  await pause(1_500);
  node.paths.mend();
  mended();
  await node.ready();
}
