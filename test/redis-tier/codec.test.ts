import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.ts';
import { decodeEntry, encodeEntry } from '../../src/redis/stored-response-codec.ts';
import { stored } from '../support/stored.ts';

const stamp = { epoch: 'e1', seq: 7, versions: { 'p:/steps/7': 'h:e1:3', 'P:/': 'c:x' } };

describe.each([
  ['as it is', 1_000_000],
  ['compressed', 0],
])('an entry, %s', (_, compressAbove) => {
  test('is what it was', async () => {
    const response = {
      ...stored('/steps/7', { body: Buffer.from([0, 255, 1, 254]), vary: ['accept-language'], selecting: ['de'] }),
      headers: new Fields(['Content-Type', 'text/plain', 'X-é', 'ü', 'Content-Type', 'again']),
      codings: ['br', 'gzip'] as const,
    };
    const decoded = await decodeEntry(await encodeEntry(response, stamp, compressAbove));
    const { asOf: _asOf, since: _since, uses: _uses, headers, body, ...rest } = response;
    expect(decoded?.stamp).toEqual(stamp);
    // What is undefined has no JSON, and is undefined again.
    expect(decoded?.response).toMatchObject(JSON.parse(JSON.stringify(rest)));
    expect(decoded?.response.body.equals(body)).toBe(true);
    expect(decoded?.response.headers.lines).toEqual(headers.lines);
    expect(decoded?.response).not.toHaveProperty('encoded');
  });

  test('cut short anywhere, or changed anywhere in its head, is a miss and no error', async () => {
    const whole = await encodeEntry(stored('/steps/7', { body: Buffer.from('body') }), stamp, compressAbove);
    for (let length = 0; length < Math.min(whole.length - 4, 400); length++) {
      await decodeEntry(whole.subarray(0, length));
    }
    for (const wrong of [
      Buffer.alloc(0),
      Buffer.from('x'),
      Buffer.from([9, 0, 1]),
      Buffer.from([1, 7]),
      Buffer.from([1, 1, 31, 139]),
    ]) {
      expect(await decodeEntry(wrong)).toBeUndefined();
    }
    for (let at = 0; at < 40; at++) {
      const broken = Buffer.from(whole);
      broken[at] = (broken[at] ?? 0) ^ 0xff;
      await decodeEntry(broken);
    }
  });
});
