import { expect, test } from 'vitest';
import { type FoundByOther, verifiedByAll } from '../../src/exchange/inspect/verified-by-all.ts';
import { type ComparedCopy, verified } from '../../src/exchange/inspect/verify.ts';

/* What several processes of a node have found, as one answer. test/workers/verify.test.ts plays it. */

const copy = (where: ComparedCopy['in'], outcome: ComparedCopy['outcome']): ComparedCopy => ({
  ...{ of: 'api.example/a', selecting: {}, storedFor: 1, differences: [] },
  ...{ in: where, outcome },
});
const found = (copies: readonly ComparedCopy[], why?: string, left = 0) =>
  verified({ url: '/a', copies, left, lookedIn: ['memory', 'redis'], why });
const same = copy('memory', 'same');
const differs = copy('memory', 'differs');
const inRedis = copy('redis', 'same');

test.each<[string, ReturnType<typeof found>, FoundByOther[], number, object]>([
  ['nothing anywhere', found([]), [[found([])]], 0, { outcome: 'not-stored', copies: [] }],
  ['a copy in another process', found([]), [[found([differs])]], 0, { outcome: 'differs', copies: [differs] }],
  ['one in each', found([same]), [[found([same])]], 0, { outcome: 'same', copies: [same, same] }],
  ['a copy in Redis, which all see', found([inRedis]), [[found([inRedis])]], 0, { copies: [inRedis] }],
  [
    'one that does not know, and one that has it',
    found([], 'Redis may have'),
    [[found([same])]],
    0,
    { outcome: 'same' },
  ],
  ['none that knows', found([], 'Redis may have'), [[found([])]], 0, { outcome: 'unknown', why: 'Redis may have' }],
  ['copies that another has left', found([same]), [[found([same], undefined, 3)]], 0, { outcome: 'unknown', left: 3 }],
  [
    'one that is silent',
    found([same]),
    [[found([same])]],
    1,
    { outcome: 'unknown', why: '1 of the processes of this node did not answer: ask again' },
  ],
  [
    'one that cannot tell',
    found([differs]),
    [{ failed: 'it loads' }],
    0,
    { outcome: 'differs', why: 'another process of this node cannot tell: it loads' },
  ],
])('%s', (_, own, others, silent, expected) => {
  expect(verifiedByAll([own], others, silent)).toEqual([expect.objectContaining(expected)]);
});
