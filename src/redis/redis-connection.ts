import { Cluster, Redis } from 'ioredis';

export interface RedisConnectionOptions {
  /** `redis://…`, `rediss://…` or `unix:/path`. Several URLs are nodes of one Redis Cluster. */
  readonly urls: readonly string[];
  /** When a command counts as failed. Undefined for a connection that blocks by design. */
  readonly commandTimeoutMs?: number | undefined;
  readonly failed: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 2_000;
/** A shorter silence may mean that the server is busy. */
const MIN_SILENCE_MS = 1_000;
/** Pauses between attempts to reconnect: short enough that a restart costs little, long enough not to be a burden. */
const RETRY_MS = { first: 50, most: 500 };

/**
 * A connection that never queues a command for a server that is away, and never sends one twice: the caller decides
 * what to do then. It reconnects by itself.
 */
export function connectRedis({ urls, commandTimeoutMs, failed }: RedisConnectionOptions): Redis | Cluster {
  const retry = (attempt: number): number => Math.min(RETRY_MS.most, RETRY_MS.first * attempt);
  const options = {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: retry,
    // The server has become a replica: its address leads, or will lead, to another one.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    ...(commandTimeoutMs === undefined ? {} : timeouts(commandTimeoutMs)),
  } as const;
  const [first = '', ...others] = urls;
  const connection =
    others.length === 0
      ? first.startsWith('unix:')
        ? new Redis({ ...options, path: first.slice('unix:'.length) })
        : new Redis(first, options)
      : new Cluster([...urls], {
          enableOfflineQueue: false,
          clusterRetryStrategy: retry,
          // What was under way when a connection closed may have been done.
          retryDelayOnFailover: 0,
          redisOptions: { ...options, ...credentialsOf(first) },
        });
  connection.on('error', failed);
  return connection;
}

/**
 * A command that is not answered in time leaves its connection open, and a machine that is gone without a word does not
 * close it. So a connection on which nothing comes while commands wait is closed: another server may have taken over.
 */
const timeouts = (commandTimeoutMs: number) => ({
  commandTimeout: commandTimeoutMs,
  socketTimeout: Math.max(MIN_SILENCE_MS, 2 * commandTimeoutMs),
});

/** Closes the connection, which reconnects by itself. What it is waiting for fails. */
export function hangUp(connection: Redis | Cluster): void {
  // Not `Cluster#disconnect(true)`: a MOVED that arrives before the last of its connections has ended makes a new one,
  // and the cluster, which waits for the last one to end, stays in "disconnecting" for good.
  if (connection instanceof Cluster) for (const node of connection.nodes()) node.disconnect();
  else connection.disconnect(true);
}

/** The credentials of the first URL are also used for nodes that the cluster announces. */
function credentialsOf(url: string): { username?: string; password?: string; tls?: object } {
  const { username, password, protocol } = new URL(url);
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

/**
 * Policies that evict random keys: a lost version costs a miss, but a lost member holds a lease that no write waits
 * for.
 */
const randomPolicies = ['allkeys-random', 'volatile-random'];

/**
 * The wrong eviction policy of a Redis, or of any server of a cluster. Undefined if all are right or may not be read.
 */
export async function evictionFault(
  connection: Redis | Cluster,
): Promise<{ policy: string; refused: boolean } | undefined> {
  const servers = connection instanceof Cluster ? connection.nodes('master') : [connection];
  const policies = await Promise.all(servers.map(policyOf));
  const wrong = policies.filter((policy) => policy !== 'noeviction');
  const policy = wrong.find((each) => randomPolicies.includes(each)) ?? wrong[0];
  return policy === undefined ? undefined : { policy, refused: randomPolicies.includes(policy) };
}

async function policyOf(server: Redis): Promise<string> {
  try {
    const [, policy = 'noeviction'] = (await server.call('CONFIG', 'GET', 'maxmemory-policy')) as [string, string?];
    return policy;
  } catch {
    // Many hosted services forbid CONFIG. Their operators have to know.
    return 'noeviction';
  }
}
