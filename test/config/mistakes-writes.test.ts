import { tellsEach } from './mistake-table.ts';

tellsEach({
  'protected writes': [
    {
      it: 'preserve through an array',
      yaml: 'writes:\n  - on: PUT /a\n    preserve: [createdAt, "items[0].price"]',
      says: '4:27 "items[0].price" does not name one member: it goes through an array, or selects several | preserve the whole array by its name, or let the API protect its elements',
    },
    {
      it: 'preserve through an array, in the long form',
      yaml: 'writes:\n  - on: PUT /a\n    preserve: { paths: ["items[*].price"] }',
      says: '4:25 "items[*].price" does not name one member: it goes through an array, or selects several | preserve the whole array by its name, or let the API protect its elements',
    },
    {
      it: 'a path that is none',
      yaml: 'writes:\n  - on: PUT /a\n    preserve: ["a..b"]',
      says: '4:16 "a..b" does not name one member: it goes through an array, or selects several | preserve the whole array by its name, or let the API protect its elements',
    },
    {
      it: 'too many preserved members',
      yaml: `writes:\n  - { on: PUT /a, preserve: [${Array.from({ length: 65 }, (_, i) => `m${i}`)}] }`,
      says: '3:29 an entry can preserve at most 64 members | name the object that holds them',
    },
    {
      it: 'an entry that an earlier one hides',
      yaml: 'writes:\n  - { on: "PUT|PATCH /a/*", merge: true }\n  - { on: PUT /a/b, merge: true }',
      says: '4:11 no request can reach this entry: PUT|PATCH /a/* (gateway.yaml:3:11) matches all of them | the first match wins: put the narrower pattern first, or remove one of the two',
    },
    {
      it: 'an entry for what only reads',
      yaml: 'reads: [POST /search]\nwrites:\n  - { on: POST /search, precondition: required }',
      says: '4:11 no request can reach this entry: reads says that POST /search only reads | remove one of the two: what may write is no read',
    },
    {
      it: 'merge where no PUT is',
      yaml: 'writes:\n  - { on: PATCH /a, merge: true }',
      says: '3:21 merge has no effect without PUT | add PUT to on, or remove merge',
    },
    {
      it: 'an entry without a protection',
      yaml: 'writes:\n  - { on: PUT /a, precondition: off }',
      says: '3:11 this entry protects from nothing | add one of merge, preserve, precondition, unchanged, validate, idempotency',
    },
    {
      it: 'a word that is none',
      yaml: 'writes:\n  - { on: PUT /a, precondition: require }',
      says: '3:33 "require" is not one of required, honour, off | did you mean "required"?',
    },
    {
      it: 'two ways to validate',
      yaml: 'writes:\n  - { on: PUT /a, validate: { schema: ./s.json, openapi: ./api.yaml } }',
      says: '3:49 "openapi" and "schema" exclude each other | remove one of the two',
    },
    {
      it: 'a mistake in the second of several forms',
      yaml: 'writes:\n  - { on: PUT /a, validate: { openapi: ./api.yaml, mode: warn } }',
      says: '3:58 "warn" is not one of enforce, log | known: enforce, log',
    },
    {
      it: 'a file in the place of a mapping',
      yaml: 'writes:\n  - { on: PUT /a, validate: ./s.json }',
      says: '3:29 expected a mapping, found "./s.json" | write its keys below it, indented, or { key: value }',
    },
    {
      it: 'one member that is not in a list',
      yaml: 'writes:\n  - { on: PUT /a, preserve: createdAt }',
      says: '3:29 expected a list or a mapping, found "createdAt" | write a list or a mapping',
    },
    {
      it: 'a schema somewhere on the net',
      yaml: 'writes:\n  - { on: PUT /a, validate: { schema: "https://example.org/s.json" } }',
      says: '3:39 "https://example.org/s.json" is not a file | name a file, relative to this one: ./settings.schema.json',
    },
  ],
});
