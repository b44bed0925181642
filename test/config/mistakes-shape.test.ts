import { tellsEach } from './mistake-table.ts';

tellsEach({
  'keys and kinds of values': [
    { it: 'unknown key', yaml: 'stroe: {}', says: '2:1 unknown key "stroe" | did you mean "store"?' },
    {
      it: 'unknown key like none',
      yaml: 'store:\n  memory: { colour: red }',
      says: '3:13 unknown key "colour" | known: maxSize, maxEntry, maxVariants, admission',
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
      says: ['6:9 "tag" is missing | add tag: …', '6:9 unknown key "tags" | did you mean "tag"?'],
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
      says: '2:1 "server" has no value | give it one, or remove the key',
    },
    {
      it: 'a scalar without a value',
      yaml: 'server:\n  drain:',
      says: '3:3 "drain" has no value | give it one, or remove the key',
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
      it: 'a mapping in place of a word',
      yaml: 'coherence: { mode: { a: b } }',
      says: '2:20 a mapping is not one of strict, eventual | known: strict, eventual',
    },
    {
      it: 'a cookie that is none',
      yaml: 'defaults: { cache: { cookies: { ignore: ["*"] } } }',
      says: '2:42 "*" is not the name of a cookie | write for example _ga, or _hj* for all that begin so',
    },
    {
      it: 'not a flag',
      yaml: 'defaults:\n  cache: { ttl: 1s, force: yes }',
      says: '3:28 expected true or false, found "yes" | write true or false',
    },
    {
      it: 'not a whole number',
      yaml: 'events: { history: 1.5 }',
      says: '2:20 expected a whole number, found 1.5 | write a number from 0 to 10000000',
    },
    {
      it: 'a number out of bounds',
      yaml: 'events: { history: -1 }',
      says: '2:20 expected a whole number, found -1 | write a number from 0 to 10000000',
    },
    {
      it: 'a duration without a unit',
      yaml: 'routes:\n  - match: /a\n    cache: { ttl: 60 }',
      says: '4:19 60 has no unit | write for example 60s',
    },
    {
      it: 'a size without a unit',
      yaml: 'store: { memory: { maxSize: 256 } }',
      says: '2:29 256 has no unit | write for example 256MiB',
    },
    {
      it: 'neither a size nor anything like it',
      yaml: 'store: { memory: { maxSize: [] } }',
      says: '2:29 expected a number with a unit, found a list | write for example 60MiB',
    },
    {
      it: 'a timer longer than timers can be',
      yaml: 'server: { drain: 30d }',
      says: '2:18 "30d" is too large | the maximum is 1d',
    },
    {
      it: 'a cache that is neither off nor a mapping',
      yaml: 'routes:\n  - match: /a\n    cache: of',
      says: '4:12 expected "off" or a mapping, found "of" | write "off" or a mapping',
    },
    {
      it: 'a key that cannot be one',
      yaml: '__proto__: {}',
      says: '2:1 "__proto__" cannot be a key | put text with "{" or "[" in quotes',
    },
    {
      it: 'a key that is a list',
      yaml: '? [a]\n: 1',
      says: '2:3 a key must be a word | put text with "{" or "[" in quotes',
    },
  ],
  YAML: [
    { it: 'a key twice', yaml: 'store: {}\nstore: {}', says: '3:1 this key occurs twice | keep one of the two' },
    { it: 'a tab', yaml: 'store:\n\tmemory: {}', says: '3:1 YAML cannot be indented with tabs | indent with spaces' },
    {
      it: 'an open bracket',
      yaml: 'include: [a\nstore: {}',
      says: '3:1 flow sequence in block collection must be sufficiently indented and end with a ] | indent the elements of a block equally; close any open bracket above',
    },
    {
      it: 'a star that is not in quotes',
      yaml: 'rules:\n  - on: * /a',
      says: '3:9 this is read as an alias | put text that starts with "*" in quotes',
    },
    {
      it: 'an alias of nothing',
      yaml: 'include: *x',
      says: '2:10 no anchor of this name before the alias | put text that starts with "*" in quotes',
    },
    {
      it: 'an alias in its own anchor',
      yaml: 'include: &x [*x]',
      says: '2:14 this alias is inside its own anchor | put text that starts with "*" in quotes',
    },
    {
      it: 'a variable in braces that is not in quotes',
      yaml: 'admin: { token: $' + '{T} }',
      says:
        '2:18 YAML treats this brace as syntax | inside { } and [ ], put text with braces in quotes: "$' + '{NAME}"',
    },
    {
      it: 'a second document',
      yaml: '---\na: 1',
      says: '2:1 this starts a second document | use one document per file: remove the line "---"',
    },
    {
      it: 'a colon too many',
      yaml: 'routes: a: b',
      says: '2:9 a second ": " in one line | put text with ": " in quotes, or start a new line',
    },
    {
      it: 'an unknown tag',
      yaml: 'log: { level: !env info }',
      says: '2:15 unresolved tag: !env | remove the tag; put text that starts with "!" in quotes',
    },
  ],
  'the environment': [
    {
      it: 'a variable that is not set',
      yaml: 'admin:\n  token: $' + '{UNSTALE_TOKEN}',
      says:
        '3:10 the environment variable UNSTALE_TOKEN is not set | set it or give a default: $' + '{UNSTALE_TOKEN:-…}',
    },
    {
      it: 'a variable in the middle of a quoted text',
      yaml: 'routes:\n  - match: "/a/$' + '{NONE}"',
      says: '3:16 the environment variable NONE is not set | set it or give a default: $' + '{NONE:-…}',
    },
    {
      it: 'behind a variable, offsets are not those of the file: the beginning of the value is told',
      yaml: 'routes:\n  - match: /a\n    tags: ["$' + '{KIND}:{id}"]',
      env: { KIND: 'accommodation' },
      says: '4:12 the pattern /a has no parameter "id" | add one to the pattern: ":id"',
    },
    {
      it: 'the value of a variable is checked like any other',
      yaml: 'server: { drain: "$' + '{DRAIN}" }',
      env: { DRAIN: 'soon' },
      says: '2:18 "soon" is not a duration | write a whole number and a unit: 250ms, 60s, 10m, 1h or 1d',
    },
  ],
});
