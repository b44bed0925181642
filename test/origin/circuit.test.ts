import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Circuit,
  type CircuitInput,
  type CircuitSettings,
  isDue,
  newCircuit,
  stepCircuit,
} from '../../src/origin/circuit.ts';

const settings: CircuitSettings = { failures: 3, firstMs: 1_000, mostMs: 8_000 };

/**
 * Plays inputs one after the other. Without a turn of its own, a result is that of a request which was sent just now.
 * `failure`: it found no connection. `failing`: it did, and got a 503 or no answer.
 */
type Played =
  | CircuitInput
  | 'ask'
  | 'success'
  | 'failure'
  | 'failing'
  | 'well'
  | 'unwell'
  | Probed
  | { readonly pass: number };
/** What the probe of a suspect origin has found. */
type Probed = 'answers' | 'does not';

function play(inputs: readonly Played[], random = 0): { circuit: Circuit; now: number } {
  let circuit = newCircuit;
  let now = 0;
  for (const input of inputs) {
    if (typeof input === 'object' && 'pass' in input) now += input.pass;
    else circuit = stepCircuit(circuit, inputOf(input, circuit), { now, wall: 1e12 + now, random, settings });
  }
  return { circuit, now };
}

function inputOf(input: Exclude<Played, { pass: number }>, circuit: Circuit): CircuitInput {
  if (typeof input === 'object') return input;
  const { turn } = circuit;
  const sent = { turn, successes: circuit.is === 'closed' ? circuit.successes : 0 };
  if (input === 'failure') return { is: 'failure', ...sent, isUnreached: true };
  if (input === 'failing') return { is: 'failure', ...sent };
  if (input === 'well' || input === 'unwell') return { is: 'health', turn, ok: input === 'well' };
  if (input === 'answers' || input === 'does not') return { is: 'probed', turn, ok: input === 'answers' };
  return { is: input, turn };
}

const open = (probeAt: number, failed = 0, openedAt = 0): object => ({
  ...{ is: 'open', probeAt, failed, since: 1e12 + openedAt },
});
const closed = (failures = 0): object => ({ is: 'closed', failures, isSuspect: false });
const suspect = (failures = 3): object => ({ is: 'closed', failures, isSuspect: true });
const suspected: Played[] = ['failing', 'failing', { pass: 1_000 }, 'failing'];
const down: Played[] = ['failure', 'failure', 'failure'];
/** Of a request that was sent at the start. */
const failed = (retryAfterMs?: number): Played => ({
  ...{ is: 'failure', turn: 0, successes: 0, isUnreached: true, retryAfterMs },
});

test.each<[string, Played[], object]>([
  ['it begins closed', [], closed()],
  ['a failure is counted', ['failure'], closed(1)],
  ['as many as are allowed open it', down, open(1_000)],
  ['a success in between begins the count again', ['failure', 'failure', 'success', 'failure', 'failure'], closed(2)],
  ['of a request that was sent before the last success, one is not counted', ['success', failed(), failed()], closed()],
  [
    'however many end at once after it',
    ['failure', 'success', ...Array<Played>(9).fill(failed()), 'failure'],
    closed(1),
  ],
  ['answers and timeouts do not open it at once, however many', Array<Played>(9).fill('failing'), closed(9)],
  ['nor shortly after', ['failing', 'failing', { pass: 999 }, 'failing', 'failing'], closed(4)],
  ['once the first pause lies between them, a probe is to ask', suspected, suspect()],
  ['requests are sent until it has', [...suspected, 'failing', 'failing'], suspect(5)],
  ['it opens if that fails, too', [...suspected, 'does not'], open(2_000, 0, 1_000)],
  [
    'for as long as a Retry-After says',
    [...suspected, { is: 'probed', turn: 0, ok: false, retryAfterMs: 5_000 }],
    open(6_000, 0, 1_000),
  ],
  ['it begins the count again if that is answered', [...suspected, 'answers', 'failing', 'failing'], closed(2)],
  ['of all that was sent before', [...suspected, 'answers', failed(), failed(), failed()], closed()],
  ['an answer to another request meanwhile counts for more', [...suspected, 'success', 'does not'], closed()],
  [
    'unless as many have failed for as long after it',
    [...suspected, 'success', ...suspected, 'does not'],
    { is: 'open', failed: 0 },
  ],
  ['as many without a connection do not wait for it', [...suspected, ...down], { is: 'open' }],
  [
    'and what it finds then counts for nothing',
    [...suspected, ...down, { is: 'probed', turn: 0, ok: true }],
    { is: 'open' },
  ],
  ['no other probe is asked for', ['does not', 'failing', 'answers'], closed(1)],
  ['but no fewer', ['failing', { pass: 9_000 }, 'failing'], closed(2)],
  [
    'the time is that since the last success',
    ['failing', { pass: 9_000 }, 'success', ...Array<Played>(5).fill('failing')],
    closed(5),
  ],
  ['as many without a connection as are allowed do', ['failing', 'failing', 'failing', ...down], open(1_000)],
  ['fewer of them do not', ['failing', 'failing', 'failing', 'failure', 'failure'], closed(5)],
  ['no request is sent before the pause is over', [...down, { pass: 999 }, 'ask'], open(1_000)],
  ['the first one after it is the probe', [...down, { pass: 1_000 }, 'ask'], { is: 'half-open', failed: 0 }],
  ['a second one is not sent', [...down, { pass: 1_000 }, 'ask', { pass: 9e9 }, 'ask'], { is: 'half-open' }],
  ['a probe that succeeds closes it', [...down, { pass: 1_000 }, 'ask', 'success'], closed()],
  ['a probe that fails doubles the pause', [...down, { pass: 1_000 }, 'ask', 'failure'], open(3_000, 1)],
  [
    'again and again, up to the longest',
    [...down, ...Array.from({ length: 9 }, (): Played[] => [{ pass: 8_000 }, 'ask', 'failure']).flat()],
    open(9 * 8_000 + 8_000, 9),
  ],
  [
    'after it was closed, the first pause is short again',
    [...down, { pass: 1_000 }, 'ask', 'failure', { pass: 2_000 }, 'ask', 'success', ...down],
    { is: 'open', failed: 0, probeAt: 4_000, since: 1e12 + 3_000 },
  ],
  ['a success that was sent before it opened does not close it', [...down, { is: 'success', turn: 0 }], open(1_000)],
  [
    'nor does it while the probe is under way',
    [...down, { pass: 1_000 }, 'ask', { is: 'success', turn: 0 }],
    { is: 'half-open' },
  ],
  [
    'failures that were sent before it was closed again count for nothing',
    [...down, { pass: 1_000 }, 'ask', 'success', ...Array<Played>(9).fill({ is: 'failure', turn: 0 })],
    closed(),
  ],
  [
    'a late failure of the probe before counts for nothing',
    [...down, { pass: 1_000 }, 'ask', 'failure', { pass: 2_000 }, 'ask', { is: 'failure', turn: 2 }],
    { is: 'half-open', failed: 1 },
  ],
  ['a Retry-After is waited for', ['failure', 'failure', failed(5_000)], open(5_000)],
  ['within a bound', ['failure', 'failure', failed(9e9)], open(8_000)],
  ['no pause gets shorter by it', ['failure', 'failure', failed(1)], open(1_000)],
  ['one Retry-After does not open it', [failed(5_000)], closed(1)],
  ['probes of its health open it', ['unwell', 'unwell', 'unwell'], open(1_000)],
  ['whatever clients get meanwhile', ['unwell', 'success', 'unwell', 'success', 'unwell'], open(1_000)],
  ['one that is well begins their count again', ['unwell', 'unwell', 'well', 'unwell', 'unwell'], closed()],
  ['it says nothing of what clients get', ['failure', 'failure', 'well'], closed(2)],
])('%s', (_what, inputs, expected) => {
  expect(play(inputs).circuit).toMatchObject(expected);
});

test('a pause is between half and all of what it is at most', () => {
  for (const random of [0, 0.5, 0.999]) {
    const { circuit } = play(down, random);
    expect(circuit).toMatchObject({ is: 'open', probeAt: 1_000 * (1 - random / 2) });
  }
});

describe('whatever happens', () => {
  const anyInput = fc.oneof(
    fc.constantFrom<Played>('ask', 'success', 'failure', 'failing', 'well', 'unwell', 'answers', 'does not'),
    fc.record({ pass: fc.nat(10_000) }),
    fc.record({
      ...{ is: fc.constantFrom('success' as const, 'failure' as const), turn: fc.nat(6) },
      ...{ successes: fc.nat(3), isUnreached: fc.boolean() },
    }),
  );

  test('no more than one request is sent between two moments at which a probe is due', () => {
    fc.assert(
      fc.property(
        fc.array(anyInput, { maxLength: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (inputs, random) => {
          let sentAt: number | undefined;
          const seen: Played[] = [];
          for (const input of inputs) {
            const before = play(seen, random);
            seen.push(input);
            const after = play(seen, random);
            if (before.circuit.is === 'closed') sentAt = undefined;
            if (input !== 'ask' || before.circuit.is === 'closed') continue;
            const isSent = before.circuit.is === 'open' && after.circuit.is === 'half-open';
            expect(isSent).toBe(isDue(before.circuit, before.now));
            if (!isSent) continue;
            expect(before.now - (sentAt ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(settings.firstMs / 2);
            sentAt = before.now;
          }
        },
      ),
    );
  });

  const expectDown = (circuit: Circuit & { is: 'closed' }, input: Played, now: number): void => {
    const { failures, unreached, unhealthy, failedAt, isSuspect } = circuit;
    const isFound = input === 'does not' && isSuspect && failures >= settings.failures;
    expect(
      (isFound && now - failedAt >= settings.firstMs) || Math.max(unreached, unhealthy) === settings.failures - 1,
    ).toBe(true);
  };

  test('it opens only by as many failures in a row, and closes only by a success of the probe', () => {
    fc.assert(
      fc.property(fc.array(anyInput, { maxLength: 60 }), (inputs) => {
        const seen: Played[] = [];
        for (const input of inputs) {
          const { circuit: before } = play(seen);
          seen.push(input);
          const { circuit: after, now } = play(seen);
          if (before.is === after.is) continue;
          expect(after.turn).toBe(before.turn + 1);
          if (before.is === 'closed') expectDown(before, input, now);
          if (after.is === 'closed') expect(before.is).toBe('half-open');
        }
      }),
    );
  });
});
