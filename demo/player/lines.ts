import type { Answer } from './client.ts';
import type { Announced } from './event-stream.ts';
import type { Screen } from './screen.ts';

/** The indentation of a line, and the widths of its columns. */
const INDENT = '   ';
const METHOD_WIDTH = 8;
const TARGET_WIDTH = 26;
const STATUS_WIDTH = 4;
const TIME_WIDTH = 10;
/** The indentation of details below a target. */
const BELOW = ' '.repeat(INDENT.length + METHOD_WIDTH);
const CACHE_WIDTH = 16;
const VERDICT_WIDTH = 7;

/** `   GET     /steps/7        200    58.7 ms  unstale; hit; ttl=59` */
export function showExchange(screen: Screen, { method, target }: { method: string; target: string }, answer: Answer) {
  const { status, headers, ms } = answer;
  const cacheStatus = String(headers['cache-status'] ?? '');
  const isHit = /;\s*hit\b/.test(cacheStatus);
  screen.line(
    [
      INDENT,
      screen.paint('bold', method.padEnd(METHOD_WIDTH)),
      target.padEnd(TARGET_WIDTH),
      String(status).padEnd(STATUS_WIDTH),
      timeText(ms),
      '  ',
      isHit ? screen.paint('green', cacheStatus) : screen.paint('dim', cacheStatus),
    ].join(''),
  );
}

/** `           4 nights, 2 activities; Guesthouse Sunna` */
export function showBelow(screen: Screen, text: string): void {
  screen.line(screen.paint('dim', BELOW + text));
}

/** Shows an event: its type and its time, or its cause if no time is given; below that, what it invalidates. */
export function showEvent(screen: Screen, { type, paths, tags, cause }: Announced, ms?: number): void {
  const rest = ms === undefined ? `${cause.method} ${cause.path}` : ' '.repeat(STATUS_WIDTH) + timeText(ms);
  screen.line(INDENT + screen.paint('cyan', 'event'.padEnd(METHOD_WIDTH)) + type.padEnd(TARGET_WIDTH) + rest);
  showBelow(screen, [...paths, ...tags.map((tag) => `tag ${tag}`)].join('  '));
}

/** `           ordinary cache  old    3 nights, 2 activities; Guesthouse Sunna  (for another 299 s)` */
export function showServed(
  screen: Screen,
  { cache, view, isCurrent, remark = '' }: { cache: string; view: string; isCurrent: boolean; remark?: string },
): void {
  const verdict = verdictOf(screen, isCurrent, { word: isCurrent ? 'fresh' : 'old', text: view });
  screen.line(BELOW + cache.padEnd(CACHE_WIDTH) + verdict + (remark === '' ? '' : screen.paint('dim', `  ${remark}`)));
}

/** `           ordinary cache  lost   nights of Ada` */
export function showKept(
  screen: Screen,
  { cache, text, isKept }: { cache: string; text: string; isKept: boolean },
): void {
  const verdict = verdictOf(screen, isKept, { word: isKept ? 'kept' : 'lost', text });
  screen.line(BELOW + cache.padEnd(CACHE_WIDTH) + verdict);
}

function verdictOf(screen: Screen, isGood: boolean, { word, text }: { word: string; text: string }): string {
  return screen.paint(isGood ? 'green' : 'red', word.padEnd(VERDICT_WIDTH) + text);
}

function timeText(ms: number): string {
  return `${ms.toFixed(1)} ms`.padStart(TIME_WIDTH);
}
