import { expect, test } from 'vitest';
import { WritesInFlight } from '../../src/coherence/in-flight.ts';
import { type Invalidation, nothingHit } from '../../src/coherence/record.ts';
import { pathTag } from '../../src/coherence/tag.ts';

const record = (...paths: string[]): Invalidation => ({
  hits: { ...nothingHit, tags: new Set(paths.map(pathTag)) },
  announcements: [
    { type: 'invalidate', paths, tags: [], cause: { method: 'PATCH', path: paths[0] ?? '', rule: null } },
  ],
});

test('a later write takes over what an earlier one to the same resource has hit', () => {
  const writes = new WritesInFlight();
  writes.note(record('/accommodations/42', '/steps/1'));
  const later = writes.begin('/accommodations/42');
  const other = writes.begin('/accommodations/43');
  writes.note(record('/accommodations/42', '/steps/7'));
  writes.note(record('/accommodations/42', '/steps/9'));
  writes.note(record('/accommodations/99', '/steps/2'));
  expect([...later.inherited().hits.tags]).toEqual(['/accommodations/42', '/steps/7', '/steps/9'].map(pathTag));
  expect(later.inherited().paths).toEqual(['/accommodations/42', '/steps/7', '/steps/9']);
  expect(other.inherited().hits.tags.size).toBe(0);
});

test('a pattern that covers the resource is inherited too', () => {
  const writes = new WritesInFlight();
  const write = writes.begin('/accommodations/42');
  writes.note({ hits: { ...nothingHit, patterns: ['/accommodations/*', '/steps/*'] }, announcements: [] });
  expect(write.inherited().hits.patterns).toEqual(['/accommodations/*', '/steps/*']);
});

test('nothing is kept of writes that have ended', () => {
  const writes = new WritesInFlight();
  const first = writes.begin('/a');
  const second = writes.begin('/a');
  expect(writes.size).toBe(2);
  first.end();
  first.end();
  writes.note(record('/a', '/b'));
  expect(first.inherited().hits.tags.size).toBe(0);
  expect(second.inherited().hits.tags.size).toBe(2);
  second.end();
  expect(writes.size).toBe(0);
});

test.each([
  ['the same resource', '/accommodations/42', true],
  ['the collection that it is in: a batch', '/accommodations', true],
  ['another resource', '/accommodations/43', false],
  ['a resource whose name it begins with', '/accommodations/4', false],
  ['one below it', '/accommodations/42/photos', false],
])('a write waits for the records of those beside it: %s', async (_what, path, waits) => {
  const writes = new WritesInFlight();
  const other = writes.begin(path);
  const mine = writes.begin('/accommodations/42');
  let done = false;
  const waiting = mine.othersRecorded().then(() => {
    done = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toBe(!waits);
  writes.begin('/accommodations/42');
  other.recorded();
  await waiting;
});

test.each([
  ['the same resource', '/accommodations/42', false],
  ['the collection that it is in: a batch', '/accommodations', false],
  ['one below it', '/accommodations/42/photos', false],
  ['another resource', '/accommodations/43', true],
  ['a resource whose name it begins with', '/accommodations/421', true],
])('a write knows whether it was alone: %s', (_what, path, alone) => {
  // Whichever of the two began first, and also where the other has ended.
  for (const otherFirst of [true, false]) {
    const writes = new WritesInFlight();
    const begin = [path, '/accommodations/42'].map((each) => () => writes.begin(each));
    const begun = (otherFirst ? begin : begin.reverse()).map((each) => each());
    const [other, mine] = otherFirst ? begun : begun.reverse();
    other?.end();
    expect(mine?.alone).toBe(alone);
    expect(writes.begin('/elsewhere').alone).toBe(true);
  }
});

test('a write is not alone once a record has hit its resource', () => {
  const writes = new WritesInFlight();
  const write = writes.begin('/accommodations/42');
  writes.note(record('/accommodations/42', '/steps/7'));
  expect(write.alone).toBe(false);
});
