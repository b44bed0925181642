import { tellsEach } from './mistake-table.ts';

tellsEach({
  snapshots: [
    {
      it: 'a snapshot without a path',
      yaml: 'store: { snapshot: { load: revalidate } }',
      says: '2:10 "path" is missing | add path: …',
    },
    {
      it: 'other words than the switches have',
      yaml: 'store: { snapshot: { path: s, load: revalidated, save: never } }',
      says: [
        '2:37 "revalidated" is not one of off, revalidate, trust | did you mean "revalidate"?',
        '2:56 "never" is not a duration | write a whole number and a unit: 250ms, 60s, 10m, 1h or 1d',
      ],
    },
    {
      it: 'an interval that is too short, and little room',
      yaml: 'store: { snapshot: { path: s, save: 10ms, maxSize: 1MiB } }',
      says: ['2:37 "10ms" is too small | the minimum is 1s', '2:52 "1MiB" is too small | the minimum is 4MiB'],
    },
    {
      it: 'keys that are too short or none, without repeating them',
      yaml: 'store: { snapshot: { path: "", key: c2hvcnQ= } }',
      says: [
        '2:28 the path is empty | name a folder: ./state',
        '2:37 the key is too short | use 32 random bytes or more: openssl rand -base64 32',
      ],
    },
    {
      it: 'a key that is neither base64 nor hex',
      yaml: 'store: { snapshot: { path: s, key: "hunter 2" } }',
      says: '2:36 the key is neither base64 nor hex | make one: openssl rand -base64 32',
    },
  ],
  'origins, ports and tiers': [
    {
      it: 'a URL where names belong',
      yaml: 'origins: { url: http://x }',
      says: [
        '2:1 origin and origins exclude each other | move origin into origins, under the name "default"',
        '2:17 expected a mapping, found text | each origin has a name: origins: { api: { url: … } }',
      ],
    },
    {
      it: 'a URL where a mapping belongs',
      yaml: 'origins: { api: http://x }',
      says: [
        '2:1 origin and origins exclude each other | move origin into origins, under the name "default"',
        '2:17 expected a mapping, found text | write api: { url: … }',
      ],
    },
    {
      it: 'both origin and origins',
      yaml: 'origins: { a: { url: http://x } }',
      says: '2:1 origin and origins exclude each other | move origin into origins, under the name "default"',
    },
    {
      it: "a field of the gateway's own reads that the gateway sets",
      yaml: 'origins: { default: { url: http://x, headers: { Host: x } } }',
      says: [
        '2:1 origin and origins exclude each other | move origin into origins, under the name "default"',
        '2:49 the gateway sets host itself | name fields such as authorization or x-api-key',
      ],
    },
    {
      it: 'an origin that is not there',
      yaml: 'routes:\n  - { match: /a, origin: legacy }',
      says: '3:26 there is no origin "legacy" | known: default',
    },
    {
      it: 'an origin that is asked how it is, for nothing',
      yaml: 'origins: { other: { url: http://x, circuit: off, health: /up } }',
      says: [
        '2:1 origin and origins exclude each other | move origin into origins, under the name "default"',
        '2:50 health has no effect with circuit: off | remove one of them: the answers open and close the circuit',
      ],
    },
    {
      it: 'pauses that get shorter, and a health that is no path',
      yaml: 'origins:\n  a: { url: http://x, circuit: { probe: { first: 1m } } }\n  b: { url: http://x, health: up }',
      says: [
        '2:1 origin and origins exclude each other | move origin into origins, under the name "default"',
        '3:34 the first pause is longer than the longest | make first at most most',
        '4:31 "up" is not a path | write it as in a request, with escapes: /healthz',
      ],
    },
    {
      it: 'a default origin that is not there',
      yaml: 'defaults: { origin: defualt }',
      says: '2:21 there is no origin "defualt" | did you mean "default"?',
    },
    {
      it: 'a credential field that is none',
      yaml: 'credentialHeaders: [x key]',
      says: '2:21 "x key" is not the name of a header field | write for example accept-language',
    },
    {
      it: 'a credential parameter with a value',
      yaml: 'credentialParams: [api_key=1]',
      says: '2:20 "api_key=1" is not the name of a query parameter | write only the name: lang',
    },
    {
      it: 'a parameter that identifies users and is not known to carry credentials',
      yaml: 'credentialParams: [token]\nroutes:\n  - { match: /a, cache: { credentials: perUser, userKey: ["query:key"] } }',
      says: '4:59 the parameter key is not known to carry credentials | add credentialParams: [token, key]',
    },
    {
      it: 'an origin that is the gateway itself',
      yaml: 'server: { listen: "127.0.0.1:4000" }',
      says: '1:16 http://127.0.0.1:4000 is this gateway itself: it listens on port 4000 | name the address of the API, or listen on another port',
    },
    {
      it: 'an admin port for all without a token',
      yaml: 'admin:\n  listen: :9090',
      says:
        '3:11 the admin port can be reached from other machines (::) and has no token | add token: $' +
        '{UNSTALE_ADMIN_TOKEN} under admin, or listen on 127.0.0.1',
    },
    {
      it: 'an empty token',
      yaml: 'admin: { token: "" }',
      says: '2:17 the token is empty | use for example 32 random bytes in base64url',
    },
    {
      it: 'a token that no header field can hold',
      yaml: 'admin: { token: correct horse battery }',
      says: '2:17 a bearer token has letters, digits and "-._~+/" only | use for example 32 random bytes in base64url',
    },
    {
      it: 'one port for both',
      yaml: 'server: { listen: ":9000" }\nadmin: { listen: "127.0.0.1:9000" }',
      says: '3:18 the admin port and the public port are the same: 9000 | choose another port: 127.0.0.1:9090',
    },
    {
      it: 'one port for both, seen from the other',
      yaml: 'server: { listen: "127.0.0.1:9000" }\nadmin: { listen: ":9000", token: 0123456789abcdefg }',
      says: '3:18 the admin port and the public port are the same: 9000 | choose another port: 127.0.0.1:9090',
    },
    {
      it: 'one response larger than all',
      yaml: 'store:\n  memory: { maxSize: 4MiB }',
      says: '3:3 maxEntry is larger than maxSize | make maxEntry at most maxSize',
    },
    {
      it: 'a prefix that a Redis Cluster would read',
      yaml: 'store:\n  redis: { url: "redis://127.0.0.1:6379", prefix: "a{b}" }',
      says: '3:51 "a{b}" cannot be part of a key | use letters, digits and "._-": unstale',
    },
    {
      it: 'an events path that is a pattern',
      yaml: 'events: { path: /events/* }',
      says: '2:17 "/events/*" is not a plain path | use segments of letters, digits and "-._~": /_unstale/events',
    },
  ],
  routes: [
    { it: 'a route without a pattern', yaml: 'routes:\n  - cache: off', says: '3:5 "match" is missing | add match: …' },
    {
      it: 'a pattern without a slash',
      yaml: 'routes:\n  - match: steps',
      says: '3:12 a pattern must start with a slash | write /steps',
    },
    {
      it: 'a route with a method',
      yaml: 'routes:\n  - match: GET /steps',
      says: '3:12 a route cannot name a method; this one names GET | routes match GET and HEAD: /steps',
    },
    {
      it: 'a rest that is not last',
      yaml: 'routes:\n  - match: /a/**/b',
      says: '3:12 "**" must be the last segment | use "*" for one segment',
    },
    {
      it: 'a route after a wider one',
      yaml: 'routes:\n  - match: /a/**\n  - match: /a/:id',
      says: '4:12 no request can reach this route: /a/** (gateway.yaml:3:12) matches all of them | the first match wins: put the narrower pattern first, or remove one of the two',
    },
    {
      it: 'force without a ttl',
      yaml: 'routes:\n  - match: /a\n    cache: { force: true }',
      says: '4:14 force has no effect without a ttl | add a ttl: 60s',
    },
    {
      it: 'perUser without a key',
      yaml: 'routes:\n  - match: /a\n    cache: { credentials: perUser }',
      says: '4:27 perUser needs a userKey | say what identifies a user: userKey: [authorization, "cookie:session"]',
    },
    {
      it: 'perUser without a key, for every route',
      yaml: 'defaults: { cache: { credentials: perUser } }',
      says: '2:35 perUser needs a userKey | say what identifies a user: userKey: [authorization, "cookie:session"]',
    },
    {
      it: 'a user key that keeps nobody apart',
      yaml: 'routes:\n  - match: /a\n    cache: { credentials: shared, userKey: [cookie] }',
      says: '4:35 userKey has no effect with credentials: shared | add credentials: perUser',
    },
    {
      it: 'a user key where a field is shared',
      yaml: 'routes:\n  - match: /a\n    cache: { credentials: { shared: [x-api-key] }, userKey: [cookie] }',
      says: '4:52 userKey has no effect with credentials: { shared } | add credentials: perUser',
    },
    {
      it: 'a shared field that is no credential',
      yaml: 'credentialHeaders: [x-acme]\ndefaults: { cache: { credentials: { shared: [x-acme, x-tenant] } } }',
      says: '3:54 x-tenant is not known to carry credentials: responses to requests with it are shared anyway | name a field of credentialHeaders, or a common one such as x-api-key; or remove it',
    },
    {
      it: 'no shared field',
      yaml: 'defaults: { cache: { credentials: { shared: [] } } }',
      says: '2:45 "shared" is empty | add at least one, or remove the key',
    },
    {
      it: 'an empty user key',
      yaml: 'routes:\n  - match: /a\n    cache: { credentials: perUser, userKey: [] }',
      says: '4:45 "userKey" is empty | add at least one, or remove the key',
    },
    {
      it: 'a header name that is none',
      yaml: 'routes:\n  - match: /a\n    cache: { key: { headers: ["accept language"] } }',
      says: '4:31 "accept language" is not the name of a header field | write for example accept-language',
    },
    {
      it: 'a parameter with its value',
      yaml: 'routes:\n  - match: /a\n    cache: { key: { query: [lang=de] } }',
      says: '4:29 "lang=de" is not the name of a query parameter | write only the name: lang',
    },
    {
      it: 'a cookie name that is none',
      yaml: 'routes:\n  - match: /a\n    cache: { credentials: perUser, userKey: ["cookie:"] }',
      says: '4:46 "" is not the name of a cookie | write for example "cookie:session"',
    },
    {
      it: 'a Cache-Control that would split the response',
      yaml: 'defaults: { client: { cacheControl: "no-cache\\r\\nx: y" } }',
      says: '2:37 this is not a valid header field value | write for example no-cache, or origin',
    },
    {
      it: 'a tag with a parameter that the pattern does not have',
      yaml: 'routes:\n  - match: /steps/:stepId\n    tags: ["step:{setpId}"]',
      says: '4:19 the pattern /steps/:stepId has no parameter "setpId" | did you mean "stepId"?',
    },
    {
      it: 'a tag of what was before',
      yaml: 'routes:\n  - match: /steps/:stepId\n    tags: ["step:{stepId, before.id}"]',
      says: '4:27 "before" is not available here: tags are taken from a read and its response only | use response',
    },
    {
      it: 'a tag of the body of a GET',
      yaml: 'routes:\n  - match: /steps\n    tags:\n      - step:{request.id}',
      says: '5:15 "request" is not available here: tags are taken from a read and its response only | use params, query or response',
    },
    {
      it: 'a tag that is no template',
      yaml: 'routes:\n  - match: /steps\n    tags: ["step:{response.id"]',
      says: '4:18 "{" is never closed | a placeholder is {id} or {response.stepId}',
    },
  ],
});
