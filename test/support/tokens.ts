import { type CryptoKey, SignJWT } from 'jose';

export const SECRET = 'a secret of more than 32 bytes, for tests';

/** A signed token. `claims` replaces; undefined leaves a claim out. */
export async function token(
  claims: Record<string, unknown> = {},
  { key = SECRET, alg = 'HS256' }: { key?: string | CryptoKey; alg?: string } = {},
): Promise<string> {
  const soon = Math.floor(Date.now() / 1000) + 3_600;
  const all = { sub: '7', exp: soon, unstale: { match: ['/users/{sub}/**'], tags: ['room:*'] }, ...claims };
  const payload = JSON.parse(JSON.stringify(all)) as Record<string, unknown>;
  const signer = new SignJWT(payload).setProtectedHeader({ alg });
  return await signer.sign(typeof key === 'string' ? new TextEncoder().encode(key) : key);
}
