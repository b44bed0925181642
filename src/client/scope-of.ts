import type { TabPlatform } from './platform.ts';
import type { Token } from './types.ts';

/** Claims that differ between two tokens of one user: of RFC 7519, of OpenID Connect and of Entra ID. */
const PASSING = 'exp iat nbf jti auth_time nonce at_hash c_hash s_hash sid uti aio rh'.split(' ');

/**
 * Whose token it is, as a digest. Tokens of the same user with the same rights give the same, if they are JWTs. Any
 * other token stands for itself.
 */
export async function scopeOf(token: Token, tabs: TabPlatform): Promise<string> {
  if (!token) return '';
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
