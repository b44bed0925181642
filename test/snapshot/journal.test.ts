import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FileJournal } from '../../src/snapshot/journal.ts';
import { covering, files, folder, open, pathOf, pathsIn, runWith, told, useJournalRig } from './journal-rig.ts';

useJournalRig();

describe('what a snapshot has missed', () => {
  test('is what was invalidated since it was begun, by its own run and by later ones', async () => {
    const { journal, segment } = runWith(['/b'], ['/a']);
    journal.rotate();
    journal.append(covering('/c'));
    journal.end();
    const second = open();
    second.append(covering('/d'));
    second.end();
    expect(told(await open().since(segment))).toEqual({ why: 'known', paths: ['/b', '/c', '/d'] });
  });

  test('is as it was invalidated: tags, patterns and tags with wildcards', async () => {
    const { journal, segment } = runWith([]);
    const coverage = { tags: new Set(['t:step:7 "ü"\n']), patterns: ['/steps/*'], tagPatterns: [['a:', '']] };
    journal.append(coverage);
    journal.end();
    expect(await open().since(segment)).toEqual({ known: true, coverages: [coverage] });
  });

  test('is in the file once append returns, and each name once in a segment', () => {
    const { journal } = runWith(['/a']);
    const size = statSync(pathOf(2)).size;
    journal.append(covering('/a', '/b'));
    const text = readFileSync(pathOf(2), 'utf8');
    expect([text.split('p:/a').length, text.split('p:/b').length]).toEqual([2, 2]);
    journal.append(covering('/b', '/a'));
    expect(statSync(pathOf(2)).size).toBe(text.length);
    expect(size).toBeLessThan(text.length);
    journal.rotate();
    journal.append(covering('/a'));
    expect(readFileSync(pathOf(3), 'utf8')).toContain('p:/a');
  });

  test('falls back to wildcards for one write of thousands of targets', async () => {
    const { journal, segment } = runWith([]);
    journal.append(covering(...Array.from({ length: 20_000 }, (_, i) => `/items/${i}`)));
    journal.end();
    expect(told(await open().since(segment))).toEqual({ why: 'known', paths: ['/items/*'] });
  });

  test('is not known of a segment of this run, or of a name that is none', async () => {
    const { journal, segment } = runWith(['/a']);
    for (const name of [segment, '', 'x', '-1_x', '99999999999999999999_x'])
      expect(await journal.since(name)).toMatchObject({ known: false });
  });
});

describe('in doubt', () => {
  const unclean = 'the gateway did not stop cleanly';

  test('after a run that did not end, and after all that follow', async () => {
    const { segment } = runWith(['/a']);
    const second = open();
    second.append(covering('/b'));
    second.end();
    const third = open();
    expect(told(await third.since(segment))).toEqual({ why: unclean, paths: ['/a', '/b'] });
    third.end();
    expect(told(await open().since(segment))).toEqual({ why: unclean, paths: ['/a', '/b'] });
  });

  test('after a run that has invalidated nothing and did not end', async () => {
    const { journal, segment } = runWith([]);
    journal.end();
    open();
    expect(told(await open().since(segment))).toEqual({ why: unclean, paths: [] });
  });

  test('if a write is recorded after the end', async () => {
    const { journal, segment } = runWith(['/a']);
    journal.end();
    journal.append(covering('/late'));
    expect(told(await open().since(segment))).toEqual({ why: unclean, paths: ['/a', '/late'] });
  });

  test.each<[string, (content: Buffer) => Buffer, string[]]>([
    ['torn in its last line', (content) => content.subarray(0, -20), ['/a']],
    ['cut after a line', (content) => content.subarray(0, content.lastIndexOf('\n', -2) + 1), ['/a', '/b']],
    ['empty', () => Buffer.alloc(0), []],
    ['changed in one bit', (content) => flipped(content, content.indexOf('p:/a') + 2), []],
    ['without a line in the middle', (content) => without(content, 1), []],
    ['followed by zeros', (content) => Buffer.concat([content, Buffer.alloc(512)]), ['/a', '/b']],
    ['followed by a line', (content) => Buffer.concat([content, Buffer.from('x\n')]), ['/a', '/b']],
    ['another text', () => Buffer.from('hello\nworld\n'), []],
    ['too large', () => Buffer.alloc(17 * 1024 * 1024, 10), []],
  ])('if a segment is %s', async (_, change, paths) => {
    const { journal, segment } = runWith(['/a', '/b']);
    journal.end();
    writeFileSync(pathOf(2), change(readFileSync(pathOf(2))));
    const second = open();
    second.append(covering('/c'));
    second.end();
    const missed = await open().since(segment);
    expect(missed.known).toBe(false);
    expect(pathsIn(missed)).toEqual(['/c', ...paths].sort());
  });

  test.each([[2], [3]])('if segment %i of 2 to 4 is missing', async (number) => {
    const { journal, segment } = runWith(['/a']);
    journal.rotate();
    journal.end();
    open().end();
    rmSync(pathOf(number));
    const later = open();
    // The number of a segment that is missing at the end is given again.
    later.end();
    const missed = await open().since(segment);
    expect(missed.known).toBe(false);
  });

  test('if the files are those of another time', async () => {
    const { journal, segment } = runWith(['/a']);
    journal.end();
    for (const name of files()) rmSync(join(folder, name));
    const other = runWith(['/b']);
    other.journal.end();
    expect(told(await open().since(segment))).toEqual({ why: 'its journal is another one', paths: ['/b'] });
    renameSync(pathOf(1), pathOf(9));
    expect(await open().since(segment)).toMatchObject({ known: false });
  });

  test.each([
    ['entries', { entries: 2, bytes: 1_000 }],
    ['bytes', { entries: 100, bytes: 250 }],
  ])('if there are more %s than are kept, until the next snapshot is begun', async (_, bounds) => {
    const { journal: first, segment } = runWith([]);
    first.end();
    const journal = open(bounds);
    const own = journal.rotate();
    for (const path of ['/a', '/b', '/c', '/d']) journal.append(covering(path));
    // It holds what it may, and nothing that is of no use.
    expect(files()).toEqual(['journal-4']);
    expect(statSync(pathOf(4)).size).toBeLessThan(bounds.bytes + 200);
    const next = journal.rotate();
    journal.append(covering('/e'));
    journal.end();
    const later = open();
    expect(await later.since(segment)).toMatchObject({ known: false });
    expect(await later.since(own)).toMatchObject({ known: false, why: 'too much was invalidated since' });
    expect(told(await later.since(next))).toEqual({ why: 'known', paths: ['/e'] });
  });

  test('if more names are covered than can be compared', async () => {
    const { journal, segment } = runWith([]);
    const patterns = (from: number) => Array.from({ length: 300 }, (_, i) => `/a/*/${from + i}`);
    journal.append({ ...covering(), patterns: patterns(0) });
    journal.end();
    const second = open();
    expect(await second.since(segment)).toMatchObject({ known: true });
    second.append({ ...covering(), patterns: patterns(300) });
    second.end();
    expect(await open().since(segment)).toMatchObject({ known: false, why: 'too much was invalidated since' });
  });

  test('if earlier runs have left more than is kept', async () => {
    const { journal, segment } = runWith(['/a']);
    journal.end();
    const later = open({ entries: 10, bytes: 100 });
    expect(files()).toEqual(['journal-3']);
    expect(await later.since(segment)).toMatchObject({ known: false });
  });
});

describe('segments', () => {
  test('are removed once no snapshot needs them', async () => {
    const { journal, segment } = runWith(['/a']);
    journal.release(segment);
    expect(files()).toEqual(['journal-2']);
    const next = journal.rotate();
    journal.append(covering('/b'));
    journal.end();
    const second = open();
    second.release(next);
    expect(files()).toEqual(['journal-3', 'journal-4']);
    expect(told(await second.since(next))).toEqual({ why: 'known', paths: ['/b'] });
    second.release(second.rotate());
    expect(files()).toEqual(['journal-5']);
  });

  test('can be read by a process that does not own them, which learns that they are gone', async () => {
    const { journal, segment } = runWith(['/a']);
    journal.rotate();
    journal.append(covering('/b'));
    const coverages = (await FileJournal.read(folder, segment)) ?? [];
    expect(pathsIn({ known: true, coverages })).toEqual(['/a', '/b']);
    // A newer snapshot is there.
    journal.release(journal.rotate());
    expect(await FileJournal.read(folder, segment)).toBeUndefined();
    journal.end();
  });

  test('leave files of other names alone', () => {
    const names = ['journal-', 'journal-1.bak', 'snapshot'];
    for (const name of names) writeFileSync(join(folder, name), 'x');
    const journal = open();
    journal.release(journal.rotate());
    expect(files()).toEqual([...names, 'journal-2'].sort());
  });

  test('are readable by their owner only: paths may be confidential', () => {
    open();
    expect(statSync(pathOf(1)).mode & 0o777).toBe(0o600);
  });
});

test('a file in place of a folder is refused', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => FileJournal.open(join(folder, 'file'), { failed: () => {} })).toThrow('EEXIST');
});

function flipped(content: Buffer, at: number): Buffer {
  content[at] = (content[at] ?? 0) ^ 1;
  return content;
}

function without(content: Buffer, line: number): Buffer {
  return Buffer.from(content.toString().split('\n').toSpliced(line, 1).join('\n'));
}
