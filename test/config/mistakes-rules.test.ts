import { tellsEach } from './mistake-table.ts';

const rule = (on: string, target: string) => `rules:\n  - name: r\n    on: ${on}\n    invalidate:\n      - ${target}`;

tellsEach({
  rules: [
    {
      it: 'a rule with nothing in it',
      yaml: 'rules:\n  - event: a',
      says: '3:5 "on" is missing | add on: …',
    },
    {
      it: 'a pattern without methods',
      yaml: rule('/a/:id', '/a'),
      says: '4:9 "/a/:id" is not a list of methods and a pattern | write "* /a/:id" for any write',
    },
    { it: 'methods in lower case', yaml: rule('put /a', '/a'), says: '4:9 "put" is not a method | write PUT' },
    {
      it: 'methods joined by commas',
      yaml: rule('PUT,PATCH /a', '/a'),
      says: '4:9 "PUT,PATCH" is not a method | join methods with "|": PUT|PATCH',
    },
    {
      it: 'a method that changes nothing',
      yaml: rule('PUT|GET /a', '/a'),
      says: '4:9 GET only reads | name unsafe methods: POST, PUT, PATCH, DELETE',
    },
    { it: 'a method twice', yaml: rule('PUT|PUT /a', '/a'), says: '4:9 PUT occurs twice | name each method once' },
    {
      it: 'any method and one more',
      yaml: rule('"*|PUT /a"', '/a'),
      says: '4:9 "*" already includes every unsafe method | remove the others',
    },
    {
      it: 'a bad pattern',
      yaml: rule('PUT /a/:1', '/a'),
      says: '4:9 ":1" is not a parameter name | letters, digits and "_" after the colon; a literal colon is %3A',
    },
    {
      it: "a target's placeholder in a pattern",
      yaml: rule('PUT /a/{id}', '/a'),
      says: '4:9 "{id}" is not a parameter of a pattern | write :id',
    },
    {
      it: "a shell's variable in a pattern",
      yaml: rule('PUT /a/$id', '/a'),
      says: '4:9 "$id" is not a parameter | write :id; a literal dollar sign is %24',
    },
    {
      it: 'a regular expression as a pattern',
      yaml: rule('"PUT ^/api/(.*)$"', '/a'),
      says: '4:9 a pattern is no regular expression | write /api/**',
    },
    {
      it: "a pattern's parameter in a target",
      yaml: rule('PUT /a/:id', '/posts/:id'),
      says: '6:9 ":id" is only for patterns | write {id}; a literal colon is %3A',
    },
    {
      it: "a pattern's parameter in a target, before an extension",
      yaml: rule('PUT /a/:id', '/posts.:id'),
      says: '6:9 ":id" is only for patterns | write {id}; a literal colon is %3A',
    },
    {
      it: "a pattern's parameter in what is read",
      yaml: `${rule('PUT /a/:id', '/b/{x.id}')}\n    lookup: { x: GET /posts/:id }`,
      says: '7:18 ":id" is only for patterns | write {id}; a literal colon is %3A',
    },
    {
      it: "a shell's variable in a target",
      yaml: rule('PUT /a/:id', '/posts/$id'),
      says: '6:9 "$id" is not a placeholder | write {id}; a literal dollar sign is %24',
    },
    {
      it: 'a regular expression as a target',
      yaml: rule('PUT /a/:id', '^/posts/.*$'),
      says: '6:9 a target is no regular expression | write {id} for a value, and "**" for the rest of a path',
    },
    {
      it: 'a target in brackets, without quotes',
      yaml: 'rules:\n  - { name: r, on: PUT /a, invalidate: [/b/{response.id}, /c] }',
      says: '3:44 YAML treats this brace as syntax | put it in quotes: "/b/{response.id}"',
    },
    {
      it: 'any method that only reads',
      yaml: 'reads: ["* /graphql"]',
      says: '2:9 "*" would have no write invalidate anything | name the methods: POST /graphql',
    },
    {
      it: 'a safe method that only reads',
      yaml: 'reads: [GET /graphql]',
      says: '2:9 GET only reads | name unsafe methods: POST, PUT, PATCH, DELETE',
    },
    {
      it: 'a read that is cached for each user, without saying who that is',
      yaml: 'reads: [{ on: POST /graphql, cache: { credentials: perUser } }]',
      says: '2:52 perUser needs a userKey | say what identifies a user: userKey: [authorization, "cookie:session"]',
    },
    {
      it: 'no targets',
      yaml: 'rules:\n  - { name: r, on: PUT /a, invalidate: [] }',
      says: '3:40 "invalidate" is empty | add at least one, or remove the key',
    },
    {
      it: 'a target without a slash',
      yaml: rule('PUT /a', 'steps'),
      says: '6:9 a path must start with a slash | write /steps',
    },
    {
      it: 'a target that is a list',
      yaml: rule('PUT /a', '[/steps]'),
      says: '6:9 expected text or a mapping, found a list | write text or a mapping',
    },
    {
      it: 'an unknown root',
      yaml: rule('PUT /a', '/steps/{resposne.id}'),
      says: '6:17 unknown root "resposne" | did you mean "response"?',
    },
    {
      it: 'a parameter that the pattern does not have',
      yaml: rule('PUT /a/:id', '/steps/{stepId}'),
      says: '6:17 the pattern /a/:id has no parameter "stepId" | known: id',
    },
    {
      it: 'a parameter of a pattern that has none',
      yaml: rule('PUT /a/*', '/steps/{response.id, params.id}'),
      says: '6:30 the pattern /a/* has no parameter "id" | add one to the pattern: ":id"',
    },
    {
      it: 'a parameter in a tag',
      yaml: rule('PUT /a/:id', 'tag: step:{ids}'),
      says: '6:20 the pattern /a/:id has no parameter "ids" | did you mean "id"?',
    },
    {
      it: 'before, switched off',
      yaml: `${rule('PUT /a', '/steps/{before.id}')}\n    before: off`,
      says: '6:17 "before" is never read: the rule has before: off | remove before: off, or this source',
    },
    {
      it: 'a rule that invalidates nothing',
      yaml: 'rules:\n  - { name: r, on: PUT /a, event: e }',
      says: '3:13 the rule invalidates nothing | name targets: invalidate: [/steps]',
    },
    {
      it: 'a root that no lookup declares',
      yaml: rule('PUT /a', '/trips/{step.tripId}'),
      says: '6:17 unknown root "step" | use a path parameter, or one of params, query, requestHeader, responseHeader, request, response, before followed by a path',
    },
    {
      it: 'a lookup that takes from a later one',
      yaml: `${rule('PUT /a', '/t/{b.id}')}\n    lookup: { a: "GET /x/{b.id}", b: "GET /y/{a.id}" }`,
      says: '7:27 unknown root "b" | use a path parameter, or one of params, query, requestHeader, responseHeader, request, response, before followed by a path',
    },
    {
      it: 'a lookup that is no GET',
      yaml: `${rule('PUT /a', '/a')}\n    lookup: { a: POST /x }`,
      says: '7:18 "POST /x" is not a GET and a path | write GET /steps/{response.stepId}',
    },
    {
      it: 'a lookup of many places',
      yaml: `${rule('PUT /a', '/a')}\n    lookup: { a: GET /x/* }`,
      says: '7:18 a path with wildcards is not one resource | write the full path: /steps/{response.stepId}',
    },
    {
      it: 'a lookup with a query',
      yaml: `${rule('PUT /a', '/a')}\n    lookup: { a: "GET /x?y=1" }`,
      says: '7:18 the path cannot have a query | name one resource by its path alone: /steps/{response.stepId}',
    },
    {
      it: 'a lookup that is called like a root',
      yaml: `${rule('PUT /a', '/a')}\n    lookup: { before: GET /x }`,
      says: '7:15 "before" is reserved in placeholders | choose another name',
    },
    {
      it: 'five lookups',
      yaml: `${rule('PUT /a', '/a')}\n    lookup: { a: GET /x, b: GET /x, c: GET /x, d: GET /x, e: GET /x }`,
      says: '7:13 a rule can have at most 4 lookups | use fewer lookups, or let the other placeholders fall back to a wildcard',
    },
    {
      it: 'a status that is none',
      yaml: `${rule('PUT /a', '/a')}\n    when: { status: [2xx, 700] }`,
      says: '7:27 "700" is not a status | write a code or a class: 201, 2xx',
    },
    {
      it: 'a condition on what the pattern does not have',
      yaml: `${rule('PUT /a', '/a')}\n    when: { present: [response.id, nope] }`,
      says: '7:36 the pattern /a has no parameter "nope" | add one to the pattern: ":nope"',
    },
    {
      it: 'a comparison with what is never read',
      yaml: `${rule('PUT /a', '/a')}\n    before: off\n    when: { changed: name }\n    onlyIfChanged: true`,
      says: [
        '8:11 nothing to compare with: the rule has before: off | remove before: off',
        '9:20 nothing to compare with: the rule has before: off | remove before: off',
      ],
    },
    {
      it: 'a patch of no one place',
      yaml: 'rules:\n  - { name: r, on: PUT /a, patch: [{ path: /steps/*, at: /inns }] }',
      says: '3:44 a path with wildcards is not one resource | write the full path: /steps/{response.stepId}',
    },
    {
      it: 'a patch at what is no pointer',
      yaml: 'rules:\n  - { name: r, on: PUT /a, patch: [{ path: /steps, at: inns }] }',
      says: '3:56 "inns" is not a JSON Pointer | write it as in RFC 6901: /accommodations',
    },
    {
      it: 'a patch with many representations',
      yaml: 'rules:\n  - { name: r, on: PUT /a, patch: [{ path: /steps, at: /inns, with: "response[*]" }] }',
      says: '3:69 "response[*]" is not one representation | write response, request or response.accommodation',
    },
    {
      it: 'a route whose before needs the answer',
      yaml: 'routes:\n  - { match: /a/:id, before: "GET /b/{response.id}" }',
      says: '3:39 "response" is not known yet | before is read ahead of the write, when only params, query, requestHeader and request are known',
    },
    {
      it: 'a name twice',
      yaml: `${rule('PUT /a', '/a')}\n  - { name: r, on: PUT /b, invalidate: [/b] }`,
      says: '7:13 the name is already used at gateway.yaml:3:11 | events and logs show the name: make it unique',
    },
    {
      it: 'the same for the same writes',
      yaml: `${rule('PUT|PATCH /a/:id', '/a')}\n  - { name: s, on: "PATCH|PUT /a/:x", invalidate: [/a] }`,
      says: '7:20 the rule r (gateway.yaml:3:11) invalidates the same targets for the same writes | merge the two, or remove one',
    },
    {
      it: 'the same in another order',
      yaml: `${rule('PUT /a', '/a')}\n      - /b\n  - { name: s, on: PUT /a, invalidate: [/b, /a] }`,
      says: '8:20 the rule r (gateway.yaml:3:11) invalidates the same targets for the same writes | merge the two, or remove one',
    },
    {
      it: 'the same for one of the writes',
      yaml: `${rule('PUT|PATCH /a/:id', '/a')}\n  - { name: s, on: "PUT /a/:x", invalidate: [/a], event: e }`,
      says: '7:20 the rule r (gateway.yaml:3:11) invalidates the same targets for the same writes | merge the two, or remove one',
    },
    {
      it: 'an event that clients take for a lost connection',
      yaml: `${rule('PUT /a', '/a')}\n    event: error`,
      says: '7:12 "error" is reserved | in the rule "r": name what changed: accommodation.changed',
    },
    {
      it: 'an event over two lines',
      yaml: `${rule('PUT /a', '/a')}\n    event: "a\\nb"`,
      says: '7:12 "a\nb" is not a valid event name | in the rule "r": begin with a letter or a digit, and use letters, digits and "._:-": accommodation.changed',
    },
    {
      it: 'a name with a space',
      yaml: 'rules:\n  - { name: a b, on: PUT /a, invalidate: [/a] }',
      says: '3:13 "a b" is not a valid rule name | use letters, digits and "._-": accommodation-in-step',
    },
  ],
});
