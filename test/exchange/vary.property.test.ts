import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fence } from '../../src/coherence/fence.ts';
import { Fields } from '../../src/http/fields.ts';
import { parseVary, selectingValues } from '../../src/http/vary.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { stored } from '../support/stored.ts';

/* RFC 9111 §4.1 over the real store: a stored response is never selected by a request that its Vary excludes. */

const names = ['accept', 'accept-language', 'accept-encoding', 'x-a', 'cookie'] as const;
const blanks = fc.constantFrom('', ' ', '  ', '\t');
const value = fc
  .array(fc.tuple(blanks, fc.constantFrom('de', 'fr', 'en;q=0.5', 'gzip', 'x', 'X'), blanks), { maxLength: 3 })
  .map((members) => members.map((parts) => parts.join('')).join(','));
const request = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: names.length });
const vary = fc
  .subarray([...names])
  .map((listed) => listed.map((name, i) => (i % 2 === 0 ? name : name.toUpperCase())).join(' , '));

/**
 * Written apart from the code: equal member lists, in any order where the field is a set of preferences, are one value.
 */
function same(name: string, a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (name === 'cookie') return a === b;
  const preference = name === 'accept-language' || name === 'accept-encoding';
  // Only of a list of preferences is it known that an empty member is nothing.
  const members = (text: string): string[] =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '' || !preference);
  const form = (text: string): string => {
    const found = members(text).map((each) => (preference ? each.toLowerCase().replace(/;q=1(\.0*)?$/, '') : each));
    return (preference ? [...new Set(found)].sort() : found).join(',');
  };
  return form(a) === form(b);
}
const linesOf = (fields: Record<string, string>): string[] => Object.entries(fields).flat();

const { key } = stored('/a');

test('a request whose fields differ where Vary looks does not get the stored response', () => {
  let found = 0;
  fc.assert(
    fc.property(vary, request, request, (field, asked, later) => {
      const store = new MemoryStore({ maxBytes: 1e6, maxEntryBytes: 1e6, maxVariants: 8 }, new Fence());
      const listed = parseVary(field) as readonly string[];
      const first = new Fields(linesOf(asked));
      store.put(stored('/a', { vary: listed, selecting: selectingValues(listed, first) }));
      expect(store.select(key, first)).toBeDefined();
      const selected = store.select(key, new Fields(linesOf(later)));
      if (selected === undefined) return;
      found += 1;
      for (const name of listed) expect(same(name, asked[name as 'accept'], later[name as 'accept'])).toBe(true);
    }),
    { numRuns: 2_000 },
  );
  expect(found).toBeGreaterThan(0);
});
