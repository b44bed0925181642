import { readFileSync } from 'node:fs';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { Clock } from '../clock.ts';
import type { EventsAuthConfig, EventsCorsConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import type { Filter } from './filter.ts';
import { Grants, grantOf } from './grants.ts';
import { boundedFetch } from './key-fetch.ts';
import { mayUseCookies } from './page-origin.ts';
import type { Authority, Rights, SubscriptionRequest } from './rights.ts';
import { tokenIn } from './token-in.ts';

/** Tokens that are larger are not parsed. Header fields have a limit of their own, which may be higher. */
const MAX_TOKEN_LENGTH = 8 * 1024;
/** How long fetched keys are used, and how soon an unknown key id may cause another fetch. */
const KEYS_MAX_AGE_MS = 600_000;
const KEYS_COOLDOWN_MS = 30_000;
const KEYS_TIMEOUT_MS = 5_000;

/**
 * The algorithms follow from the configuration, never from the token: neither `none` nor an HMAC with a public key as
 * its secret is ever verified (RFC 8725 §3.1).
 */
const hmac = ['HS256'];
const publicKey = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

export interface AuthorityOptions {
  readonly auth: EventsAuthConfig;
  readonly cors: EventsCorsConfig | undefined;
  readonly clock: Clock;
  /** Adds folded forms to what a claim grants. Default: none. */
  readonly widened?: ((grant: Filter) => Filter) | undefined;
  /** The keys cannot be had: called for each subscription that is refused because of that. */
  readonly keysFailed: (error: unknown) => void;
}

/** @throws if the file with the keys cannot be read */
export function createAuthority({ auth, cors, clock, widened, keysFailed }: AuthorityOptions): Authority {
  const key = keyOf(auth.keys, clock);
  const algorithms = 'secret' in auth.keys ? hmac : publicKey;
  const rightsOfToken = async (token: string): Promise<Rights> => {
    try {
      const payload = await verified(token, key, { ...auth, algorithms, currentDate: new Date(clock.wall()) });
      return grantsIn(payload, auth.claim, widened);
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'keysUnavailable') keysFailed(error.cause);
      throw error;
    }
  };
  return {
    rightsOf: async (request: SubscriptionRequest) => {
      const found = tokenIn(request, auth.cookie);
      if (found.from === 'cookie' && !mayUseCookies(request, cors)) throw new GatewayError('foreignPage');
      return await rightsOfToken(found.token);
    },
  };
}

function keyOf(keys: EventsAuthConfig['keys'], clock: Clock): JWTVerifyGetKey {
  if ('secret' in keys) {
    const secret = new TextEncoder().encode(keys.secret);
    return () => Promise.resolve(secret);
  }
  if ('file' in keys) return createLocalJWKSet(JSON.parse(readFileSync(keys.file, 'utf8')) as JSONWebKeySet);
  return createRemoteJWKSet(new URL(keys.url), {
    timeoutDuration: KEYS_TIMEOUT_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_MAX_AGE_MS,
    [customFetch]: boundedFetch(clock),
  });
}

async function verified(
  token: string,
  key: JWTVerifyGetKey,
  { issuer, audience, algorithms, currentDate }: EventsAuthConfig & { algorithms: string[]; currentDate: Date },
): Promise<JWTPayload> {
  if (token.length > MAX_TOKEN_LENGTH) throw new GatewayError('tokenInvalid', 'it is too long');
  try {
    const expected = { ...(issuer !== undefined && { issuer }), ...(audience !== undefined && { audience }) };
    // A token that does not expire could never be taken back.
    return (await jwtVerify(token, key, { ...expected, algorithms, currentDate, requiredClaims: ['exp'] })).payload;
  } catch (cause) {
    if (cause instanceof errors.JWTClaimValidationFailed || cause instanceof errors.JWTExpired) {
      throw new GatewayError('tokenInvalid', `the claim "${cause.claim}" is missing or does not hold`, { cause });
    }
    if (isOfToken(cause)) throw new GatewayError('tokenInvalid', 'its signature, key or algorithm is wrong', { cause });
    throw new GatewayError('keysUnavailable', undefined, { cause });
  }
}

/** Everything else that is thrown is a failure to get the keys. */
function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  );
}

function grantsIn({ sub, exp, ...claims }: JWTPayload, name: string, widened: AuthorityOptions['widened']): Rights {
  const granted = grantOf(claims[name], sub, widened);
  if ('mistake' in granted) {
    throw new GatewayError('notAllowed', `the claim "${name}" grants nothing: ${granted.mistake}`);
  }
  return new Grants(granted, { subject: sub, expiresAt: (exp as number) * 1000 });
}
