import { disguised } from './fields.ts';

/**
 * Request fields by which APIs know their clients, in lower case. A response to a request with one of them may be for
 * that client alone, and a cache that does not know the field gives it to everyone. Fields that an authenticating proxy
 * in front of the gateway sets are here, too: they say whose request it is. The configuration adds others
 * (`credentialHeaders`).
 */
export const commonCredentials: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  // Keys of applications
  'api-key',
  'apikey',
  'api-token',
  'x-api-key',
  'x-apikey',
  'x-api-token',
  'x-access-key',
  'x-app-key',
  'x-application-key',
  'x-client-secret',
  'x-functions-key',
  'x-goog-api-key',
  'x-rapidapi-key',
  'dd-api-key',
  'dd-application-key',
  'ocp-apim-subscription-key',
  // Tokens and sessions
  'access-token',
  'auth-token',
  'job-token',
  'private-token',
  'session-token',
  'x-access-token',
  'x-amz-security-token',
  'x-auth',
  'x-auth-key',
  'x-auth-token',
  'x-authorization',
  'x-gitlab-token',
  'x-id-token',
  'x-jwt',
  'x-jwt-assertion',
  'x-redmine-api-key',
  'x-secret',
  'x-secret-key',
  'x-session',
  'x-session-id',
  'x-session-token',
  'x-shopify-access-token',
  'x-token',
  'x-user-token',
  'x-vault-token',
  // What an authenticating proxy says of the user
  'cf-access-authenticated-user-email',
  'cf-access-jwt-assertion',
  'remote-user',
  'x-auth-request-access-token',
  'x-auth-request-email',
  'x-auth-request-user',
  'x-goog-iap-jwt-assertion',
  'x-remote-user',
  'x-webauth-user',
  'remote-email',
  'x-amzn-oidc-accesstoken',
  'x-amzn-oidc-data',
  'x-amzn-oidc-identity',
  'x-authentik-email',
  'x-authentik-jwt',
  'x-authentik-uid',
  'x-authentik-username',
  'x-consumer-id',
  'x-consumer-username',
  'x-goog-authenticated-user-email',
  'x-goog-authenticated-user-id',
  'x-ms-client-principal',
  'x-ms-client-principal-id',
  'x-ms-client-principal-name',
  'x-pomerium-jwt-assertion',
  'x-user',
  'x-user-id',
  // Certificates of clients (RFC 9440)
  'client-cert',
  'client-cert-chain',
  'ssl-client-cert',
  'x-client-cert',
  'x-forwarded-client-cert',
  'x-ssl-client-cert',
]);

/** The common names and the given ones. A name with "_" also stands for its spelling with "-". */
export function credentialNames(named: readonly string[]): ReadonlySet<string> {
  return new Set([...commonCredentials, ...named, ...named.flatMap((name) => disguised(name) ?? [])]);
}

/**
 * Whether a field (in lower case) carries credentials. `api_key` does where `api-key` does: many origins read one as
 * the other (RFC 3875 §4.1.18).
 */
export function isCredential(name: string, names: ReadonlySet<string>): boolean {
  if (names.has(name)) return true;
  if (plain.has(name)) return false;
  const meant = disguised(name);
  return meant !== undefined && names.has(meant);
}

/** Fields of most requests, which need not be looked at for another spelling: every hit asks for each. */
const plain: ReadonlySet<string> = new Set([
  ...['host', 'user-agent', 'accept', 'accept-encoding', 'accept-language', 'connection', 'cache-control', 'pragma'],
  ...['if-none-match', 'if-modified-since', 'origin', 'referer', 'sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site'],
  ...['content-type', 'content-length', 'via', 'forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'],
]);
