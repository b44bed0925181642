import { tellsEach } from './mistake-table.ts';

const jwt = (settings: string): string => `events: { auth: { jwt: { ${settings} } } }`;
const long = 'a secret of more than 32 bytes, for tests';

tellsEach({
  'events: tokens': [
    {
      it: 'a secret that is short',
      yaml: jwt('secret: hunter2'),
      says: '2:34 the secret is too short for HS256 | use 32 random bytes or more, for example in base64url',
    },
    {
      it: 'a secret that the environment does not have',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is written in the file
      yaml: jwt('secret: "${EVENTS_SECRET:-}"'),
      says: '2:34 the secret is empty | use 32 random bytes or more, for example in base64url',
    },
    {
      it: 'neither a secret nor keys',
      yaml: jwt('issuer: me'),
      says: '2:19 jwt needs a secret or jwks | write secret for HS256, jwks for public keys',
    },
    {
      it: 'a secret and keys',
      yaml: jwt(`secret: "${long}", jwks: "https://login.example/keys"`),
      says: '2:19 secret and jwks exclude each other | write secret for HS256, jwks for public keys',
    },
    {
      it: 'keys that others use, too',
      yaml: jwt('jwks: "https://login.example/keys"'),
      says: [
        '2:32 jwks needs audience: its keys may sign tokens for others, too | add the audience that tokens for this gateway have',
        '2:32 jwks needs issuer: its keys may sign tokens for others, too | add the issuer that tokens for this gateway have',
      ],
    },
    {
      it: 'keys that whoever is on the way may change',
      yaml: jwt('jwks: "http://login.example/keys", issuer: a, audience: b'),
      says: '2:32 "http://login.example/keys" is not an https URL | use https, or the path of a file',
    },
    {
      it: 'keys whose URL has a password',
      yaml: jwt('jwks: "https://a:b@login.example/keys", issuer: a, audience: b'),
      says: '2:32 the URL of a JWK Set cannot have credentials | remove everything before the "@"',
    },
    {
      it: 'keys whose URL has a password, and is not secure',
      yaml: jwt('jwks: "http://a:b@login.example/keys", issuer: a, audience: b'),
      says: '2:32 the URL of a JWK Set cannot have credentials | remove everything before the "@"',
    },
    {
      it: 'a file of keys that is not there',
      yaml: jwt('jwks: ./keys.json, issuer: a, audience: b'),
      says: '2:32 "./keys.json" cannot be read (ENOENT) | name a file with a JWK Set: { "keys": […] }; the path is relative to this file',
    },
    {
      it: 'a cookie that any host of the domain could set over plain HTTP',
      yaml: jwt(`secret: "${long}", cookie: events`),
      says: '2:87 "events" does not begin with __Secure- or __Host- | write for example __Secure-unstale',
    },
  ],
  'events: pages of other origins': [
    {
      it: 'an origin with a path',
      yaml: 'events: { cors: { origins: ["https://app.example/"] } }',
      says: '2:29 "https://app.example/" is not an origin: a scheme, a host, and a port unless it is the default | write https://app.example',
    },
    {
      it: 'no origin',
      yaml: 'events: { cors: { origins: [null-origin] } }',
      says: '2:29 "null-origin" is not an origin: a scheme, a host, and a port unless it is the default | write for example https://app.example',
    },
    {
      it: 'cookies for pages of all origins',
      yaml: 'events: { cors: { origins: ["*"], credentials: true } }',
      says: '2:48 any page could use the cookies of those who visit it | name the origins, or remove credentials',
    },
  ],
});
