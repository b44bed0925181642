import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isCoveredBy, matchesParts, namedTag, pathTag, queryTag } from '../../src/coherence/tag.ts';
import { decodeSegment, parseTarget, sortedQuery } from '../../src/route/path.ts';
import { expand } from '../../src/rules/expand.ts';
import { coverageOf } from '../../src/rules/target.ts';
import { parseTemplate } from '../../src/rules/template.ts';
import { codePoint } from '../support/code-points.ts';

const hostile = fc.constantFrom(
  '/',
  '//',
  '*',
  '**',
  '?',
  '#',
  '%2F',
  '%',
  '..',
  '{',
  '}',
  ':',
  '\\',
  '&',
  '=',
  '+',
  ' ',
);
const value = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.string({ unit: codePoint, minLength: 1 }),
    fc
      .array(fc.oneof(hostile, fc.string({ maxLength: 3 })), { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join('')),
  )
  .filter((text) => text !== '')
  .map((text) => text.toWellFormed());
/** No request can have these as a segment (RFC 3986 §6.2.2.3), so what they name must only be harmless. */
const nameable = value.filter((text) => text !== '.' && text !== '..');

describe('no value escapes its place', () => {
  test('a path has the segments of its template, decodes to the values and holds no wildcard', () => {
    const template = parseTemplate('/a/{x}/b/{y}', 'path');
    fc.assert(
      fc.property(nameable, nameable, (x, y) => {
        const [target] = expand(template, [[x], [y]]);
        if (target?.kind !== 'path') throw new Error(`a ${target?.kind}`);
        expect(target.path).not.toMatch(/[*?#]/);
        const segments = target.path.split('/').slice(1);
        expect(segments.map(decodeSegment)).toEqual(['a', x, 'b', y]);
        // What a request for it is known by, if one can be made at all.
        const unspeakable = /\0|(?:^|[/\\])\.\.?(?:[/\\]|$)/.test(`${x}/n/${y}`);
        if (!unspeakable)
          expect(parseTarget(target.path)).toEqual({ path: target.path, resource: target.path, query: '' });
      }),
    );
  });

  test('dots do not lead to a parent path', () => {
    const template = parseTemplate('/a/{x}', 'path');
    for (const x of ['.', '..']) {
      const [target] = expand(template, [[x]]);
      if (target?.kind !== 'path') throw new Error(`a ${target?.kind}`);
      expect(parseTarget(target.path).resource).toBe(target.path);
      expect(target.path.split('/')).toHaveLength(3);
    }
  });

  test('text around a value stays in the segment with it', () => {
    const template = parseTemplate('/files/v{x}.json', 'path');
    fc.assert(
      fc.property(nameable, (x) => {
        const [target] = expand(template, [[x]]);
        if (target?.kind !== 'path') throw new Error(`a ${target?.kind}`);
        expect(target.path.split('/').map(decodeSegment)).toEqual(['', 'files', `v${x}.json`]);
      }),
    );
  });

  test('a query has the parameters of its template with the values', () => {
    const template = parseTemplate('/a?x={x}&y={y}&z=1', 'path');
    fc.assert(
      fc.property(value, value, (x, y) => {
        const [target] = expand(template, [[x], [y]]);
        if (target?.kind !== 'query') throw new Error(`a ${target?.kind}`);
        expect(target.path).toBe('/a');
        const parameters = [...new URLSearchParams(`?${target.query}`)].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(parameters).toEqual([
          ['x', x],
          ['y', y],
          ['z', '1'],
        ]);
        // As a request with these parameters is tagged.
        const asked = parseTarget(`/a?z=1&y=${encodeURIComponent(y)}&x=${encodeURIComponent(x)}`);
        const plain = /^[\w.~-]*$/.test(x + y);
        if (plain) expect(sortedQuery(asked.query)).toBe(target.query);
      }),
    );
  });

  test('a tag with values covers that tag, and with a wildcard any value in its place', () => {
    const template = parseTemplate('a:{x}:{y}', 'tag');
    fc.assert(
      fc.property(value, value, value, (x, y, other) => {
        const [exact] = expand(template, [[x], [y]]);
        expect(exact).toEqual({ kind: 'tag', tag: `a:${x}:${y}` });
        const [widened] = expand(template, ['*', [y]]);
        if (widened?.kind !== 'tagPattern') throw new Error(`a ${widened?.kind}`);
        expect(matchesParts(`a:${x}:${y}`, widened.parts)).toBe(true);
        expect(matchesParts(`a:${x}:${y}${other}`, widened.parts)).toBe(`${x}:${y}${other}`.endsWith(`:${y}`));
      }),
    );
  });
});

describe('a wildcard fallback covers everything that the target might have named', () => {
  const templates = [
    '/a/{x}/b',
    '/a/p{x}s/b',
    '/a/{x}?q={y}',
    '/a?q={y}',
    '/{x}',
    '/a/*/{x}',
    '/a/{x}/**',
    '{x}:{y}',
    't:*:{x}',
  ];
  test.each(templates)('%s', (text) => {
    const template = parseTemplate(text, text.startsWith('/') ? 'path' : 'tag');
    const widened = template.placeholders.map(() => '*' as const);
    const coverage = coverageOf(expand(template, widened));
    fc.assert(
      fc.property(nameable, nameable, (x, y) => {
        const values = template.placeholders.map((placeholder) => [placeholder.text === 'x' ? x : y]);
        for (const target of expand(template, values)) {
          const path =
            'path' in target ? target.path : 'pattern' in target ? target.pattern.replaceAll('*', 'z') : '/other';
          const tags = [pathTag(path)];
          if (target.kind === 'query') tags.push(queryTag(target.path, target.query));
          if (target.kind === 'tag') tags.push(namedTag(target.tag));
          if (target.kind === 'tagPattern') tags.push(namedTag(target.parts.join('z')));
          expect(isCoveredBy({ path, tags }, coverage)).toBe(true);
        }
      }),
    );
  });
});
