import { describe, expect, test } from 'vitest';
import { builtInCache } from '../../src/config/policy.ts';
import { isIdentified, userKey } from '../../src/exchange/user-key.ts';
import { Fields } from '../../src/http/fields.ts';

/* Whose a request is, where responses are kept for each user. */

const policy = (names: readonly string[]) => ({ ...builtInCache, credentials: 'perUser' as const, userKey: names });
const fields = (...lines: [string, string][]): Fields => new Fields(lines.flat());
const request = (headers: Fields, query = '') => ({ headers, target: { path: '/a', resource: '/a', query } });
const cookies = (...lines: string[]): Fields => fields(...lines.map((line): [string, string] => ['Cookie', line]));

describe('a request is identified', () => {
  test.each<[string, Fields, boolean]>([
    ['without credentials: nobody in particular', fields(['Accept', 'a']), true],
    ['by the cookie', cookies('session=ada'), true],
    ['by the cookie among others', cookies('theme=dark; session=ada; x=1'), true],
    ['by the cookie on a second line', cookies('theme=dark', 'session=ada'), true],
    ['by a cookie that holds a comma', cookies('session=a,b'), true],
    ['by a cookie whose value names another', cookies('session=ada; next=a&session_id=3'), true],
    ['not by another cookie', cookies('theme=dark'), false],
    ['not by an empty cookie', cookies('session='), false],
    ['not by an Authorization that is in no key', fields(['Authorization', 'a'], ['Cookie', 'session=ada']), false],
    ['not by a cookie that stands there twice', cookies('session=ada; session=grace'), false],
    ['not by a cookie that stands on two lines', cookies('session=ada', 'session=grace'), false],
    ['not by one before that an origin could find behind a comma', cookies('session=ada; a=1, session=grace'), false],
    ['not by one that only an origin which splits at commas finds', cookies('a=1, session=ada'), false],
    ['not next to one in a quoted string', cookies('session=ada; a="; session=grace"'), false],
    ['not next to one in other letters', cookies('session=ada; Session=grace'), false],
    ['not next to one behind a no-break space', cookies('session=ada;\u00a0session=grace'), false],
    ['not next to one before a no-break space', cookies('session=ada; session\u00a0=grace'), false],
    ['not next to one whose name is escaped', cookies('session=ada; %73ession=grace'), false],
  ])('%s', (_what, headers, expected) => {
    expect(isIdentified(request(headers), policy(['cookie:session']))).toBe(expected);
  });

  test.each<[string, string, boolean]>([
    ['by its cookie', 'a=1; my_session=ada; theme=very dark', true],
    ['by its cookie behind a value with a space', 'a=my session; my_session=ada', true],
    ['not next to one with a space in its name', 'my session=grace; my_session=ada', false],
    ['not next to one with a space, behind others', 'my_session=ada; a=1;  my session=grace', false],
    ['not next to one with an escaped space', 'my%20session=grace; my_session=ada', false],
    ['not next to one with a plus', 'my+session=grace; my_session=ada', false],
    ['not next to one behind a plus', '+my_session=grace; my_session=ada', false],
    ['not next to one with a dot', 'my.session=grace; my_session=ada', false],
    ['not next to one behind a space in a value', 'a=1 my_session=grace; my_session=ada', false],
  ])('as PHP reads names: %s', (_what, cookie, expected) => {
    expect(isIdentified(request(cookies(cookie)), policy(['cookie:my_session']))).toBe(expected);
  });

  test('by any of several names', () => {
    const names = policy(['authorization', 'cookie:session', 'cookie:lang']);
    expect(isIdentified(request(fields(['Authorization', 'a'])), names)).toBe(true);
    expect(isIdentified(request(cookies('lang=de')), names)).toBe(true);
    // The origin may find a session there: whose, the key does not say.
    expect(isIdentified(request(cookies('lang=de; a=1, session=ada')), names)).toBe(false);
  });

  test('by a key, in the spelling that is named, and not next to credentials that are in no key', () => {
    const byKey = { ...policy(['x-api-key', 'query:token']), credentialParams: ['token'] };
    expect(isIdentified(request(fields(['X-API-Key', 'ada'])), byKey)).toBe(true);
    expect(isIdentified(request(fields(['X_API_Key', 'ada'])), byKey)).toBe(false);
    expect(isIdentified(request(fields(['X-API-Key', 'ada'], ['X-Auth-Token', 'ada'])), byKey)).toBe(false);
    expect(isIdentified(request(fields(['X-API-Key', 'ada'], ['Cookie', '_ga=1'])), byKey)).toBe(true);
  });

  test.each<[string, [string, string][], boolean]>([
    [
      'by a cookie next to the key of its application',
      [
        ['X-API-Key', 'app'],
        ['Cookie', 'a=1; session=ada'],
      ],
      true,
    ],
    ['by the key where it has no cookies', [['X-API-Key', 'app']], true],
    [
      'not by that key next to other cookies',
      [
        ['X-API-Key', 'app'],
        ['Cookie', 'remember_me=ada'],
      ],
      false,
    ],
    [
      'not by that key next to an empty session',
      [
        ['X-API-Key', 'app'],
        ['Cookie', 'session=; a=1'],
      ],
      false,
    ],
    [
      'not by Authorization next to other cookies',
      [
        ['Authorization', 'Basic c2l0ZQ=='],
        ['Cookie', 'a=1'],
      ],
      false,
    ],
    [
      'not by a tenant',
      [
        ['X-Tenant', 't'],
        ['Cookie', 'remember_me=ada'],
      ],
      false,
    ],
    [
      'by a cookie next to a tenant',
      [
        ['X-Tenant', 't'],
        ['Cookie', 'session=ada'],
      ],
      true,
    ],
  ])('%s', (_what, lines, expected) => {
    const names = ['x-tenant', 'x-api-key', 'authorization', 'cookie:session'];
    expect(isIdentified(request(fields(...lines)), policy(names))).toBe(expected);
  });

  test('by no field that is not known to carry credentials, also where no cookie is named', () => {
    const lines = fields(['X-Acme', 't'], ['Cookie', 'session=ada']);
    expect(isIdentified(request(lines), policy(['x-acme', 'authorization']))).toBe(false);
    const known = { ...policy(['x-acme', 'authorization']), credentialHeaders: new Set(['x-acme', 'cookie']) };
    expect(isIdentified(request(lines), known)).toBe(true);
  });

  test('by a parameter', () => {
    const byParameter = { ...policy(['query:token']), credentialParams: ['token'] };
    expect(isIdentified(request(fields(), 'token=ada'), byParameter)).toBe(true);
    expect(isIdentified(request(fields(), 'token='), byParameter)).toBe(false);
    expect(isIdentified(request(fields(['Authorization', 'a']), 'token=ada'), byParameter)).toBe(false);
  });

  test('by the whole of its cookies', () => {
    expect(isIdentified(request(cookies('a=1, session=ada')), policy(['cookie']))).toBe(true);
  });

  test('whatever it says, where responses are not kept for each user', () => {
    expect(isIdentified(request(cookies('a=1')), { ...policy(['cookie:session']), credentials: 'shared' })).toBe(true);
  });
});

test.each<[string, Fields, Fields]>([
  ['a no-break space', cookies('session=ada\u00a0'), cookies('session=ada')],
  ['no cookie and an empty one', cookies('session='), fields()],
  ['quotes', cookies('session="ada"'), cookies('session=ada')],
  ['letters', cookies('session=Ada'), cookies('session=ada')],
])('%s tells users apart', (_what, one, other) => {
  expect(userKey(one, ['cookie:session'])).not.toBe(userKey(other, ['cookie:session']));
});

test('blanks, and the line that it stands on, tell nobody apart', () => {
  const key = userKey(cookies('session=ada'), ['cookie:session']);
  expect(userKey(cookies('a=1', '\tsession = ada ;b=2'), ['cookie:session'])).toBe(key);
});
