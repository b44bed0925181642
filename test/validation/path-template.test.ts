import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchPath, pathTemplate } from '../../src/validation/path-template.ts';

/* Paths of OpenAPI descriptions. */

const matched = (template: string, path: string) => matchPath(pathTemplate(template), path.split('/'));

test.each<[string, string, Record<string, string> | undefined]>([
  ['/steps', '/steps', {}],
  ['/steps', '/steps/', {}],
  ['/steps', '/steps//', undefined],
  ['/steps/{id}', '/steps/7', { id: '7' }],
  ['/steps/{id}', '/steps/7/', { id: '7' }],
  ['/steps/{id}', '/steps/', undefined],
  ['/steps/{id}', '/steps/7/8', undefined],
  ['/files/{name}.{ext}', '/files/a.tar.gz', { name: 'a.tar', ext: 'gz' }],
  ['/files/{name}.{ext}', '/files/.gz', undefined],
  ['/files/{name}.{ext}', '/files/a.', undefined],
  ['/reports/{y}-{m}-{d}:publish', '/reports/2026-01-02:publish', { y: '2026', m: '01', d: '02' }],
  ['/reports/{y}-{m}-{d}:publish', '/reports/2026-01:publish', undefined],
  ['/{a}{b}', '/xyz', { a: 'xy', b: 'z' }],
])('%s and %s', (template, path, expected) => {
  const found = matched(template, path);
  expect(found && Object.fromEntries(found)).toEqual(expected);
});

test('a path matches as it would by a regular expression, with the same values', () => {
  const parts = fc.array(fc.constantFrom('{n}', '-', '.', 'a', '-a', '/'), { maxLength: 7 });
  fc.assert(
    fc.property(
      parts,
      fc.string({ unit: fc.constantFrom('-', '.', 'a', 'b', '/'), maxLength: 12 }),
      (between, rest) => {
        const template = `/${between.join('')}`;
        const source = template.replaceAll('.', '\\.').replaceAll('{n}', '([^/]+)');
        const byExpression = new RegExp(`^${source}/?$`).exec(`/${rest}`)?.slice(1);
        expect(matched(template, `/${rest}`)?.map(([, value]) => value)).toEqual(byExpression);
      },
    ),
    { numRuns: 2_000 },
  );
});

/* By a regular expression this would take longer than any test may. */
test('a long path takes no longer for many names in a segment', () => {
  const template = `/reports/${Array.from({ length: 8 }, (_, i) => `{n${i}}`).join('-')}:publish`;
  expect(matched(template, `/reports/${'-'.repeat(8_000)}`)).toBeUndefined();
  expect(matched(template, `/reports/${'-'.repeat(8_000)}:publish`)).toHaveLength(8);
});
