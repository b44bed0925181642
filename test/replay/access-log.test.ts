import { expect, it } from 'vitest';
import { parseLine } from '../../src/replay/access-log.ts';

const at = (time: string): number => Date.parse(time);
const entryOf = (line: string, unit?: 's' | 'ms' | 'us') => {
  const parsed = parseLine(line, unit);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
};

const common = '10.0.0.1 - - [21/Nov/2026:10:00:05 +0200] "GET /steps/7?lang=de HTTP/1.1" 200 512';
const combined = `${common} "https://app.example/" "curl/8.1"`;

it.each([
  ['the common format', common, {}],
  ['the combined format', combined, {}],
  ['a size of "-" is none', common.replace(' 512', ' -'), { bytes: 0 }],
  ['a virtual host in front', `API.example:443 ${combined}`, { host: 'api.example' }],
  ['a target in absolute-form', combined.replace('/steps', 'http://api.example/steps'), { host: 'api.example' }],
  ['IPv6', combined.replace('10.0.0.1', '2001:db8::1'), {}],
  ['an escaped quote in the user agent', combined.replace('curl/8.1', 'a \\" b'), {}],
  ['a bracket in the user agent', combined.replace('curl/8.1', 'a [b] c'), {}],
  ['a request without a version', combined.replace(' HTTP/1.1', ''), {}],
])('reads %s', (_, line, expected) => {
  const { entry, wholeSeconds, durationMs } = entryOf(line);
  expect(entry).toMatchObject({
    method: 'GET',
    target: '/steps/7?lang=de',
    host: undefined,
    status: 200,
    bytes: 512,
    startedAt: at('2026-11-21T08:00:05Z'),
    bodies: undefined,
    ...expected,
  });
  expect({ wholeSeconds, durationMs }).toEqual({ wholeSeconds: true, durationMs: undefined });
});

it.each([
  ['whole seconds, west of Greenwich', '21/Nov/2026:10:00:05 -0130', '2026-11-21T11:30:05Z', true],
  ['milliseconds', '21/Nov/2026:10:00:05.250 +0000', '2026-11-21T10:00:05.250Z', false],
  ['ISO 8601 ($time_iso8601)', '2026-11-21T10:00:05+01:00', '2026-11-21T09:00:05Z', true],
  ['seconds since 1970 ($msec)', '1795255205.250', '2026-11-21T10:00:05.250Z', false],
])('reads a time in %s', (_, written, expected, whole) => {
  const { entry, wholeSeconds } = entryOf(combined.replace('21/Nov/2026:10:00:05 +0200', written));
  expect({ at: new Date(entry.endedAt).toISOString(), wholeSeconds }).toEqual({
    at: new Date(expected).toISOString(),
    wholeSeconds: whole,
  });
});

it.each([
  ['none', '', undefined, undefined],
  ['$request_time, in seconds', ' 0.250', undefined, 250],
  ['$request_time in quotes', ' "10.0.0.9" "0.250"', undefined, 250],
  ['rt=', ' rt=0.250 uct="0.000" urt="0.249"', undefined, 250],
  ['no duration: a whole number may be anything', ' 4711', undefined, undefined],
  ['%D of Apache, if it is said', ' 250000', 'us', 250],
  ['milliseconds, if it is said', ' 250', 'ms', 250],
] as const)('knows the duration: %s', (_, behind, unit, durationMs) => {
  const parsed = entryOf(`${combined}${behind}`, unit);
  expect(parsed.durationMs).toBe(durationMs);
  expect(parsed.entry.startedAt).toBe(parsed.entry.endedAt - (durationMs ?? 0));
});

it('takes a named user for credentials', () => {
  expect(entryOf(combined.replace('- - [', '- ada [')).entry.requestHeaders).toContain('Authorization');
  expect(entryOf(combined).entry.requestHeaders).not.toContain('Authorization');
});

it.each([
  ['nonsense', 'no [time]'],
  ['10.0.0.1 - - [yesterday] "GET / HTTP/1.1" 200 5', '"yesterday" is no time of a log'],
  ['10.0.0.1 - - [21/Xyz/2026:10:00:05 +0200] "GET / HTTP/1.1" 200 5', 'is no time of a log'],
  ['10.0.0.1 - - [21/Nov/2026:10:00:05 +0200] "GET / HTTP/1.1" two 5', 'no "request" status bytes'],
  ['10.0.0.1 - - [21/Nov/2026:10:00:05 +0200] "\\x16\\x03\\x01" 400 0', 'not an HTTP request line'],
  ['10.0.0.1 - - [21/Nov/2026:10:00:05 +0200] "-" 408 0', 'not an HTTP request line'],
])('says why %s cannot be read', (line, reason) => {
  expect(parseLine(line)).toContain(reason);
});
