import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nothingCovered } from '../../src/coherence/record.ts';
import { type Coverage, isCoveredBy, namedTag, pathTag, queryTag } from '../../src/coherence/tag.ts';
import { TagFamilies } from '../../src/coherence/tag-families.ts';
import {
  ancestry,
  encodeTerms,
  literalHead,
  mayCover,
  postedTerms,
  probedTerms,
  type Representation,
  type WriteSet,
} from '../../src/coherence/write-set.ts';

const knowledge = { families: new TagFamilies(['inn:', 'step:', 'slug:']), opaque: ['inn:'] };
const writing = (coverage: Partial<Coverage>): WriteSet => ({
  coverage: { ...nothingCovered, ...coverage },
  below: [],
  opaque: [],
});
const paths = (...each: string[]): WriteSet => writing({ tags: new Set(each.map(pathTag)) });
const tags = (...each: string[]): WriteSet => writing({ tags: new Set(each.map(namedTag)) });
const inn: Representation = { path: '/inns/42', tags: ['inn:42'], open: [] };
const plain: Representation = { path: '/inns/42', tags: [], open: [] };
const step: Representation = { path: '/steps/7', tags: ['step:7'], open: ['inn:'] };

const conflict = (writes: WriteSet, reads: Representation): boolean => {
  const probes = probedTerms([reads], knowledge);
  return [...postedTerms(writes, knowledge)].some((term) => probes.has(term));
};

describe('two writes conflict unless it is certain that what one may change and the other reads are disjoint', () => {
  test.each<[string, WriteSet, Representation, boolean]>([
    ['the path', paths('/inns/42'), plain, true],
    ['another path', paths('/inns/421', '/inns'), plain, false],
    ['a query of the path', writing({ tags: new Set([queryTag('/inns/42', 'lang=de')]) }), plain, true],
    ['all below a collection', { ...paths('/inns'), below: ['/inns'] }, plain, true],
    ['all below it', { ...paths('/inns/42/x'), below: ['/inns/42/x'] }, plain, false],
    ['a pattern that may cover it', writing({ patterns: ['/inns/*'] }), plain, true],
    ['a pattern of other paths', writing({ patterns: ['/steps/*'] }), plain, false],
    ['everything', writing({ patterns: ['/**'] }), plain, true],
    ['a tag that its path gives it', tags('inn:42'), inn, true],
    ['another tag of the same family', tags('inn:43'), inn, false],
    ['all tags of the family', writing({ tagPatterns: [['inn:', '']] }), inn, true],
    ['all tags of another family', writing({ tagPatterns: [['step:', '']] }), inn, false],
    ['a tag that its body may give it', tags('inn:9'), step, true],
    ['a tag of a family that it has nothing of', tags('slug:x'), step, false],
    ['what it names by tags, of which this may be one', { ...tags('inn:9'), opaque: ['inn:'] }, plain, true],
    ['what it names by tags, of which this has another', { ...tags('inn:9'), opaque: ['inn:'] }, inn, false],
  ])('%s', (_, writes, reads, expected) => {
    expect(conflict(writes, reads)).toBe(expected);
  });

  test('a write that names hundreds of things conflicts with everything', () => {
    const many = paths(...Array.from({ length: 300 }, (_, i) => `/x/${i}`));
    expect([...postedTerms(many, knowledge)]).toEqual(['*']);
    expect(conflict(many, plain)).toBe(true);
  });
});

const segment = fc.constantFrom('a', 'b', '1', '*', '**');
const aPath = fc.array(fc.constantFrom('a', 'b', '1'), { maxLength: 3 }).map((each) => `/${each.join('/')}`);
const aPattern = fc.array(segment, { minLength: 1, maxLength: 3 }).map((each) => `/${each.join('/')}`);
const aTag = fc.constantFrom('inn:1', 'inn:2', 'step:1', 'other', 'inn');
const aHits = fc.record({
  paths: fc.array(aPath),
  patterns: fc.array(aPattern),
  tags: fc.array(aTag),
  parts: fc.array(aTag),
});

test('what covers a representation is never taken for disjoint from it', () => {
  fc.assert(
    fc.property(aHits, aPath, fc.array(fc.constantFrom('inn:1', 'inn:2', 'step:1')), (made, path, carried) => {
      const coverage = {
        tags: new Set([...made.paths.map(pathTag), ...made.tags.map(namedTag)]),
        patterns: made.patterns,
        tagPatterns: made.parts.map((part) => [part.slice(0, 3), '']),
      };
      const reads = { path, tags: carried, open: [] };
      if (!isCoveredBy({ path, tags: [pathTag(path), ...carried.map(namedTag)] }, coverage)) return;
      expect(mayCover(coverage, reads, knowledge)).toBe(true);
      expect(conflict({ coverage, below: [], opaque: [] }, reads)).toBe(true);
    }),
  );
});

describe('whether a record may cover what a write read', () => {
  test.each<[string, Partial<Coverage>, Representation, boolean]>([
    ['a tag that the body may have given it', { tags: new Set([namedTag('inn:9')]) }, step, true],
    ['a tag that another name of it may be', { tags: new Set([namedTag('inn:9')]) }, plain, true],
    ['another tag of a family that is known of it', { tags: new Set([namedTag('inn:9')]) }, inn, false],
    ['a group that only the origin knows', { tags: new Set([namedTag('menu')]) }, plain, true],
    ['a wildcard over what the body may have given', { tagPatterns: [['in', '']] }, step, true],
    ['another query of the path', { tags: new Set([queryTag('/inns/42', 'x=1')]) }, plain, false],
  ])('%s', (_, coverage, reads, expected) => {
    expect(mayCover({ ...nothingCovered, ...coverage }, reads, knowledge)).toBe(expected);
  });
});

test('encoded terms hold no blank and no comma of their own, and equal terms are equal', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (terms) => {
      const encoded = encodeTerms(terms);
      expect(encoded).toMatch(/^[a-z0-9,]*$/);
      expect(encodeTerms(terms)).toBe(encoded);
      expect(encoded.split(',').length).toBe(Math.max(1, terms.length));
    }),
  );
});

describe('families of tags', () => {
  const families = new TagFamilies(['inn:', 'inn:room:', 'step:', 'st', '']);
  test('with a template that begins with a placeholder there is one', () => {
    expect(['inn:1', 'anything', ''].map((tag) => families.of(tag))).toEqual(['', '', '']);
  });
  test.each([
    ['inn:1', 'inn:'],
    ['inn:room:1', 'inn:'],
    ['step:7', 'st'],
    ['in', undefined],
    ['zzz', undefined],
  ])('%s is of the family %s', (tag, family) => {
    expect(new TagFamilies(['step:', 'inn:room:', 'inn:', 'st']).of(tag)).toBe(family);
  });
  test('a wildcard is related to all that it may be of', () => {
    expect(new TagFamilies(['inn:', 'inner:', 'step:']).related('in')).toEqual(['inn:', 'inner:']);
    expect(new TagFamilies(['inn:']).related('inn:4')).toEqual(['inn:']);
  });
});

test.each([
  ['/a/b', ['/a/b', '/a', '']],
  ['/', ['/', '']],
])('the ancestry of %s', (path, expected) => {
  expect(ancestry(path)).toEqual(expected);
});

test.each([
  ['/steps/*', '/steps'],
  ['/a/*/b', '/a'],
  ['/**', ''],
  ['/a/b', '/a/b'],
])('the literal head of %s', (pattern, expected) => {
  expect(literalHead(pattern)).toBe(expected);
});
