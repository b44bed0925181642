import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { configFile, run } from './run.ts';

const config = `origin: { url: http://api.example }
routes: [{ match: /steps/:stepId, cache: { ttl: 60s } }]
rules: [{ name: bed, on: 'PUT /beds/:id', invalidate: ['/steps/{response.stepId}'] }]
`;

const logged = (second: string, request: string, behind = '') =>
  `10.0.0.1 - - [21/Nov/2026:10:00:${second} +0000] "${request} HTTP/1.1" 200 1024 "-" "-"${behind}`;

const lines = [
  logged('00', 'GET /steps/7'),
  logged('01', 'GET /steps/7'),
  'nonsense',
  logged('02', 'PUT /beds/1'),
  logged('03', 'GET /steps/7'),
  logged('04', 'GET /other'),
];

function logFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'unstale-replay-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'access.log');
  writeFileSync(file, text);
  return file;
}

it('prints what a configuration would have made of a log', async () => {
  const { code, stdout, stderr } = await run(['replay', '-c', configFile(config), logFile(lines.join('\n'))]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [before, after] = stdout.split('what the log does not tell\n');
  expect(before?.replace(/[\d.]+ KiB stored/, '… stored')).toBe(
    `5 of 6 lines replayed
from 2026-11-21T10:00:00.000Z to 2026-11-21T10:00:04.000Z
1 line cannot be read:
  3: no [time]: nonsense

reads           4, of which 25.0 % from memory (1 hit); if each rule knew its ids, at most 50.0 %
requests saved  1 (25.0 %) of the reads never reach the API
bytes saved     1.0 KiB of 4.0 KiB (25.0 %)
memory          … stored at the peak, of 256.0 MiB (store.memory.maxSize); nothing evicted
staleness       a cache with these lifetimes that ignores writes: 2 hits, at least 0 of them stale

route           reads  hits          waited  to the API  bytes saved  not stored, mostly
/steps/:stepId      3     1  33.3 %       0           2      1.0 KiB
(no route)          1     0   0.0 %       0           1          0 B  no-freshness (1)

1 write, 1 with an effect; 1 stored response dropped
rule                    writes  ids known  wildcard  left out  skipped  dropped  stale hits prevented
(the written resource)       1          1         0         0        0        0                     0
bed                          1          0         1         0        0        1                     0

`,
  );
  expect(after).toMatch(/^ {2}Vary: unknown\./);
});

it('--json: one line for machines', async () => {
  const { code, stdout } = await run(['replay', '--json', '-c', configFile(config), logFile(lines.join('\n'))]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^[^\n]+\n$/);
  expect(JSON.parse(stdout)).toMatchObject({
    log: { format: 'access log', lines: 6, replayed: 5, unreadable: 1 },
    reads: { requests: 4, hits: 1, hitRatio: 0.25, ttlOnly: { hits: 2, staleHits: 0 } },
    routes: [
      { route: '/steps/:stepId', requests: 3, hits: 1 },
      { route: null, requests: 1, notStored: { 'no-freshness': 1 } },
    ],
    writes: { requests: 1, recorded: 1, dropped: 1 },
    rules: [{ rule: null }, { rule: 'bed', writes: 1, wildcard: 1, dropped: 1 }],
    memory: { maxBytes: 256 * 1024 * 1024, evicted: 0 },
  });
});

it.each([
  ['--limit', ['--limit', '2'], { log: { replayed: 2 } }],
  ['--from and --to', ['--from', '2026-11-21T10:00:01Z', '--to', '2026-11-21T10:00:03Z'], { log: { replayed: 2 } }],
  ['--assume-ttl', ['--assume-ttl', '60s'], { routes: [{}, { route: null, notStored: {} }] }],
  ['--max-size', ['--max-size', '4MiB'], { memory: { maxBytes: 4 * 1024 * 1024 } }],
])('%s', async (_, options, expected) => {
  const { code, stdout } = await run([
    'replay',
    '--json',
    '-c',
    configFile(config),
    ...options,
    logFile(lines.join('\n')),
  ]);
  expect({ code, report: JSON.parse(stdout) }).toMatchObject({ code: 0, report: expected });
});

it('- reads standard input', async () => {
  const { code, stdout } = await run(['replay', '--json', '-c', configFile(config), '-'], { stdin: lines.join('\n') });
  expect({ code, report: JSON.parse(stdout) }).toMatchObject({ code: 0, report: { reads: { requests: 4, hits: 1 } } });
});

it('--duration: the unit of a number that could be anything', async () => {
  const file = logFile(logged('00', 'GET /steps/7', ' 250000'));
  const { stdout } = await run(['replay', '--json', '-c', configFile(config), '--duration', 'us', file]);
  expect(JSON.parse(stdout)).toMatchObject({ log: { withDuration: 1, from: '2026-11-21T09:59:59.750Z' } });
});

it.each([
  ['an empty log', '', 1, 'the log is empty\n  hint: give an access log in the combined format, or a HAR\n'],
  ['another format', 'a\nb\n', 1, 'none of 2 lines can be read; 1: no [time]: a\n  hint: the common and'],
  ['JSON that is no HAR', '{"a":1}', 1, 'it is JSON without log.entries\n  hint: give a HAR'],
])('%s is an error with a hint', async (_, text, code, message) => {
  const result = await run(['replay', '-c', configFile(config), logFile(text)]);
  expect(result).toMatchObject({ code, stdout: '' });
  expect(result.stderr).toContain(message);
});

it.each([
  ['a log that does not exist', ['none.log'], /^unstale: none\.log cannot be read: ENOENT/],
  ['a folder', ['.'], /^unstale: \. cannot be read: EISDIR/],
  ['a limit that is no number', ['--limit', 'x', 'a.log'], /--limit x: write a number of lines/],
  ['a unit that is none', ['--duration', 'min', 'a.log'], /--duration min: write s, ms or us/],
  ['a time that is none', ['--from', 'noon', 'a.log'], /--from "noon" is not a time: write 2026-/],
  ['a lifetime without a unit', ['--assume-ttl', '60', 'a.log'], /--assume-ttl: "60" has no unit; write a duration/],
  ['a size that is too small', ['--max-size', '1B', 'a.log'], /--max-size: "1B" is too small; the minimum is 1MiB/],
])('exits 2 for %s', async (_, options, message) => {
  const { code, stdout, stderr } = await run(['replay', '-c', configFile(config), ...options]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(message);
});

it('exits 2 for an invalid configuration', async () => {
  const { code, stderr } = await run(['replay', '-c', configFile('routes: 7\n'), logFile(lines.join('\n'))]);
  expect(code).toBe(2);
  expect(stderr).toContain('error:');
});
