import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';

describe('what identifies users is drafted of', () => {
  const draftOfSchemes = (securitySchemes: object): string => {
    const get = { security: [{ any: [] }], responses: { 200: {} } };
    const document = { openapi: '3.1.0', paths: { '/a': { get } }, components: { securitySchemes } };
    const text = writeDraft(draftConfig(JSON.stringify(document)), 'x');
    expect(
      parseConfig(text, { file: 'draft.yaml', env: {}, readFile: () => '', readFolder: () => [] }).warnings,
    ).toEqual([]);
    return text;
  };
  const key = (place: string, name: string) => ({ type: 'apiKey', in: place, name });

  test.each<[string, object, string[]]>([
    ['none', {}, []],
    [
      'a bearer token',
      { any: { type: 'http', scheme: 'bearer' } },
      ['  cache: { credentials: perUser, userKey: [authorization, cookie] }'],
    ],
    [
      'keys in header, query and cookie',
      { any: key('header', 'X-Acme'), b: key('query', 'api_key'), c: key('cookie', 'sid') },
      [
        'credentialHeaders: [x-acme]',
        'credentialParams: [api_key]',
        '  cache: { credentials: perUser, userKey: [authorization, x-acme, "query:api_key", "cookie:sid"] }',
      ],
    ],
    [
      'a key in Authorization',
      { any: key('header', 'Authorization') },
      ['  cache: { credentials: perUser, userKey: [authorization, cookie] }'],
    ],
    [
      'names that are none',
      { any: key('header', 'x key'), b: key('query', 'a=b'), c: key('cookie', 'a b') },
      ['  cache: { credentials: perUser, userKey: [authorization, cookie] }'],
    ],
    ['a certificate', { any: { type: 'mutualTLS' } }, []],
  ])('%s', (_what, schemes, expected) => {
    const lines = draftOfSchemes(schemes).split('\n');
    expect(lines.filter((line) => /^credential|^ {2}cache:/.test(line))).toEqual(expected);
  });
});
