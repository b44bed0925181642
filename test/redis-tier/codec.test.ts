import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.ts';
import { decodeEntry, encodeEntry } from '../../src/redis/stored-response-codec.ts';
import { versionsOf } from '../../src/redis/tag-versions.ts';
import { headOf } from '../../src/store/response-head.ts';
import { stored } from '../support/stored.ts';

const names = versionsOf(stored('/steps/7'));
const stamp = { epoch: 'e1', seq: 7, versions: Object.fromEntries(names.map((name) => [name, 'h:e1:3'])) };

describe.each([
  ['as it is', 1_000_000],
  ['compressed', 0],
])('an entry, %s', (_, compressAbove) => {
  test('is decoded to what was encoded', async () => {
    const response = stored('/steps/7', {
      ...{ body: Buffer.from([0, 255, 1, 254]), vary: ['accept-language'], selecting: ['de'] },
      headers: new Fields(['Content-Type', 'text/plain', 'X-U', 'ü', 'Content-Type', 'again']),
      codings: ['br', 'gzip'] as const,
    });
    const decoded = await decodeEntry(await encodeEntry(response, stamp, compressAbove));
    const { headers: lines, ...rest } = headOf(response);
    expect(decoded?.stamp).toEqual(stamp);
    // What is undefined has no JSON, and is undefined again.
    expect(decoded?.response).toMatchObject(JSON.parse(JSON.stringify(rest)));
    expect(decoded?.response.body.equals(Buffer.from([0, 255, 1, 254]))).toBe(true);
    expect(decoded?.response.headers.lines).toEqual(lines);
    expect(decoded?.response.encoded).toBeUndefined();
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

describe('an entry that no node has written is a miss', () => {
  const response = stored('/steps/7', { vary: ['accept'], selecting: ['a'] });
  const sound = {
    epoch: 'e1',
    seq: 7,
    versions: Object.fromEntries(versionsOf(response).map((name) => [name, 'c:x'])),
  };
  const changed = async (
    change: (head: { stamp: Record<string, unknown>; response: Record<string, unknown> }) => void,
  ) => {
    const entry = await encodeEntry(response, sound, 1_000_000);
    const length = entry.readUInt32BE(2);
    const head = JSON.parse(entry.subarray(6, 6 + length).toString());
    change(head);
    const text = Buffer.from(JSON.stringify(head));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(text.length);
    return decodeEntry(Buffer.concat([entry.subarray(0, 2), size, text, entry.subarray(6 + length)]));
  };

  test('an unchanged one is found', async () => expect(await changed(() => {})).toBeDefined());

  test.each<[string, string, unknown]>([
    ...['abc', 101, 404, 1e9].map((value): [string, string, unknown] => ['status', 'status', value]),
    ...[
      5,
      ['X'],
      ['X', 'b\r\nEvil: 1'],
      ['X\r\nEvil', '1'],
      ['Content-Length', '1'],
      ['transfer-encoding', 'chunked'],
    ].map((value): [string, string, unknown] => ['clientHeaders', 'clientHeaders', value]),
    ['headers', 'headers', [{}, {}]],
    ['a field with a line break', 'headers', ['X', 'a\nb']],
    ['directives', 'directives', null],
    ['one directive', 'directives', { ...stored('/a').directives, noStore: 'yes' }],
    ['vary', 'vary', 'accept'],
    ['selecting', 'selecting', []],
    ['tags', 'tags', [1, null]],
    ['no tags', 'tags', []],
    ['path', 'path', '/elsewhere'],
    ['lifetime', 'lifetimeMs', 1e300],
    ['a negative lifetime', 'lifetimeMs', -1],
    ['codings', 'codings', ['__proto__']],
    ['etag', 'etag', '"a\r\nX: y"'],
    ['another member', 'body', { byteLength: 1e12 }],
  ])('%s of the response: %j', async (_what, name, value) => {
    expect(await changed((head) => void Object.assign(head.response, { [name]: value }))).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['seq', 1e18],
    ['seq', 'x'],
    ['epoch', null],
    ['versions', {}],
    ['versions', null],
    ['versions', { ...sound.versions, 'p:/steps/7': 5 }],
  ])('%s of the stamp: %j', async (name, value) => {
    expect(await changed((head) => void Object.assign(head.stamp, { [name]: value }))).toBeUndefined();
  });

  test('a head that is none', async () => {
    for (const text of ['null', '5', '[]', '['.repeat(100_000), '{"stamp":null}']) {
      const size = Buffer.alloc(4);
      size.writeUInt32BE(text.length);
      expect(await decodeEntry(Buffer.concat([Buffer.from([1, 0]), size, Buffer.from(text)]))).toBeUndefined();
    }
  });
});
