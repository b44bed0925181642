import { describe, expect, test } from 'vitest';
import { WritesInFlight } from '../../src/coherence/in-flight.ts';
import { type Invalidation, nothingCovered } from '../../src/coherence/record.ts';
import { pathTag } from '../../src/coherence/tag.ts';

const record = (...paths: string[]): Invalidation => ({
  coverage: { ...nothingCovered, tags: new Set(paths.map(pathTag)) },
  announcements: [
    { type: 'invalidate', paths, tags: [], cause: { method: 'PATCH', path: paths[0] ?? '', rule: null } },
  ],
});

/** A write to a resource that selects from its representation. */
function begin(writes: WritesInFlight, path: string) {
  const coverage = { ...nothingCovered, tags: new Set([pathTag(path)]) };
  return writes.begin({ coverage, below: [path], opaque: [] }, [{ path, tags: [], open: [] }]);
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what a write carries over', () => {
  test('are the targets of records that cover what it reads, from when it began', () => {
    const writes = new WritesInFlight();
    writes.note(record('/accommodations/42', '/steps/1'));
    const later = begin(writes, '/accommodations/42');
    const other = begin(writes, '/accommodations/43');
    writes.note(record('/accommodations/42', '/steps/7'));
    writes.note(record('/accommodations/42', '/steps/9'));
    writes.note(record('/accommodations/99', '/steps/2'));
    expect([...later.carriedOver().coverage.tags]).toEqual(['/accommodations/42', '/steps/7', '/steps/9'].map(pathTag));
    expect(later.carriedOver().paths).toEqual(['/accommodations/42', '/steps/7', '/steps/9']);
    expect(other.carriedOver().coverage.tags.size).toBe(0);
  });

  test('are those of a pattern that covers it, too', () => {
    const writes = new WritesInFlight();
    const write = begin(writes, '/accommodations/42');
    writes.note({ coverage: { ...nothingCovered, patterns: ['/accommodations/*', '/steps/*'] }, announcements: [] });
    expect(write.carriedOver().coverage.patterns).toEqual(['/accommodations/*', '/steps/*']);
  });

  test('are those of what its lookups read, from when it read it', () => {
    const writes = new WritesInFlight();
    const write = begin(writes, '/accommodations/42');
    writes.note(record('/steps/7', '/trips/1'));
    write.reads([{ path: '/steps/7', tags: [], open: [] }]);
    writes.note(record('/steps/7', '/trips/3'));
    expect(write.carriedOver().paths).toEqual(['/steps/7', '/trips/3']);
  });

  test('ends with its own record', () => {
    const writes = new WritesInFlight();
    const write = begin(writes, '/a');
    write.applying();
    writes.note(record('/a', '/own'));
    writes.note(record('/a', '/later'));
    expect(write.carriedOver().paths).toEqual([]);
  });
});

test('recorded writes are forgotten', () => {
  const writes = new WritesInFlight();
  const first = begin(writes, '/a');
  const second = begin(writes, '/a');
  expect(writes.size).toBe(2);
  first.recorded();
  first.recorded();
  writes.note(record('/a', '/b'));
  expect(first.carriedOver().coverage.tags.size).toBe(0);
  expect(second.carriedOver().coverage.tags.size).toBe(2);
  second.recorded();
  expect(writes.size).toBe(0);
});

test.each([
  ['the same resource', '/accommodations/42', true],
  ['the collection that it is in: a batch', '/accommodations', true],
  ['another resource', '/accommodations/43', false],
  ['a resource whose name it begins with', '/accommodations/4', false],
  ['one below it', '/accommodations/42/photos', false],
])('a write waits for the record of one in flight that may change what it reads: %s', async (_what, path, waits) => {
  const writes = new WritesInFlight();
  const other = begin(writes, path);
  const mine = begin(writes, '/accommodations/42');
  let done = false;
  const waiting = Promise.all(mine.conflicting()).then(() => {
    done = true;
  });
  await settled();
  expect(done).toBe(!waits);
  begin(writes, '/accommodations/42');
  other.recorded();
  await waiting;
});

test.each([
  ['the same resource', '/accommodations/42', true],
  ['the collection that it is in: a batch', '/accommodations', true],
  ['one below it', '/accommodations/42/photos', true],
  ['another resource', '/accommodations/43', false],
  ['a resource whose name it begins with', '/accommodations/421', false],
])('a write knows whether it conflicts with another one: %s', (_what, path, conflicted) => {
  // Whichever of the two began first, and also where the other has ended.
  for (const otherFirst of [true, false]) {
    const writes = new WritesInFlight();
    const begins = [path, '/accommodations/42'].map((each) => () => begin(writes, each));
    const begun = (otherFirst ? begins : begins.reverse()).map((each) => each());
    const [other, mine] = otherFirst ? begun : begun.reverse();
    other?.recorded();
    expect(mine?.conflicted).toBe(conflicted);
    expect(begin(writes, '/elsewhere').conflicted).toBe(false);
  }
});

test('a write conflicts with a record that covers what it reads', () => {
  const writes = new WritesInFlight();
  const write = begin(writes, '/accommodations/42');
  writes.note(record('/accommodations/42', '/steps/7'));
  expect(write.conflicted).toBe(true);
});
