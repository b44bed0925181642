import { expect, test } from 'vitest';
import { Publisher } from '../../src/coherence/publisher.ts';
import type { Coverage } from '../../src/coherence/tag.ts';

/* Publishing while a server of the tier is away, in virtual time. */

const of = (path: string): Coverage => ({ tags: new Set([path]), patterns: [], tagPatterns: [] });
const isAll = ({ patterns }: Coverage): boolean => patterns.join() === '/**';
const nameOf = (coverage: Coverage): string => (isAll(coverage) ? 'everything' : [...coverage.tags].join());

function stage(answer: (coverage: Coverage) => Promise<void>) {
  const timers: { readonly ms: number; readonly run: () => void }[] = [];
  const told: (readonly [string, number])[] = [];
  const publisher = new Publisher({
    publish: (coverage, _epoch, seq) => {
      told.push([nameOf(coverage), seq]);
      return answer(coverage);
    },
    timers: {
      after: (ms, run) => {
        timers.push({ ms, run });
        return () => {};
      },
    },
    isOver: () => false,
  });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const elapse = async (): Promise<number[]> => {
    const due = timers.splice(0);
    for (const { run } of due) run();
    await settle();
    return due.map(({ ms }) => ms);
  };
  return { publisher, told, settle, elapse };
}

const away = (): Promise<void> => Promise.reject(new Error('away'));

test('the pauses between attempts double, up to a bound', async () => {
  const { publisher, settle, elapse } = stage(away);
  void publisher.publish(of('/a'), 'e', 1);
  await settle();
  const pauses: number[] = [];
  for (let i = 0; i < 7; i++) pauses.push(...(await elapse()));
  expect(pauses).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000]);
});

test('many records that cannot be published become one, which covers everything up to the last of them', async () => {
  // The server of what they cover is away; that of everything is not.
  const { publisher, told, settle, elapse } = stage((coverage) => (isAll(coverage) ? Promise.resolve() : away()));
  const published = Array.from({ length: 300 }, (_, i) => publisher.publish(of(`/${i}`), 'e', i + 1));
  await settle();
  expect(told).toHaveLength(300);
  told.length = 0;
  // None of them is left to be tried alone, when few are left.
  await elapse();
  expect(told).toEqual([['everything', 300]]);
  expect(await Promise.all(published)).toEqual(Array(300).fill(true));
  expect(publisher.unfinished).toBe(false);
  // All is well again.
  void publisher.publish(of('/a'), 'e', 301);
  await settle();
  expect(told.at(-1)).toEqual(['/a', 301]);
});

test('a few are tried one by one', async () => {
  const { publisher, told, settle, elapse } = stage(away);
  for (let i = 0; i < 64; i++) void publisher.publish(of(`/${i}`), 'e', i + 1);
  await settle();
  told.length = 0;
  await elapse();
  expect(told.filter(([name]) => name === 'everything')).toEqual([]);
  expect(told).toHaveLength(64);
});

test('a record that comes while everything is being published is not taken for published', async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { publisher, told, settle, elapse } = stage((coverage) => (isAll(coverage) ? held : away()));
  const published = Array.from({ length: 300 }, (_, i) => publisher.publish(of(`/${i}`), 'e', i + 1));
  await settle();
  told.length = 0;
  await elapse();
  published.push(publisher.publish(of('/late'), 'e', 301));
  await settle();
  expect(told).toEqual([
    ['everything', 300],
    ['everything', 301],
  ]);
  release();
  expect(await Promise.all(published)).toEqual(Array(301).fill(true));
});

test('everything is tried again if its server is away, too', async () => {
  let isAway = true;
  const { publisher, told, settle, elapse } = stage(async (coverage) => {
    if (isAway || !isAll(coverage)) await away();
  });
  const published = Array.from({ length: 300 }, (_, i) => publisher.publish(of(`/${i}`), 'e', i + 1));
  await settle();
  await elapse();
  told.length = 0;
  isAway = false;
  await elapse();
  expect(told).toEqual([['everything', 300]]);
  expect(await Promise.all(published)).toEqual(Array(300).fill(true));
});

test('everything that was published in one epoch says nothing of the next, whose records count from the beginning', async () => {
  const { publisher, told, settle, elapse } = stage((coverage) => (isAll(coverage) ? Promise.resolve() : away()));
  for (let i = 0; i < 300; i++) void publisher.publish(of(`/${i}`), 'e', i + 1);
  await settle();
  await elapse();
  told.length = 0;
  void publisher.publish(of('/a'), 'f', 1);
  await settle();
  expect(told).toEqual([['/a', 1]]);
});

test('everything is published up to the highest record, in whatever order they came', async () => {
  const { publisher, told, settle, elapse } = stage((coverage) => (isAll(coverage) ? Promise.resolve() : away()));
  for (let i = 0; i < 300; i++) void publisher.publish(of(`/${i}`), 'e', 300 - i);
  await settle();
  told.length = 0;
  await elapse();
  expect(told).toEqual([['everything', 300]]);
});

test('an attempt to publish everything that fails late does not undo a later one', async () => {
  const endings: ((error?: Error) => void)[] = [];
  const { publisher, told, settle, elapse } = stage((coverage) => {
    if (!isAll(coverage)) return away();
    return new Promise((resolve, reject) => endings.push((error) => (error === undefined ? resolve() : reject(error))));
  });
  const published = Array.from({ length: 300 }, (_, i) => publisher.publish(of(`/${i}`), 'e', i + 1));
  await settle();
  await elapse();
  published.push(publisher.publish(of('/late'), 'e', 301));
  await settle();
  told.length = 0;
  const [earlier, later] = endings;
  later?.();
  await settle();
  earlier?.(new Error('away'));
  await settle();
  await elapse();
  expect(told).toEqual([]);
  expect(await Promise.all(published)).toEqual(Array(301).fill(true));
});

test('a record that covers nothing is published without asking the tier', async () => {
  const { publisher, told } = stage(away);
  expect(await publisher.publish({ tags: new Set(), patterns: [], tagPatterns: [] }, 'e', 1)).toBe(true);
  expect(told).toEqual([]);
});
