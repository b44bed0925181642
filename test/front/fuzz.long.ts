import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FastHits } from '../../src/exchange/read/fast-hits.ts';
import { budget } from '../support/budget.ts';
import { type Pair, pair, type Script } from './differential.ts';
import { configuration, lines, oddities, targets, text } from './requests.ts';

/*
 * Random connections, sent to a gateway with the front and to one without it. `FRONT_RUNS=100000 npm run test:front`
 * plays more.
 */

const RUNS = Number(process.env.FRONT_RUNS ?? budget({ local: 40, ci: 300 }));

let gateways: Pair;
beforeAll(async () => {
  gateways = await pair(configuration);
});
afterAll(() => gateways.close());

/** Node writes `100 Continue` behind the head of a pipelined answer, so that nobody can tell the answers apart. */
const sendable = lines.filter((line) => !line.startsWith('Expect'));
const asked = fc.record({
  method: fc.oneof({ weight: 6, arbitrary: fc.constant('GET') }, fc.constantFrom('HEAD', 'PUT', 'POST', 'DELETE')),
  target: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('/hit/1', '/tagged/1') }, fc.constantFrom(...targets)),
  lines: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.subarray(sendable, { maxLength: 3 })),
  body: fc.option(fc.constantFrom('', 'x', 'GET /hit/1 HTTP/1.1\r\nHost: a.example\r\n\r\n'), {
    nil: undefined,
    freq: 5,
  }),
});
interface Step {
  readonly bytes: string;
  readonly methods: readonly string[];
  readonly cuts?: readonly number[];
}

const request = asked.map((each): Step => {
  const body = each.method === 'PUT' ? (each.body ?? 'x') : each.body;
  return { bytes: text({ ...each, body }), methods: [each.method] };
});
const hits = fc.array(fc.constantFrom('/hit/1', '/hit/2'), { maxLength: 3 });
/** Requests in one piece run side by side, so that no more than one of them asks the origin. */
const several = fc.tuple(hits, request).map(([before, last]): Step => {
  const bytes = before.map((target) => text({ method: 'GET', target, lines: [] })).join('');
  return { bytes: bytes + last.bytes, methods: [...before.map(() => 'GET'), ...last.methods] };
});
const inPieces = fc
  .tuple(several, fc.array(fc.nat(), { minLength: 1, maxLength: 3 }))
  .map(([step, cuts]): Step => ({ ...step, cuts }));
const steps = fc.array(fc.oneof({ weight: 4, arbitrary: request }, several, inPieces), { minLength: 1, maxLength: 6 });
/** With something in it that does not belong there: nobody knows what it asks. */
const broken = fc
  .tuple(request, fc.nat(), fc.oneof(fc.constantFrom(...oddities), fc.constantFrom(' ', '\t', '\0', 'x', '\xff')))
  .map(([{ bytes }, place, odd]) => {
    const at = place % bytes.length;
    return bytes.slice(0, at) + odd + bytes.slice(at);
  });

const STORED = ['/hit/1', '/hit/2', '/tagged/1'].map((target) => text({ method: 'GET', target, lines: [] }));
const script = fc.tuple(steps, fc.option(broken)).map(([all, last]): Script => {
  const behind: string[] = [];
  const pieces = all.map(({ bytes, methods, cuts }) => {
    const piece = { bytes, cuts, behind: [...behind] };
    behind.push(...methods);
    return piece;
  });
  return last === null ? pieces : [...pieces, { bytes: last, behind }, { bytes: STORED[0] as string }];
});
const stored: Script = STORED.map((bytes, i) => ({ bytes, behind: STORED.slice(0, i).map(() => 'GET') }));

/** A fill that takes 50 ms is sent on before it is stored: what a busy machine answers then differs by chance. */
const ATTEMPTS = 4;

test('with the front and without it, the same bytes get the same answers', {
  timeout: 20_000 + 1_000 * RUNS,
}, async () => {
  const found = vi.spyOn(FastHits.prototype, 'find');
  let byFront = 0;
  const differs = async (scripts: readonly Script[]): Promise<unknown> => {
    const { on, off } = await gateways.play([stored, ...scripts]);
    byFront += found.mock.results.filter(({ value }) => value !== undefined).length;
    found.mockClear();
    return JSON.stringify(on) === JSON.stringify(off) ? undefined : { on, off };
  };
  await fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 2 }), async (scripts) => {
      let difference = await differs(scripts);
      for (let i = 1; i < ATTEMPTS && difference !== undefined; i++) difference = await differs(scripts);
      expect(difference).toBeUndefined();
    }),
    { numRuns: RUNS },
  );
  found.mockRestore();
  expect(byFront, 'hits that the front has answered').toBeGreaterThan(RUNS / 4);
});
