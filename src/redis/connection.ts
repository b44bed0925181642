import { Cluster, Redis } from 'ioredis';

export interface RedisConnectionOptions {
  /** `redis://…`, `rediss://…`, `unix:/path`; several are nodes of one Redis Cluster. */
  readonly urls: readonly string[];
  /** After which a command counts as failed; undefined for a connection that blocks by design. */
  readonly commandTimeoutMs?: number | undefined;
  readonly failed: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 2_000;
/** Between attempts to reach it again: soon enough that a restart costs little, not so soon as to be a burden. */
const RETRY_MS = { first: 50, most: 500 };

/**
 * A connection that never keeps a command waiting for a server that is not there, and never sends one twice: what to do then
 * is decided by who asked. It comes back by itself.
 */
export function connectRedis({ urls, commandTimeoutMs, failed }: RedisConnectionOptions): Redis | Cluster {
  const retry = (attempt: number): number => Math.min(RETRY_MS.most, RETRY_MS.first * attempt);
  const options = {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: retry,
    // It has become a replica: its address leads to another server by now, or will.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    ...(commandTimeoutMs === undefined ? {} : { commandTimeout: commandTimeoutMs }),
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
          redisOptions: { ...options, ...credentialsOf(first) },
        });
  connection.on('error', failed);
  return connection;
}

/** The nodes that a cluster names by itself are asked with what the first URL says. */
function credentialsOf(url: string): { username?: string; password?: string; tls?: object } {
  const { username, password, protocol } = new URL(url);
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

/** Policies that drop keys by chance: a version that is missing would be a miss, a member that is missing a lease that nobody waits for. */
const randomPolicies = ['allkeys-random', 'volatile-random'];

/** What is wrong with how a Redis, or any server of a cluster, drops keys; undefined where it is fine, or may not be asked. */
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
    // Many services do not let CONFIG be asked: then it is theirs to know.
    return 'noeviction';
  }
}
