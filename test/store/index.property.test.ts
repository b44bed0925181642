import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fence } from '../../src/coherence/fence.ts';
import { nothingCovered } from '../../src/coherence/record.ts';
import {
  type Coverage,
  isCoveredBy,
  namedTag,
  pathTag,
  queryTag,
  severalQueriesTag,
  type Tag,
} from '../../src/coherence/tag.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { StoredResponse } from '../../src/store/stored-response.ts';
import { stored } from '../support/stored.ts';

/* The indexes of the memory tier, compared with a look at every response: what they miss would be served stale. */

const path = fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/a/c', '/b');
const query = fc.constantFrom('', 'x=1', 'x=2');
const name = fc.constantFrom('n', 'n:1', 'n:2');

/** How the tags of a response are listed: its own path and query come first, unless something else made it. */
const listed: readonly ((path: string, query: string) => Tag[])[] = [
  (path, query) => [pathTag(path), queryTag(path, query)],
  (path, query) => [pathTag(path), queryTag(path, query), severalQueriesTag(path), pathTag(`${path}-alias`)],
  (path, query) => [queryTag(path, query), pathTag(path)],
  (path) => [pathTag(path)],
];

const tag: fc.Arbitrary<Tag> = fc.oneof(
  path.map(pathTag),
  path.map((of) => pathTag(`${of}-alias`)),
  fc.tuple(path, query).map(([of, asked]) => queryTag(of, asked)),
  path.map(severalQueriesTag),
  name.map(namedTag),
);

const coverage: fc.Arbitrary<Coverage> = fc.record({
  tags: fc.array(tag, { maxLength: 2 }).map((tags) => new Set(tags)),
  patterns: fc.array(fc.constantFrom('/*', '/a/*', '/a/**', '/**', '/*/b'), { maxLength: 1 }),
  tagPatterns: fc.array(fc.constant(['n:', '']), { maxLength: 1 }),
});

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      path,
      query,
      names: fc.uniqueArray(name, { maxLength: 2 }),
      how: fc.nat({ max: listed.length - 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('invalidate' as const), coverage }) },
);

test('an invalidation removes what it covers, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const store = new MemoryStore({ maxBytes: 1e9, maxEntryBytes: 1e6, maxVariants: 8 }, new Fence());
      const model = new Map<string, StoredResponse>();
      for (const each of steps) {
        if (each.kind === 'put') {
          const tags = [...(listed[each.how]?.(each.path, each.query) ?? []), ...each.names.map(namedTag)];
          const key = `http://host\n${each.path}\n${each.query}`;
          const response = stored(each.path, { key, tags });
          expect(response.tags).toEqual(tags);
          expect(store.put(response)).toBeUndefined();
          model.set(key, response);
        } else if (each.kind === 'remove') {
          const [key, response] = [...model][each.which % model.size] ?? [];
          if (response === undefined || key === undefined) continue;
          store.remove(response);
          model.delete(key);
        } else {
          const covered = [...model].filter(([, response]) => isCoveredBy(response, each.coverage));
          expect(store.coveredBy(each.coverage)).toEqual(new Set(covered.map(([, response]) => response)));
          expect(store.invalidate(each.coverage)).toBe(covered.length);
          for (const [key] of covered) model.delete(key);
        }
        expect(store.size).toBe(model.size);
      }
      // Whatever is left over in an index would be found by one of these.
      for (const response of model.values()) store.remove(response);
      const everything = { ...nothingCovered, patterns: ['/**'], tagPatterns: [['', '']] };
      expect(store.coveredBy(everything).size).toBe(0);
    }),
    { numRuns: 2_000 },
  );
});

test('every tag finds those that carry it', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(path, query, name), { maxLength: 12 }), tag, (puts, asked) => {
      const store = new MemoryStore({ maxBytes: 1e9, maxEntryBytes: 1e6, maxVariants: 8 }, new Fence());
      const all = new Map<string, StoredResponse>();
      for (const [of, by, named] of puts) {
        const key = `http://host\n${of}\n${by}`;
        all.set(key, stored(of, { key, tags: [pathTag(of), queryTag(of, by), namedTag(named)] }));
        store.put(all.get(key) as StoredResponse);
      }
      const carriers = [...all.values()].filter(({ tags }) => tags.includes(asked));
      expect(new Set(store.tagged(asked))).toEqual(new Set(carriers));
    }),
    { numRuns: 1_000 },
  );
});
