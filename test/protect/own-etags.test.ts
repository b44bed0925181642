import { expect, test } from 'vitest';
import { etagsNeeded } from '../../src/exchange/own-etags.ts';
import { compileSpellings } from '../../src/rules/spellings.ts';
import { configOf } from '../config/parse.ts';

/* Which reads get an entity tag of the gateway's own, where `before` names the place of what a write replaces. */

test.each<[string, string, string, boolean]>([
  ['its place', '[]', '/settings/:id', true],
  ['its place, where the route is spelled in another case', '[case]', '/Settings/:id', true],
  ['its place, where another resource is spelled like that', '[]', '/Settings/:id', false],
  ['its place, where the route has an extension', '[extension]', '/settings/:id.json', true],
])('%s', (_, ignored, match, isTagged) => {
  const config = configOf(`
origin: { url: "http://a", ignoreInPaths: ${ignored} }
routes: [{ match: "${match}", before: "GET /current/{id}" }]
writes: [{ on: "PUT /settings/:id", precondition: required }]
`);
  const needsEtag = etagsNeeded(config, compileSpellings(config));
  expect([needsEtag?.('/current/1'), needsEtag?.('/settings/1'), needsEtag?.('/other/1')]).toEqual([
    isTagged,
    true,
    false,
  ]);
});
