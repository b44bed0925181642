import { describe, expect, it } from 'vitest';
import { lines, problemsOf, warningsOf } from './parse.ts';

describe('origins', () => {
  it.each([
    ['', '1:1 "origin" is missing | say where requests go: origin: { url: http://127.0.0.1:4000 }'],
    [
      '# all of it\n# commented out\n',
      '1:1 "origin" is missing | say where requests go: origin: { url: http://127.0.0.1:4000 }',
    ],
    ['log: {}\n', '1:1 "origin" is missing | say where requests go: origin: { url: http://127.0.0.1:4000 }'],
    ['- a\n', '1:1 expected a mapping, found a list | write its keys below it, indented, or { key: value }'],
    ['origin: {}\n', '1:1 "url" is missing | add url: …'],
    ['origin:\n  timeout: 5s\n', '1:1 "url" is missing | add url: …'],
    ['origin:\n  url: localhost:4000\n', '2:8 this is not an http or https URL | write http://127.0.0.1:4000'],
    ['origins: {}\n', '1:1 "origins" is empty | add one: default: { url: … }'],
    [
      'origins: { a: { url: http://a }, b: { url: http://b } }\n',
      '1:1 no origin for requests that match no route | choose one: defaults: { origin: a }, or call it "default"',
    ],
    [
      'origins: { "1 2": { url: http://a } }\n',
      '1:12 "1 2" is not a name | use a letter, then letters, digits, "_" and "-"',
    ],
  ])('%j', (text, says) => expect(lines(problemsOf(text))).toContain(`gateway.yaml:${says}`));
});

it('reports all mistakes of a file at once, in its order, and nothing twice', () => {
  const text = [
    'server: { listen: "80:x" }',
    'orign: { url: x }',
    'origin: { url: http://x, timeout: 5 }',
    'routes:',
    '  - match: steps',
    '  - { match: /b/**, cache: { ttl: 1y } }',
    '  - { match: /c/**, origin: other }',
    '  - match: /c/:id',
    'rules:',
    '  - { name: a, on: PUT /a/:id, invalidate: ["/a/{ids}", "/b/{", { tag: "c:{id}" }] }',
    '  - { name: b, on: PUT /a/:id, invalidate: ["/a/{no}"] }',
    '  - { name: b, on: get /a, invalidate: [/a] }',
  ].join('\n');
  expect(problemsOf(text).map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
    '1:19 "80:x" is not an address and a port',
    '2:1 unknown key "orign"',
    '3:35 5 has no unit',
    '5:12 a pattern must start with a slash',
    '6:35 "y" is not a unit of a duration',
    '7:29 there is no origin "other"',
    '8:12 no request can reach this route: /c/** (gateway.yaml:7:14) matches all of them',
    '10:61 "{" is never closed',
    '11:50 the pattern /a/:id has no parameter "no"',
    '12:20 "get" is not a method',
  ]);
});

it('reports a mistake once that an alias repeats', () => {
  const text =
    'origin: { url: http://x }\nroutes:\n  - match: /a\n    cache: &c { ttl: 60 }\n  - { match: /b, cache: *c }\n';
  expect(lines(problemsOf(text))).toEqual(['gateway.yaml:4:22 60 has no unit | write for example 60s']);
});

it('says nothing about what follows from a variable that is not set', () => {
  const env = '$' + '{NONE}';
  const text = `origin: { url: "${env}" }\nroutes: [{ match: "${env}" }]\nlog: { level: "${env}" }\n`;
  expect(problemsOf(text).map(({ message }) => message)).toEqual(
    Array.from({ length: 3 }, () => 'the environment variable NONE is not set'),
  );
});

it('never repeats a secret', () => {
  const text = [
    'origin: { url: "http://user:hunter2@x" }',
    'admin: { token: hunter2 hunter2, extra: 1 }',
    'store: { redis: { url: "redis://:hunter2@x", nope: 1 } }',
  ].join('\n');
  const found = problemsOf(text);
  expect(found).toHaveLength(4);
  expect(JSON.stringify(found)).not.toContain('hunter2');
});

it('shows the environment in place of its value', () => {
  const [problem] = problemsOf(`origin: { url: "$${'{URL}'}" }\n`, { env: { URL: 'hunter2' } });
  expect(problem?.excerpt).toBe(`origin: { url: "$${'{URL}'}" }`);
});

it.each(['authorization: Bearer hunter2', '"X-Api-Key": hunter2', 'Cookie: session=hunter2'])(
  'does not show the value of a field for origins: %s',
  (line) => {
    const text = `origin:\n  url: http://x\n  headers:\n    ${line} \u00e9\n`;
    const found = problemsOf(text);
    expect(found.map(({ message }) => message)).toEqual(['this is not a valid header field value']);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  },
);

describe('warnings do not make a configuration invalid', () => {
  const origin = 'origin: { url: http://x }\n';
  it.each([
    [
      'coherence: { onPartition: queue }',
      '2:14 warning: onPartition has no effect without store.redis | remove it: without store.redis there is no partition',
    ],
    [
      'admin: { token: changeme }',
      '2:17 warning: the token is short enough to be guessed | 16 characters at least; better: 32 random bytes in base64url',
    ],
  ])('%s', (yaml, says) => expect(lines(warningsOf(origin + yaml))).toEqual([`gateway.yaml:${says}`]));

  it('and are reported together with errors', () => {
    const found = problemsOf(`${origin}coherence: { onPartition: queue, mode: x }`);
    expect(found.map(({ severity }) => severity)).toEqual(['warning', 'error']);
  });
});
