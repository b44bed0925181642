import { expect, test } from 'vitest';
import { languageOf } from '../../demo/api/language.ts';

test.each([
  [undefined, '', 'en'],
  ['fr', '', 'fr'],
  ['FR-ca', '', 'fr'],
  ['en, fr', '', 'en'],
  ['en;q=0.5, fr;q=0.8', '', 'fr'],
  ['fr;q=0.5, *', '', 'en'],
  ['en;q=0, *', '', 'fr'],
  ['fr;q=0', '', 'en'],
  ['fr;q=high', '', 'en'],
  ['de', '', 'en'],
  ['frisian', '', 'en'],
  ['en', 'lang=fr', 'fr'],
  ['fr', 'lang=de', 'fr'],
])('Accept-Language: %s with ?%s is %s', (header, query, language) => {
  const headers = header === undefined ? {} : { 'accept-language': header };
  expect(languageOf({ headers, query: new URLSearchParams(query) })).toBe(language);
});
