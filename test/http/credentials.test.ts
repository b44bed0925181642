import { describe, expect, test } from 'vitest';
import { commonCredentials, isCredential } from '../../src/http/credentials.ts';

/* Fields by which APIs know their clients: who sets which, as their manuals say. */

describe('says whose a request is', () => {
  test.each<[string, string[]]>([
    [
      'AWS Application Load Balancer, mutual TLS',
      ['X-Amzn-Mtls-Clientcert', 'X-Amzn-Mtls-Clientcert-Leaf', 'X-Amzn-Mtls-Clientcert-Subject'],
    ],
    ['AWS Application Load Balancer, serial number', ['X-Amzn-Mtls-Clientcert-Serial-Number']],
    ['Azure App Service', ['X-ARR-ClientCert', 'X-MS-Client-Principal']],
    ['ingress-nginx', ['ssl-client-cert', 'ssl-client-subject-dn']],
    ['Traefik', ['X-Forwarded-Tls-Client-Cert', 'X-Forwarded-Tls-Client-Cert-Info']],
    ['HAProxy', ['X-SSL-Client-CN', 'X-SSL-Client-DN', 'X-SSL-Client-SHA1']],
    ['nginx and Apache, by custom', ['X-SSL-Client-S-DN', 'X-Client-DN', 'X-SSL-Client-Serial']],
    ['Kong', ['X-Authenticated-Userid', 'X-Consumer-ID', 'X-Consumer-Custom-ID', 'X-Credential-Identifier']],
    ['Tailscale Serve', ['Tailscale-User-Login', 'Tailscale-User-Name']],
    ['Hasura', ['X-Hasura-Admin-Secret', 'X-Hasura-User-Id', 'X-Hasura-Role']],
    ['Authelia', ['Remote-User', 'Remote-Groups', 'Remote-Email', 'Remote-Name']],
    ['Authentik', ['X-Authentik-Username', 'X-Authentik-Groups']],
    ['oauth2-proxy', ['X-Auth-Request-User', 'X-Auth-Request-Groups', 'X-Auth-Request-Preferred-Username']],
    ['Vouch', ['X-Vouch-User']],
    ['other proxies', ['X-Auth-User', 'X-Auth-Email']],
    ['Parse, Plex, Emby, Figma', ['X-Parse-Session-Token', 'X-Plex-Token', 'X-Emby-Token', 'X-Figma-Token']],
    ['Consul', ['X-Consul-Token']],
    ['by custom', ['X-Bearer-Token', 'X-Refresh-Token', 'X-Admin-Token', 'X-Api-Secret']],
  ])('%s', (_who, names) => {
    for (const name of names.map((each) => each.toLowerCase())) {
      expect([name, isCredential(name, commonCredentials)]).toEqual([name, true]);
      const underscored = name.replaceAll('-', '_');
      expect([underscored, isCredential(underscored, commonCredentials)]).toEqual([underscored, true]);
    }
  });

  // ingress-nginx says NONE in it to all who have no certificate.
  test.each(['user', 'token', 'session', 'x-request-id', 'x-tenant', 'ssl-client-verify'])('not %s', (name) => {
    expect(isCredential(name, commonCredentials)).toBe(false);
  });
});
