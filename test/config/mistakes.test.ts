import { describe, expect, it } from 'vitest';
import { lines, problemsOf, warningsOf } from './parse.ts';

interface Row {
  readonly it: string;
  /** What follows the line `origin: …`, so that it begins in line 2. */
  readonly yaml: string;
  /** `line:column message | hint`. */
  readonly says: string;
  readonly env?: NodeJS.ProcessEnv;
}

const tables: Record<string, readonly Row[]> = {
  'keys and kinds of values': [
    { it: 'unknown key', yaml: 'stroe: {}', says: '2:1 unknown key "stroe" | did you mean "store"?' },
    {
      it: 'unknown key like none',
      yaml: 'store:\n  memory: { colour: red }',
      says: '3:13 unknown key "colour" | known here: maxSize, maxEntry, maxVariants',
    },
    {
      it: 'snake_case',
      yaml: 'store:\n  memory:\n    max_size: 1GiB',
      says: '4:5 unknown key "max_size" | did you mean "maxSize"?',
    },
    {
      it: 'unknown key of a route',
      yaml: 'routes:\n  - match: /a\n    cahce: off',
      says: '4:5 unknown key "cahce" | did you mean "cache"?',
    },
    {
      it: 'unknown key of a policy',
      yaml: 'routes:\n  - match: /a\n    cache: { tll: 60s }',
      says: '4:14 unknown key "tll" | did you mean "ttl"?',
    },
    {
      it: 'unknown key of a target',
      yaml: 'rules:\n  - name: r\n    on: PUT /a\n    invalidate:\n      - tags: x',
      says: '6:9 unknown key "tags" | did you mean "tag"?',
    },
    {
      it: 'a list where a mapping belongs',
      yaml: 'server: [1]',
      says: '2:9 expected a mapping, found a list | write its keys below it, indented, or { key: value }',
    },
    {
      it: 'a text where a list belongs',
      yaml: 'include: rules/a.yaml',
      says: '2:10 expected a list, found text | write [one, two], or a line "- one" for each',
    },
    {
      it: 'a key without a value',
      yaml: 'server:\nadmin: {}',
      says: '2:1 "server" has no value | give it one, or take the key out',
    },
    {
      it: 'a scalar without a value',
      yaml: 'server:\n  drain:',
      says: '3:3 "drain" has no value | give it one, or take the key out',
    },
    {
      it: 'a number where text belongs',
      yaml: 'admin: { token: 12345 }',
      says: '2:17 expected text, found the number 12345 | put it in quotes: "12345"',
    },
    {
      it: 'a mapping where text belongs, for want of quotes',
      yaml: 'routes:\n  - match: /a\n    tags: [step:{id}]',
      says: '4:12 expected text, found a mapping | put it in quotes if it holds "{", "[", ": " or " #"',
    },
    {
      it: 'not one of the words',
      yaml: 'coherence: { mode: strickt }',
      says: '2:20 "strickt" is not one of strict, eventual | did you mean "strict"?',
    },
    {
      it: 'not one of the words, nor a text',
      yaml: 'coherence: { mode: [strict] }',
      says: '2:20 a list is not one of strict, eventual | did you mean "strict"?',
    },
    {
      it: 'not a flag',
      yaml: 'defaults:\n  cache: { ttl: 1s, force: yes }',
      says: '3:29 expected true or false, found "yes" | write true or false',
    },
    {
      it: 'not a whole number',
      yaml: 'events: { history: 1.5 }',
      says: '2:20 expected a whole number, found 1.5 | from 0 to 10000000',
    },
    {
      it: 'a number out of bounds',
      yaml: 'events: { history: -1 }',
      says: '2:20 expected a whole number, found -1 | from 0 to 10000000',
    },
    {
      it: 'a duration without a unit',
      yaml: 'routes:\n  - match: /a\n    cache: { ttl: 60 }',
      says: '4:19 60 has no unit | for instance 60s',
    },
    {
      it: 'a size without a unit',
      yaml: 'store: { memory: { maxSize: 256 } }',
      says: '2:29 256 has no unit | for instance 256MiB',
    },
    {
      it: 'neither a size nor anything like it',
      yaml: 'store: { memory: { maxSize: [] } }',
      says: '2:29 expected a number with its unit, found a list | for instance 60MiB',
    },
    {
      it: 'a timer longer than timers can be',
      yaml: 'server: { drain: 30d }',
      says: '2:18 "30d" is too large | the most is 1d',
    },
    {
      it: 'a cache that is neither off nor a mapping',
      yaml: 'routes:\n  - match: /a\n    cache: of',
      says: '4:12 expected "off" or a mapping, found "of" | write "off" or a mapping',
    },
    {
      it: 'a key that cannot be one',
      yaml: '__proto__: {}',
      says: '2:1 "__proto__" cannot be a key | a text with "{" or "[" is written in quotes',
    },
    {
      it: 'a key that is a list',
      yaml: '? [a]\n: 1',
      says: '2:3 a key must be a word | a text with "{" or "[" is written in quotes',
    },
  ],
  YAML: [
    { it: 'a key twice', yaml: 'store: {}\nstore: {}', says: '3:1 this key stands twice | keep one of the two' },
    { it: 'a tab', yaml: 'store:\n\tmemory: {}', says: '3:1 YAML is not indented with tabs | indent with spaces' },
    {
      it: 'an open bracket',
      yaml: 'include: [a\nstore: {}',
      says: '3:1 flow sequence in block collection must be sufficiently indented and end with a ] | indent the elements of one block alike; close brackets that are open above',
    },
    {
      it: 'a star that is not in quotes',
      yaml: 'rules:\n  - on: * /a',
      says: '3:9 this is read as an alias | a text that begins with "*" is written in quotes',
    },
    {
      it: 'an alias of nothing',
      yaml: 'include: *x',
      says: '2:10 nothing before this has that anchor | a text that begins with "*" is written in quotes',
    },
    {
      it: 'an alias in its own anchor',
      yaml: 'include: &x [*x]',
      says: '2:14 this alias stands inside its own anchor | a text that begins with "*" is written in quotes',
    },
    {
      it: 'a variable in braces that is not in quotes',
      yaml: 'admin: { token: $' + '{T} }',
      says:
        '2:18 unexpected flow-map-start at node end | inside { } and [ ] a text with braces is written in quotes: "$' +
        '{NAME}"',
    },
    {
      it: 'a second document',
      yaml: '---\na: 1',
      says: '2:1 this begins a second document | one document a file: take out the line "---"',
    },
    {
      it: 'a colon too many',
      yaml: 'routes: a: b',
      says: '2:9 a second ": " in one line | put a text that holds ": " in quotes, or begin a new line',
    },
    {
      it: 'an unknown tag',
      yaml: 'log: { level: !env info }',
      says: '2:15 unresolved tag: !env | leave out the tag; a text that begins with "!" is written in quotes',
    },
  ],
  'the environment': [
    {
      it: 'a variable that is not set',
      yaml: 'admin:\n  token: $' + '{UNSTALE_TOKEN}',
      says:
        '3:10 the environment variable UNSTALE_TOKEN is not set | set it, or give a default: $' + '{UNSTALE_TOKEN:-…}',
    },
    {
      it: 'a variable in the middle of a quoted text',
      yaml: 'routes:\n  - match: "/a/$' + '{NONE}"',
      says: '3:15 the environment variable NONE is not set | set it, or give a default: $' + '{NONE:-…}',
    },
    {
      it: 'the value of a variable is checked like any other',
      yaml: 'server: { drain: "$' + '{DRAIN}" }',
      env: { DRAIN: 'soon' },
      says: '2:18 "soon" is not a duration | a whole number and its unit: 250ms, 60s, 10m, 1h or 1d',
    },
  ],
  'origins, ports and tiers': [
    {
      it: 'both origin and origins',
      yaml: 'origins: { a: { url: http://x } }',
      says: '2:1 both origin and origins | move what origin says into origins, under the name "default"',
    },
    {
      it: 'an origin that is not there',
      yaml: 'routes:\n  - { match: /a, origin: legacy }',
      says: '3:24 there is no origin "legacy" | known here: default',
    },
    {
      it: 'a default origin that is not there',
      yaml: 'defaults: { origin: defualt }',
      says: '2:21 there is no origin "defualt" | did you mean "default"?',
    },
    {
      it: 'an admin port for all without a token',
      yaml: 'admin:\n  listen: :9090',
      says:
        '3:11 the admin port is open to others than this machine (::) and has no token | add token: $' +
        '{UNSTALE_ADMIN_TOKEN} under admin, or listen on 127.0.0.1',
    },
    {
      it: 'an empty token',
      yaml: 'admin: { token: "" }',
      says: '2:17 the token is empty | for instance 32 random bytes in base64url',
    },
    {
      it: 'a token that no header field can hold',
      yaml: 'admin: { token: correct horse battery }',
      says: '2:17 a bearer token holds letters, digits and "-._~+/" only | for instance 32 random bytes in base64url',
    },
    {
      it: 'one port for both',
      yaml: 'server: { listen: ":9000" }\nadmin: { listen: "127.0.0.1:9000" }',
      says: '3:18 the admin port is the public port, 9000 | give it one of its own: 127.0.0.1:9090',
    },
    {
      it: 'one response larger than all',
      yaml: 'store:\n  memory: { maxSize: 4MiB }',
      says: '3:3 one response may be larger than all of them together | maxEntry is at most maxSize',
    },
    {
      it: 'a Redis tier',
      yaml: 'store:\n  redis: { url: "redis://127.0.0.1:6379" }',
      says: '3:3 this version has no Redis tier: each gateway is on its own | take redis out, and run one gateway',
    },
    {
      it: 'an events path that is a pattern',
      yaml: 'events: { path: /events/* }',
      says: '2:17 "/events/*" is not a plain path | segments of letters, digits and "-._~": /_unstale/events',
    },
  ],
  routes: [
    { it: 'a route without a pattern', yaml: 'routes:\n  - cache: off', says: '3:5 "match" is missing | add match: …' },
    {
      it: 'a pattern without a slash',
      yaml: 'routes:\n  - match: steps',
      says: '3:12 a pattern begins with a slash | write /steps',
    },
    {
      it: 'a route with a method',
      yaml: 'routes:\n  - match: GET /steps',
      says: '3:12 a route names no method, and this one names GET | routes are for GET and HEAD: /steps',
    },
    {
      it: 'a rest that is not last',
      yaml: 'routes:\n  - match: /a/**/b',
      says: '3:12 "**" must be the last segment | use "*" for one segment',
    },
    {
      it: 'a route after a wider one',
      yaml: 'routes:\n  - match: /a/**\n  - match: /a/:id',
      says: '4:12 no request reaches this route: /a/** (gateway.yaml:3:12) takes them all | the first match wins: put the narrower pattern first, or take one of the two out',
    },
    {
      it: 'force without a ttl',
      yaml: 'routes:\n  - match: /a\n    cache: { force: true }',
      says: '4:14 force has no effect without a ttl | say for how long: ttl: 60s',
    },
    {
      it: 'perUser without a key',
      yaml: 'routes:\n  - match: /a\n    cache: { credentials: perUser }',
      says: '4:27 perUser needs a userKey | say what tells users apart: userKey: [authorization, "cookie:session"]',
    },
    {
      it: 'perUser without a key, for every route',
      yaml: 'defaults: { cache: { credentials: perUser } }',
      says: '2:35 perUser needs a userKey | say what tells users apart: userKey: [authorization, "cookie:session"]',
    },
    {
      it: 'a user key that keeps nobody apart',
      yaml: 'routes:\n  - match: /a\n    cache: { credentials: shared, userKey: [cookie] }',
      says: '4:35 userKey has no effect with credentials: shared | add credentials: perUser',
    },
    {
      it: 'an empty user key',
      yaml: 'routes:\n  - match: /a\n    cache: { credentials: perUser, userKey: [] }',
      says: '4:45 "userKey" is empty | name one at least, or take the key out',
    },
    {
      it: 'a header name that is none',
      yaml: 'routes:\n  - match: /a\n    cache: { key: { headers: ["accept language"] } }',
      says: '4:31 "accept language" is not the name of a header field | for instance accept-language',
    },
    {
      it: 'a parameter with its value',
      yaml: 'routes:\n  - match: /a\n    cache: { key: { query: [lang=de] } }',
      says: '4:29 "lang=de" is not the name of a query parameter | the name alone: lang',
    },
    {
      it: 'a cookie name that is none',
      yaml: 'routes:\n  - match: /a\n    cache: { credentials: perUser, userKey: ["cookie:"] }',
      says: '4:46 "" is not the name of a cookie | for instance "cookie:session"',
    },
    {
      it: 'a Cache-Control that would split the response',
      yaml: 'defaults: { client: { cacheControl: "no-cache\\r\\nx: y" } }',
      says: '2:37 this cannot stand in a header field | for instance no-cache, or: origin',
    },
    {
      it: 'a tag with a parameter that the pattern does not have',
      yaml: 'routes:\n  - match: /steps/:stepId\n    tags: ["step:{setpId}"]',
      says: '4:19 the pattern /steps/:stepId has no parameter "setpId" | did you mean "stepId"?',
    },
    {
      it: 'a tag of what was before',
      yaml: 'routes:\n  - match: /steps/:stepId\n    tags: ["step:{stepId, before.id}"]',
      says: '4:27 "before" has nothing here: a stored response knows only the request for it, and its answer | use response',
    },
    {
      it: 'a tag of the body of a GET',
      yaml: 'routes:\n  - match: /steps\n    tags:\n      - step:{request.id}',
      says: '5:15 "request" has nothing here: a stored response knows only the request for it, and its answer | use params, query or response',
    },
    {
      it: 'a tag that is no template',
      yaml: 'routes:\n  - match: /steps\n    tags: ["step:{response.id"]',
      says: '4:17 "{" is never closed | a placeholder is {id} or {response.stepId}',
    },
  ],
};

const rule = (on: string, target: string) => `rules:\n  - name: r\n    on: ${on}\n    invalidate:\n      - ${target}`;

const ruleTable: readonly Row[] = [
  {
    it: 'a rule with nothing in it',
    yaml: 'rules:\n  - event: a',
    says: '3:5 "invalidate" is missing | add invalidate: …',
  },
  {
    it: 'a pattern without methods',
    yaml: rule('/a/:id', '/a'),
    says: '4:9 "/a/:id" is not methods and a pattern | write "* /a/:id" for any write',
  },
  { it: 'methods in lower case', yaml: rule('put /a', '/a'), says: '4:9 "put" is not a method | write PUT' },
  {
    it: 'methods joined by commas',
    yaml: rule('PUT,PATCH /a', '/a'),
    says: '4:9 "PUT,PATCH" is not a method | methods are joined by "|": PUT|PATCH',
  },
  {
    it: 'a method that changes nothing',
    yaml: rule('PUT|GET /a', '/a'),
    says: '4:9 GET changes nothing, so it invalidates nothing | name unsafe methods: POST, PUT, PATCH, DELETE',
  },
  { it: 'a method twice', yaml: rule('PUT|PUT /a', '/a'), says: '4:9 PUT stands twice | name each method once' },
  {
    it: 'any method and one more',
    yaml: rule('"*|PUT /a"', '/a'),
    says: '4:9 "*" is any unsafe method already | leave out the others',
  },
  {
    it: 'a bad pattern',
    yaml: rule('PUT /a/:1', '/a'),
    says: '4:9 ":1" is not a parameter name | letters, digits and "_" after the colon',
  },
  {
    it: 'no targets',
    yaml: 'rules:\n  - { name: r, on: PUT /a, invalidate: [] }',
    says: '3:39 "invalidate" is empty | name one at least, or take the key out',
  },
  {
    it: 'a target without a slash',
    yaml: rule('PUT /a', 'steps'),
    says: '6:9 a path begins with a slash | write /steps',
  },
  {
    it: 'a target that is a list',
    yaml: rule('PUT /a', '[/steps]'),
    says: '6:9 expected text or a mapping, found a list | write text or a mapping',
  },
  {
    it: 'an unknown root',
    yaml: rule('PUT /a', '/steps/{resposne.id}'),
    says: '6:17 there is no root "resposne" | a path parameter, or one of params, query, requestHeader, responseHeader, request, response, before with a path below it',
  },
  {
    it: 'a parameter that the pattern does not have',
    yaml: rule('PUT /a/:id', '/steps/{stepId}'),
    says: '6:17 the pattern /a/:id has no parameter "stepId" | did you mean "id"?',
  },
  {
    it: 'a parameter of a pattern that has none',
    yaml: rule('PUT /a/*', '/steps/{response.id, params.id}'),
    says: '6:30 the pattern /a/* has no parameter "id" | name one in the pattern: ":id"',
  },
  {
    it: 'a parameter in a tag',
    yaml: rule('PUT /a/:id', 'tag: step:{ids}'),
    says: '6:20 the pattern /a/:id has no parameter "ids" | did you mean "id"?',
  },
  {
    it: 'before, switched off',
    yaml: `${rule('PUT /a', '/steps/{before.id}')}\n    before: off`,
    says: '6:17 "before" is never read: the rule says before: off | take out before: off, or this source',
  },
  {
    it: 'a name twice',
    yaml: `${rule('PUT /a', '/a')}\n  - { name: r, on: PUT /b, invalidate: [/b] }`,
    says: '7:13 a rule of this name is at gateway.yaml:3:11 | events and logs name the rule: give each its own name',
  },
  {
    it: 'the same for the same writes',
    yaml: `${rule('PUT|PATCH /a/:id', '/a')}\n  - { name: s, on: "PATCH|PUT /a/:x", invalidate: [/a] }`,
    says: '7:20 the rule r (gateway.yaml:3:11) invalidates the same for the same writes | join the two, or take one out',
  },
  {
    it: 'the same for one of the writes',
    yaml: `${rule('PUT|PATCH /a/:id', '/a')}\n  - { name: s, on: "PUT /a/:x", invalidate: [/a], event: e }`,
    says: '7:20 the rule r (gateway.yaml:3:11) invalidates the same for the same writes | join the two, or take one out',
  },
  {
    it: 'an event that clients take for a lost connection',
    yaml: `${rule('PUT /a', '/a')}\n    event: error`,
    says: '7:12 "error" means something else to clients | say what changed: accommodation.changed',
  },
  {
    it: 'an event over two lines',
    yaml: `${rule('PUT /a', '/a')}\n    event: "a\\nb"`,
    says: '7:12 "a\nb" is not the name of an event | letters, digits and "._:-": accommodation.changed',
  },
  {
    it: 'a name with a space',
    yaml: 'rules:\n  - { name: a b, on: PUT /a, invalidate: [/a] }',
    says: '3:13 "a b" is not the name of a rule | letters, digits and "._-": accommodation-in-step',
  },
];

describe.each(Object.entries({ ...tables, rules: ruleTable }))('%s', (_, rows) => {
  it.each(rows)('$it', ({ yaml, says, env = {} }) => {
    const found = problemsOf(`origin: { url: http://127.0.0.1:4000 }\n${yaml}\n`, { env });
    expect(lines(found)).toContain(`gateway.yaml:${says}`);
    // One mistake is one problem, however many checks it fails; only a rule with nothing in it lacks three things.
    expect(found.filter(({ severity }) => severity === 'error')).toHaveLength(yaml === 'rules:\n  - event: a' ? 3 : 1);
  });
});

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
    ['origins: {}\n', '1:1 "origins" is empty | name one: default: { url: … }'],
    [
      'origins: { a: { url: http://a }, b: { url: http://b } }\n',
      '1:1 no origin for requests that match no route | say which one takes them: defaults: { origin: a }, or call it "default"',
    ],
    [
      'origins: { "1 2": { url: http://a } }\n',
      '1:12 "1 2" is not a name | a letter, then letters, digits, "_" and "-"',
    ],
  ])('%j', (text, says) => expect(lines(problemsOf(text))).toContain(`gateway.yaml:${says}`));
});

it('tells all mistakes of a file at once, in its order, and nothing twice', () => {
  const text = [
    'server: { listen: "8080" }',
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
    '1:19 "8080" is not an address and a port',
    '2:1 unknown key "orign"',
    '3:35 5 has no unit',
    '5:12 a pattern begins with a slash',
    '6:37 "y" is not a unit of a duration',
    '7:29 there is no origin "other"',
    '8:12 no request reaches this route: /c/** (gateway.yaml:7:14) takes them all',
    '10:62 "{" is never closed',
    '11:50 the pattern /a/:id has no parameter "no"',
    '12:20 "get" is not a method',
  ]);
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
    'store: { redis: { url: "redis://:hunter2@x" } }',
  ].join('\n');
  const found = problemsOf(text);
  expect(found).toHaveLength(4);
  expect(JSON.stringify(found)).not.toContain('hunter2');
});

it('shows the environment in place of its value', () => {
  const [problem] = problemsOf(`origin: { url: "$${'{URL}'}" }\n`, { env: { URL: 'hunter2' } });
  expect(problem?.excerpt).toBe(`origin: { url: "$${'{URL}'}" }`);
});

describe('warnings do not refuse', () => {
  const origin = 'origin: { url: http://x }\n';
  it.each([
    [
      'coherence: { onPartition: queue }',
      '2:14 warning: onPartition has no effect without store.redis | take it out: without store.redis there is nothing to be cut off from',
    ],
    [
      'admin: { token: changeme }',
      '2:17 warning: the token is short enough to be guessed | 16 characters at least, better 32 random bytes in base64url',
    ],
  ])('%s', (yaml, says) => expect(lines(warningsOf(origin + yaml))).toEqual([`gateway.yaml:${says}`]));

  it('and are told beside the errors', () => {
    const found = problemsOf(`${origin}coherence: { onPartition: queue, mode: x }`);
    expect(found.map(({ severity }) => severity)).toEqual(['warning', 'error']);
  });
});
