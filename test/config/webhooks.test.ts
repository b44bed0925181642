import { describe, expect, it } from 'vitest';
import { tellsEach } from './mistake-table.ts';
import { configOf, lines, warningsOf } from './parse.ts';

const secret = `whsec_${Buffer.alloc(32, 'a').toString('base64')}`;
const one = (settings: string): string => `webhooks: [{ ${settings} }]`;
const at = (url: string, more = ''): string => one(`url: "${url}", secret: "${secret}"${more}`);
const url = 'https://partner.example/hook';
const base64 = 'write "whsec_" and 24 random bytes or more in base64: openssl rand -base64 32';
const short = Buffer.alloc(23, 'a').toString('base64');
const long = Buffer.alloc(65, 'a').toString('base64');

tellsEach({
  'webhooks: URLs': [
    { it: 'none', yaml: one(`secret: "${secret}"`), says: '2:12 "url" is missing | add url: …' },
    {
      it: 'another scheme',
      yaml: at('ftp://partner.example/'),
      says: '2:19 this is not an http or https URL | write https://partner.example/hooks/unstale',
    },
    {
      it: 'a user name and a password, which are not repeated',
      yaml: at('https://me:hunter2@partner.example/'),
      says: '2:19 a webhook URL cannot have credentials | remove everything before the "@"',
    },
    {
      it: 'a fragment',
      yaml: at(`${url}#part`),
      says: '2:19 a webhook URL cannot have a fragment | remove the "#" and the rest',
    },
    {
      it: 'http',
      yaml: at('http://partner.example/hook'),
      says: '2:19 http would send events in the clear | use https, or add allowHttp: true on a network that nobody else is on',
    },
    {
      it: 'an address that is not public, however it is written',
      yaml: at('https://2130706433/hook'),
      says: '2:19 127.0.0.1 is not a public address (loopback): every attempt would be refused | add allow: ["127.0.0.1"] where that is meant',
    },
    {
      it: 'two that are the same',
      yaml: `webhooks:\n  - { url: "${url}", secret: "${secret}" }\n  - { url: "${url}", secret: "${secret}" }`,
      says: '4:12 another webhook has this URL | give each a name of its own',
    },
  ],
  'webhooks: secrets': [
    { it: 'none', yaml: one(`url: "${url}"`), says: '2:12 "secret" is missing | add secret: …' },
    {
      it: 'no prefix',
      yaml: one(`url: "${url}", secret: hunter2`),
      says: `2:59 this is not "whsec_" and base64 | ${base64}`,
    },
    {
      it: 'one that is short',
      yaml: one(`url: "${url}", secret: whsec_${short}`),
      says: `2:59 the secret is too short: Standard Webhooks have 24 to 64 bytes | ${base64}`,
    },
    {
      it: 'one that is long, in a list',
      yaml: one(`url: "${url}", secret: [whsec_${long}]`),
      says: `2:60 the secret is too long: Standard Webhooks have 24 to 64 bytes | ${base64}`,
    },
    {
      it: 'base64 that was cut off',
      yaml: one(`url: "${url}", secret: ${secret.slice(0, -2)}`),
      says: `2:59 the secret is not complete base64 | ${base64}`,
    },
    {
      it: 'one that the environment does not have',
      yaml: one(`url: "${url}", secret: "\${PARTNER_SECRET:-}"`),
      says: `2:59 the secret is empty | ${base64}`,
    },
    {
      it: 'too many',
      yaml: one(`url: "${url}", secret: [${Array.from({ length: 5 }, () => secret).join(', ')}]`),
      says: '2:59 more than 4 secrets | remove those that the receiver no longer knows',
    },
  ],
  'webhooks: what is sent, and where to': [
    {
      it: 'a key that there is not',
      yaml: at(url, ', pattern: [/a]'),
      says: '2:113 unknown key "pattern" | known: url, name, secret, match, tags, events, allow, allowHttp, timeout',
    },
  ],
});

describe('an endpoint', () => {
  it('has all it does not say itself', () => {
    expect(configOf(`origin: { url: http://127.0.0.1:4000 }\n${at(url)}`).webhooks).toEqual([
      {
        name: expect.stringMatching(/^partner\.example-[0-9a-f]{8}$/),
        url,
        secrets: [secret],
        ...{ match: [], tags: [], events: [], allow: [] },
        timeoutMs: 15_000,
      },
    ]);
  });

  it('is warned of if it asks for a type that nothing announces', () => {
    const rule = 'rules: [{ name: a, on: "PUT /a", event: a.changed, invalidate: [/a] }]';
    const text = `origin: { url: http://127.0.0.1:4000 }\n${at(url, ', events: [a.changed, invalidate, a.change]')}\n${rule}`;
    expect(lines(warningsOf(text)).filter((line) => line.includes('announces'))).toEqual([
      expect.stringMatching(
        /^gateway\.yaml:2:\d+ warning: no rule announces "a\.change" \| did you mean "a\.changed"\?$/,
      ),
    ]);
  });
});
