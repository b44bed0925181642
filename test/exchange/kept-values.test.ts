import { expect, test } from 'vitest';
import type { FillContext } from '../../src/exchange/read/judge.ts';
import { storedResponse } from '../../src/exchange/read/stored-form.ts';
import { noDirectives, parseCacheControl } from '../../src/http/cache-control.ts';
import { Fields } from '../../src/http/fields.ts';
import { configOf } from '../config/parse.ts';
import { collectGarbage } from '../support/garbage.ts';

const { fallback } = configOf('origin: { url: http://127.0.0.1:1 }');
const headers = new Fields(['Vary', 'Accept-Language']);
const storability = { store: true, shareable: false, directives: noDirectives, lifetimeMs: 1_000 } as const;

/** What is stored for a client that pads what it accepts. */
function selectingOf(i: number): readonly string[] {
  const sent = Buffer.from(`en-aaaaaaaa-bbbbbbbb-${i}${','.repeat(980)}`).toString();
  const target = { path: '/a', resource: '/a', query: '' };
  const request = { scheme: 'http', host: 'a', method: 'GET', target, headers: new Fields(['Accept-Language', sent]) };
  const read = { request, route: { policy: fallback, tags: undefined, ignoredInTags: [] }, params: {} };
  const context = { read, asOf: 0, requestedAt: 0, respondedAt: 0 } as unknown as FillContext;
  const response = storedResponse(context, { status: 200, headers, body: Buffer.alloc(0), storability });
  if ('unstorable' in response) throw new Error(response.unstorable);
  return response.selecting;
}

test('the value that selects a variant does not keep the field that it was cut from', () => {
  expect(selectingOf(1)).toEqual(['en-aaaaaaaa-bbbbbbbb-1']);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: 10_000 }, (_, i) => selectingOf(i));
  collectGarbage();
  // Far more than 10,000 such values, and far less than as many fields.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
  expect(kept).toHaveLength(10_000);
});

test('what is remembered of a Cache-Control field does not keep the message that it was cut from', () => {
  const ask = (i: number): unknown => {
    const sent = Buffer.from(`max-age=${i}, no-cache="x-${i}"\r\n${'a'.repeat(16_384)}`).toString();
    return parseCacheControl(sent.slice(0, sent.indexOf('\r'))).noCache;
  };
  expect(ask(1)).toEqual(['x-1']);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  // As many as are remembered at most.
  for (let i = 0; i < 900; i++) ask(i);
  collectGarbage();
  // 900 messages would be 14 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
});
