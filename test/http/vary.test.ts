import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commonCredentials } from '../../src/http/credentials.ts';
import { Fields } from '../../src/http/fields.ts';
import { normaliseField, preferredLanguage, selectableLanguage } from '../../src/http/normalise.ts';
import {
  matchesVary,
  parseVary,
  selectAlike,
  selectingFields,
  selectingValues,
  VariantSelector,
} from '../../src/http/vary.ts';

describe('RFC 9110 §12.5.5: Vary', () => {
  test.each<[string | undefined, readonly string[] | '*']>([
    [undefined, []],
    ['', []],
    [', ,', []],
    ['Foo', ['foo']],
    ['Foo, Bar,foo ,, BAZ', ['bar', 'baz', 'foo']],
    ['*', '*'],
    ['*, *', '*'],
    [', *', '*'],
    ['*, Foo', '*'],
    ['Foo, *', '*'],
    ['Foo Bar', '*'],
    ['"Foo"', '*'],
    [Array.from({ length: 65 }, (_each, i) => `h${i}`).join(), '*'],
  ])('%j names %j', (value, names) => {
    expect(parseVary(value)).toEqual(names);
  });

  test('is one field over several lines', () => {
    expect(parseVary(new Fields(['Vary', '', 'vary', '*']).get('vary'))).toBe('*');
    expect(parseVary(new Fields(['Vary', 'b', 'vary', 'a']).get('vary'))).toEqual(['a', 'b']);
  });
});

const matches = (vary: string, stored: string[], presented: string[], contentLanguage?: string): boolean => {
  const names = parseVary(vary);
  if (names === '*') throw new Error('not for this table');
  const values = selectingValues(names, new Fields(stored));
  const language = selectableLanguage(contentLanguage, new Fields(stored).get('accept-language'));
  const selects = matchesVary(names, values, new Fields(presented), language);
  expect(new VariantSelector(new Fields(presented)).matches(names, values, language)).toBe(selects);
  return selects;
};

describe('RFC 9111 §4.1: which request selects a stored variant', () => {
  test.each<[string, string, string[], string[]]>([
    ['no Vary', '', ['Foo', '1'], ['Foo', '2']],
    ['the same', 'Foo', ['Foo', '1'], ['Foo', '1']],
    ['fields that are not named differ', 'Foo', ['Foo', '1', 'Other', '2'], ['Foo', '1', 'Other', '3']],
    ['three, one absent from both', 'Foo, Bar, Baz', ['Foo', '1', 'Baz', '789'], ['Baz', '789', 'Foo', '1']],
    ['blanks around commas', 'Foo', ['Foo', '1,2'], ['Foo', ' 1, 2 ']],
    ['lines combined', 'Foo', ['Foo', '1, 2'], ['Foo', '1', 'Foo', '2']],
    ['the order of languages', 'Accept-Language', ['Accept-Language', 'en, de'], ['Accept-Language', 'de, en']],
    ['their case', 'Accept-Language', ['Accept-Language', 'en, de'], ['Accept-Language', 'eN, De']],
    ['their blanks', 'Accept-Language', ['Accept-Language', 'en, de'], ['Accept-Language', ' en ,   de']],
    [
      'their weights as numbers',
      'Accept-Language',
      ['Accept-Language', 'en;q=0.50,de'],
      ['Accept-Language', 'de;Q=1.000, en; q=0.5'],
    ],
    ['the order of codings', 'Accept-Encoding', ['Accept-Encoding', 'gzip, br'], ['accept-encoding', 'br,GZIP']],
    ['blanks around weights', 'Accept-Language', ['Accept-Language', 'en ;\tq=0.5'], ['Accept-Language', 'en;q=0.5']],
    [
      'codings by their old names',
      'Accept-Encoding',
      ['Accept-Encoding', 'x-compress, compress'],
      ['Accept-Encoding', 'compress'],
    ],
    ['their other names', 'Accept-Encoding', ['Accept-Encoding', 'gzip, x-gzip'], ['Accept-Encoding', 'gzip']],
    ['an empty field twice', 'Foo', ['Foo', ''], ['Foo', '']],
  ])('%s: does', (_, vary, stored, presented) => {
    expect(matches(vary, stored, presented)).toBe(true);
  });

  test.each<[string, string, string[], string[]]>([
    ['another value', 'Foo', ['Foo', '1'], ['Foo', '2']],
    ['the field is missing now', 'Foo', ['Foo', '1'], []],
    ['the field was missing then', 'Foo', [], ['Foo', '1']],
    ['missing is not empty', 'Foo', [], ['Foo', '']],
    ['empty is not missing', 'Foo', ['Foo', ''], []],
    ['one of two', 'Foo, Bar', ['Foo', '1', 'Bar', 'abc'], ['Foo', '2', 'Bar', 'abc']],
    ['one of two missing', 'Foo, Bar', ['Foo', '1', 'Bar', 'abc'], ['Foo', '1']],
    [
      'one of three, in another order',
      'Foo, Bar, Baz',
      ['Foo', '1', 'Bar', 'abc', 'Baz', '7'],
      ['Baz', '7', 'Bar', 'abcde', 'Foo', '1'],
    ],
    ['values exchanged', 'Foo, Bar', ['Foo', '1', 'Bar', '2'], ['Foo', '2', 'Bar', '1']],
    ['the case of an unknown field', 'Foo', ['Foo', 'a'], ['Foo', 'A']],
    ['the order of an unknown field', 'Foo', ['Foo', '1, 2'], ['Foo', '2, 1']],
    ['blanks inside a value', 'Foo', ['Foo', 'a b'], ['Foo', 'a  b']],
    ['blanks in a quoted string', 'Foo', ['Foo', '"a, b"'], ['Foo', '"a,b"']],
    ['a cookie, to the blank', 'Cookie', ['Cookie', 'a=1, 2'], ['Cookie', 'a=1,2']],
    ['a credential, to the blank', 'Authorization', ['Authorization', 'x a,b'], ['Authorization', 'x a, b']],
    ['other weights', 'Accept-Language', ['Accept-Language', 'en, de;q=0.5'], ['Accept-Language', 'en;q=0.5, de']],
    ['a coding refused', 'Accept-Encoding', ['Accept-Encoding', 'gzip'], ['Accept-Encoding', 'gzip;q=0']],
    [
      'codings the other way round, illegible',
      'Accept-Encoding',
      ['Accept-Encoding', 'a;q=2, b'],
      ['Accept-Encoding', 'b, a;q=2'],
    ],
    [
      'one range with two weights, or with one',
      'Accept-Language',
      ['Accept-Language', 'en;q=0.1, en'],
      ['Accept-Language', 'en'],
    ],
    [
      'one range with two weights',
      'Accept-Language',
      ['Accept-Language', 'en;q=0.1, en'],
      ['Accept-Language', 'en, en;q=0.1'],
    ],
  ])('%s: does not', (_, vary, stored, presented) => {
    expect(matches(vary, stored, presented)).toBe(false);
  });

  test('a request never selects a variant whose Vary excludes it', () => {
    const name = fc.constantFrom('Foo', 'Bar', 'Accept-Language', 'Accept-Encoding', 'Cookie');
    const value = fc.string({ unit: fc.constantFrom(...'ab1 ,;"='), maxLength: 8 });
    const lines = fc.uniqueArray(fc.tuple(name, value), { selector: ([each]) => each }).map((all) => all.flat());
    // What may be done to a value is to take away blanks, commas and repetitions, and to change case and order: what is
    // left differs.
    const essence = (text: string | undefined): string | undefined =>
      text === undefined ? undefined : [...new Set(text.toLowerCase().replace(/[ ,]/g, ''))].sort().join('');
    fc.assert(
      fc.property(name, lines, lines, (vary, stored, presented) => {
        const [before, now] = [stored, presented].map((all) => essence(new Fields(all).get(vary.toLowerCase())));
        fc.pre(before !== now && !/q=/.test(`${before}${now}`));
        expect(matches(vary, stored, presented)).toBe(false);
      }),
    );
  });

  test('a request selects what it was itself answered with, and no text makes this throw', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.string(), (values, vary) => {
        const names = parseVary(vary);
        const request = new Fields(values.flatMap((value, i) => [names[i] ?? 'accept-language', value]));
        if (names === '*') return;
        expect(matchesVary(names, selectingValues(names, request), request)).toBe(true);
      }),
    );
  });
});

describe('RFC 9110 §12.5.4: negotiation by Content-Language', () => {
  const vary = 'Accept-Language';
  test.each<[string, string, string | undefined, boolean]>([
    ['the language preferred above all', 'fr;q=0.5, de;q=1.0', 'de', true],
    ['in any case', 'fr;q=0.5, DE', 'De', true],
    ['not one of several preferred', 'fr, de', 'de', false],
    ['not one less preferred', 'fr, de;q=0.9', 'de', false],
    ['not a wildcard', '*', 'de', false],
    ['not one refused', 'de;q=0', 'de', false],
    ['not a region of it', 'de', 'de-AT', false],
    ['not several', 'de', 'de, en', false],
    ['not without Content-Language', 'de', undefined, false],
    ['not by an illegible field', 'de;x=1', 'de', false],
  ])('%s', (_, presented, contentLanguage, expected) => {
    expect(matches(vary, ['Accept-Language', 'en, de'], ['Accept-Language', presented], contentLanguage)).toBe(
      expected,
    );
  });

  test('does not replace other fields', () => {
    expect(matches('Foo, Accept-Language', ['Foo', 'de'], ['Foo', 'en', 'Accept-Language', 'de'], 'de')).toBe(false);
    expect(matches('Foo', ['Foo', 'x'], ['Foo', 'de'], 'de')).toBe(false);
  });

  test.each<[string, string | undefined]>([
    ['de', 'de'],
    ['de;q=0.001', 'de'],
    ['de;q=0.5, en;q=0.4', 'de'],
    ['', undefined],
    ['de, en', undefined],
    ['*, en;q=0.5', undefined],
  ])('%j prefers %j', (value, language) => {
    expect(preferredLanguage(value)).toBe(language);
  });

  test.each<[string, string, string | undefined]>([
    ['the language that was asked for', 'en, de;q=0.5', 'de'],
    ['not one that was not', 'en', undefined],
    ['not one that was refused', 'en, de;q=0', undefined],
    ['not next to what is no language', 'de, <script>', undefined],
    ['not next to a token that is no language', "de, x'y", undefined],
    ['not next to one that is too long to be one', 'de, abcdefghi', undefined],
    ['not in a field that is too long', `de${', en'.repeat(400)}`, undefined],
  ])('selects for others: %s', (_, asked, language) => expect(selectableLanguage('de', asked)).toBe(language));
});

describe('what selected a variant can be sent again', () => {
  test.each([
    ['Accept-Language', 'fr;q=0.50, DE, en ; q=0', 'de,en;q=0,fr;q=0.5'],
    ['Accept-Language', 'en;q=0.001,*;q=0.1', '*;q=0.1,en;q=0.001'],
    ['Accept-Encoding', 'x-gzip;q=1.000, br', 'br,gzip'],
    ['X-Theme', 'dark, light', 'dark,light'],
    ['X-Theme', '', ''],
  ])('%s: %s', (name, written, again) => {
    const names = [name.toLowerCase()];
    const values = selectingValues(names, new Fields([name, written]));
    const sent = selectingFields(names, values) ?? [];
    expect(sent).toEqual([names[0], again]);
    expect(selectingValues(names, new Fields(sent))).toEqual(values);
  });
});

describe('a credential that selects a variant', () => {
  const names = ['authorization', 'x_api_key', 'x-theme'];
  const request = (authorization: string, ...more: string[]): Fields =>
    new Fields(['Authorization', authorization, 'X_API_Key', 'k3y', 'X-Theme', 'dark', ...more]);
  const values = (of: Fields, credentials?: ReadonlySet<string>): string[] => selectingValues(names, of, credentials);
  const kept = values(request('Bearer S3CRET'), commonCredentials);
  const selects = (stored: readonly string[], by: Fields): boolean => {
    const isSelected = matchesVary(names, stored, by);
    expect(new VariantSelector(by).matches(names, stored, undefined)).toBe(isSelected);
    return isSelected;
  };

  test('is kept as a digest, whatever its length', () => {
    expect(kept.join()).not.toMatch(/S3CRET|k3y/);
    expect(kept[2]).toBe('dark');
    expect(selectingFields(names, kept)).toBeUndefined();
    expect(selectingValues(names, new Fields(['X-API-Key', '']), commonCredentials)).toEqual(values(new Fields([])));
  });

  // Earlier versions have kept it as it was.
  test.each([
    ['as a digest', kept],
    ['as it is', values(request('Bearer S3CRET'))],
  ])('selects what was stored with it, and nothing else: %s', (_, stored) => {
    expect(selects(stored, request('Bearer S3CRET'))).toBe(true);
    for (const other of ['Bearer S3CREU', '', kept[0]?.slice(1) ?? '']) {
      expect(selects(stored, request(other))).toBe(false);
    }
    expect(selects(stored, new Fields(['X_API_Key', 'k3y', 'X-Theme', 'dark']))).toBe(false);
    expect(selects(stored, request('Bearer S3CRET', 'X-Theme', 'light'))).toBe(false);
  });

  test('is the same one in both forms', () => {
    const same = values(request('Bearer S3CRET'));
    const other = values(request('Bearer S3CREU'));
    expect(selectAlike(kept, same) && selectAlike(same, kept) && selectAlike(kept, kept)).toBe(true);
    expect(selectAlike(kept, other) || selectAlike(other, kept) || selectAlike(same, other)).toBe(false);
    expect(selectAlike(kept, kept.slice(1)) || selectAlike(kept.slice(0, 2), kept)).toBe(false);
  });
});

describe('a value that no client of good will sends', () => {
  const long = Array.from({ length: 1_000 }, (_each, i) => `l${i}`).join(', ');
  const values = (value: string): string[] =>
    selectingValues(['accept-language'], new Fields(['Accept-Language', value]));

  test('is kept as a digest, whatever its length', () => {
    expect(values(long).join().length).toBeLessThan(100);
    expect(values(long)).toEqual(values(long));
    expect(values(long)).not.toEqual(values(`${long}, x`));
    expect(selectingFields(['accept-language'], values(long))).toBeUndefined();
  });

  test('is not taken apart', () => {
    expect(normaliseField('accept-language', long)).toBe(long);
    expect(preferredLanguage(`${long}, de;q=0`)).toBeUndefined();
  });

  test('that holds a no-break space is another one', () => {
    expect(values('de\u00a0;q=1')).not.toEqual(values('de;q=1'));
    expect(selectingValues(['x'], new Fields(['X', 'a\u00a0']))).not.toEqual(
      selectingValues(['x'], new Fields(['X', 'a'])),
    );
  });
});
