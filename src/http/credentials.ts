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
  'x-api-secret',
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
  'x-admin-token',
  'x-amz-security-token',
  'x-auth',
  'x-auth-key',
  'x-auth-token',
  'x-authorization',
  'x-bearer-token',
  'x-consul-token',
  'x-emby-token',
  'x-figma-token',
  'x-gitlab-token',
  'x-hasura-admin-secret',
  'x-id-token',
  'x-jwt',
  'x-jwt-assertion',
  'x-parse-session-token',
  'x-plex-token',
  'x-redmine-api-key',
  'x-refresh-token',
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
  'x-auth-request-groups',
  'x-auth-request-preferred-username',
  'x-auth-request-user',
  'x-goog-iap-jwt-assertion',
  'x-remote-user',
  'x-webauth-user',
  'remote-email',
  'remote-groups',
  'remote-name',
  'tailscale-user-login',
  'tailscale-user-name',
  'x-amzn-oidc-accesstoken',
  'x-amzn-oidc-data',
  'x-amzn-oidc-identity',
  'x-auth-email',
  'x-auth-user',
  'x-authenticated-groups',
  'x-authenticated-userid',
  'x-authentik-email',
  'x-authentik-groups',
  'x-authentik-jwt',
  'x-authentik-uid',
  'x-authentik-username',
  'x-consumer-custom-id',
  'x-consumer-id',
  'x-consumer-username',
  'x-credential-identifier',
  'x-goog-authenticated-user-email',
  'x-goog-authenticated-user-id',
  'x-hasura-role',
  'x-hasura-user-id',
  'x-ms-client-principal',
  'x-ms-client-principal-id',
  'x-ms-client-principal-name',
  'x-pomerium-jwt-assertion',
  'x-user',
  'x-user-id',
  'x-vouch-user',
  // Certificates of clients (RFC 9440), and their subjects
  'client-cert',
  'client-cert-chain',
  'ssl-client-cert',
  'ssl-client-subject-dn',
  'x-amzn-mtls-clientcert',
  'x-amzn-mtls-clientcert-leaf',
  'x-amzn-mtls-clientcert-serial-number',
  'x-amzn-mtls-clientcert-subject',
  'x-arr-clientcert',
  'x-client-cert',
  'x-client-dn',
  'x-forwarded-client-cert',
  'x-forwarded-tls-client-cert',
  'x-forwarded-tls-client-cert-info',
  'x-ssl-client-cert',
  'x-ssl-client-cn',
  'x-ssl-client-dn',
  'x-ssl-client-fingerprint',
  'x-ssl-client-s-dn',
  'x-ssl-client-serial',
  'x-ssl-client-sha1',
  'x-ssl-client-subject-dn',
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
