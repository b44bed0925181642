import type { ReadFigures, ReplayReport } from '../replay/report.ts';
import { plural } from './configuration.ts';

/** A report for people. */
export function formatReplay(report: ReplayReport): string {
  const { log, reads, writes, memory, assumed } = report;
  const lines = [
    ...headOf(report),
    '',
    `reads           ${reads.requests}, of which ${percent(reads.hits, reads.requests)} from memory (${plural(reads.hits, 'hit')})${atMost(report)}`,
    `requests saved  ${saved(reads.requests - reads.originRequests, reads.requests)} of the reads never reach the API`,
    `bytes saved     ${bytes(reads.savedBytes)} of ${bytes(reads.bytes)} (${percent(reads.savedBytes, reads.bytes)})`,
    `memory          ${memoryOf(memory)}`,
    `staleness       ${stalenessOf(reads)}`,
    '',
    ...table(
      ['route', 'reads', 'hits', '', 'waited', 'to the API', 'bytes saved', 'not stored, mostly'],
      routesOf(report),
      [0, 7],
    ),
    '',
    `${plural(writes.requests, 'write')}, ${writes.recorded} with an effect; ${plural(writes.dropped, 'stored response')} dropped`,
    ...(writes.requests === 0
      ? []
      : table(
          ['rule', 'writes', 'ids known', 'wildcard', 'left out', 'skipped', 'dropped', 'stale hits prevented'],
          rulesOf(report),
          [0],
        )),
    '',
    'what the log does not tell',
    ...assumed.map((each) => `  ${each}`),
  ];
  if (log.hosts > 1) lines.push(`  It has requests to ${log.hosts} hosts; --host NAME keeps one.`);
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function headOf({ log, passed }: ReplayReport): string[] {
  const what = (count: number): string =>
    log.format === 'HAR' ? `${count} ${count === 1 ? 'entry' : 'entries'}` : plural(count, 'line');
  const others = [
    ...(log.leftOut > 0 ? [`${log.leftOut} left out`] : []),
    ...(log.refused > 0 ? [`${log.refused} that the gateway refuses (400)`] : []),
    ...(passed > 0 ? [`${passed} neither read nor write`] : []),
  ];
  const head = [
    `${log.replayed} of ${what(log.lines)} replayed${others.length > 0 ? ` (${others.join(', ')})` : ''}`,
    `from ${log.from} to ${log.to}`,
  ];
  if (log.unreadable === 0) return head;
  head.push(`${what(log.unreadable)} cannot be read:`);
  for (const { at, reason, excerpt } of log.firstUnreadable)
    head.push(`  ${at}: ${reason}${excerpt && `: ${excerpt}`}`);
  return head;
}

/** Dropping what is known alone leaves more hits, and dropping nothing leaves the most. */
function atMost({ reads, rules }: ReplayReport): string {
  if (rules.every(({ wildcard }) => wildcard === 0)) return '';
  return `; if each rule knew its ids, at most ${percent(reads.ttlOnly.hits, reads.requests)}`;
}

function memoryOf({ maxBytes, peakBytes, evicted, evictedFresh }: ReplayReport['memory']): string {
  const peak = `${bytes(peakBytes)} stored at the peak, of ${bytes(maxBytes)} (store.memory.maxSize)`;
  if (evicted === 0) return `${peak}; nothing evicted`;
  return `${peak}; ${evicted} evicted, ${evictedFresh} of them while still fresh`;
}

function stalenessOf({ ttlOnly }: ReadFigures): string {
  const { hits, staleHits } = ttlOnly;
  return `a cache with these lifetimes that ignores writes: ${plural(hits, 'hit')}, at least ${staleHits} of them stale`;
}

function routesOf({ routes }: ReplayReport): string[][] {
  return routes.map(({ route, notStored, ...reads }) => {
    const [most] = Object.entries(notStored).sort(([, a], [, b]) => b - a);
    return [
      route ?? '(no route)',
      `${reads.requests}`,
      `${reads.hits}`,
      reads.requests === 0 ? '' : percent(reads.hits, reads.requests),
      `${reads.collapsed}`,
      `${reads.originRequests}`,
      bytes(reads.savedBytes),
      most === undefined ? '' : `${most[0]} (${most[1]})`,
    ];
  });
}

function rulesOf({ rules }: ReplayReport): string[][] {
  return rules.map(({ rule, writes, resolved, wildcard, leftOut, skipped, dropped, staleHits }) => [
    rule ?? '(the written resource)',
    ...[writes, resolved, wildcard, leftOut, skipped, dropped, staleHits].map(String),
  ]);
}

/** Columns two spaces apart, texts to the left and numbers to the right. `texts`: the columns that are texts. */
function table(head: readonly string[], rows: readonly (readonly string[])[], texts: readonly number[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)));
  const padded = (cell: string, i: number): string =>
    texts.includes(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  return all.map((row) => row.map(padded).join('  '));
}

const saved = (part: number, whole: number): string => `${part} (${percent(part, whole)})`;

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`;
}

function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let amount = count;
  let unit = 0;
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${units[unit]}`;
}
