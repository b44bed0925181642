import { VERSION } from './group-state.ts';
import type { TabPlatform } from './platform.ts';
import type { Source } from './source.ts';
import type { StreamOptions } from './stream.ts';
import { Tabs, type TabsOptions } from './tabs.ts';
import type { Token } from './types.ts';

export interface JoinOptions extends Omit<TabsOptions, 'name'> {
  readonly scope: string | undefined;
  /** Whether it has not been closed while a token was asked for. */
  readonly isWanted: () => boolean;
}

/** Joins the tabs that have the same URL and the same user. */
export async function joinTabs(options: JoinOptions): Promise<Source | undefined> {
  const { stream, tabs } = options;
  const { auth, credentials, url } = stream;
  let { scope } = options;
  let first: Token;
  if (auth !== undefined && scope === undefined) {
    first = await auth('connect');
    scope = first ? await scopeOf(first, tabs) : '';
  }
  if (!options.isWanted()) return undefined;
  const name = JSON.stringify(['unstale', VERSION, new URL(url, tabs.base), credentials, scope]);
  /** The first token has been asked for already. */
  const auths: StreamOptions['auth'] = (why) => {
    const token = first;
    first = undefined;
    return why === 'connect' && token ? token : auth?.(why);
  };
  return new Tabs({ ...options, name, stream: auth === undefined ? stream : { ...stream, auth: auths } });
}

/** Claims that differ between two tokens of one user. */
const PASSING = ['exp', 'iat', 'nbf', 'jti', 'auth_time'];

/**
 * Whose token it is, as a digest. Tokens of the same user with the same rights give the same, if they are JWTs. Any
 * other token stands for itself.
 */
async function scopeOf(token: string, tabs: TabPlatform): Promise<string> {
  const bytes = await tabs.digest(new TextEncoder().encode(lastingPart(token)));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16)).join('');
}

function lastingPart(token: string): string {
  try {
    const claims = (token.split('.')[1] as string).replace(/-/g, '+').replace(/_/g, '/');
    const read = JSON.parse(atob(claims)) as Record<string, unknown>;
    return JSON.stringify(Object.entries(read).filter(([name]) => !PASSING.includes(name)));
  } catch {
    return token;
  }
}
