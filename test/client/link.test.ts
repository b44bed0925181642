import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoff } from '../../src/client/backoff.ts';
import { type Link, type LinkAction, type LinkInput, newLink, stepLink } from '../../src/client/link.ts';
import type { Reason } from '../../src/client/types.ts';

/** At this time in milliseconds. */
type Happened = readonly [at: number, input: LinkInput, also?: { readonly online?: boolean; readonly random?: number }];

function play(happened: readonly Happened[]): { readonly link: Link; readonly actions: readonly LinkAction[] } {
  let link = newLink;
  let actions: readonly LinkAction[] = [];
  for (const [now, input, { online = true, random = 0 } = {}] of happened) {
    [link, actions] = stepLink(link, input, { now, online, random });
  }
  return { link, actions };
}

const start: Happened = [0, { is: 'start' }];
const heard = (at: number): Happened => [at, { is: 'heard' }];
const heartbeat = (at: number): Happened => [at, { is: 'heartbeat' }];
const failed = (at: number, code: Reason['code'], afterMs?: number): Happened => [
  at,
  { is: 'failed', reason: { code, message: code }, afterMs },
];
const timer = (at: number): Happened => [at, { is: 'timer' }];
const wake = (at: number, network = false): Happened => [at, { is: 'wake', network }];
const open = { do: 'open', why: 'connect' };
const abort = { do: 'abort' };

test.each<[string, Happened[], Partial<Link>, unknown[]]>([
  [
    'a request is not a subscription',
    [start],
    { phase: 'opening', state: 'connecting' },
    [open, { do: 'timer', ms: 15_000 }],
  ],
  [
    'it is live with the first bytes',
    [start, heard(5)],
    { phase: 'open', state: 'live' },
    [{ do: 'timer', ms: 37_500 }],
  ],
  [
    'a request that is not answered is given up',
    [start, timer(15_000)],
    { state: 'retrying', failures: 1 },
    [abort, { do: 'timer', ms: 1_000 }],
  ],
  [
    'what the server asks for is the shortest wait',
    [start, [1, { is: 'retry', ms: 7_000 }], heard(1), failed(2, 'ended')],
    { phase: 'waiting' },
    [abort, { do: 'timer', ms: 7_000 }],
  ],
  [
    'Retry-After counts, if it is longer',
    [start, failed(1, 'unavailable', 20_000)],
    { notBefore: 20_001 },
    [abort, { do: 'timer', ms: 20_000 }],
  ],
  [
    'a wrong wait does not end it',
    [start, [1, { is: 'retry', ms: 1e12 }], heard(1), failed(2, 'ended')],
    {},
    [abort, { do: 'timer', ms: 600_000 }],
  ],
  [
    'each failure waits longer',
    [
      start,
      failed(0, 'network'),
      timer(1_000),
      [1_000, { is: 'failed', reason: { code: 'network', message: '' } }, { random: 0.5 }],
    ],
    { failures: 2 },
    [abort, { do: 'timer', ms: 2_000 }],
  ],
  [
    'bytes end a row of failures',
    [start, failed(0, 'network'), timer(1_000), heard(1_001)],
    { failures: 0, state: 'live' },
    [{ do: 'timer', ms: 37_500 }],
  ],
  [
    'a failed request without a network is offline',
    [start, [1, { is: 'failed', reason: { code: 'network', message: '' } }, { online: false }]],
    { state: 'offline' },
    [abort, { do: 'timer', ms: 1_000 }],
  ],
  [
    'a browser that says offline, while bytes come, changes nothing',
    [start, [1, { is: 'heard' }, { online: false }]],
    { state: 'live' },
    [{ do: 'timer', ms: 37_500 }],
  ],
  [
    'a status is no lack of a network',
    [start, [1, { is: 'failed', reason: { code: 'unavailable', message: '' } }, { online: false }]],
    { state: 'retrying' },
    [abort, { do: 'timer', ms: 1_000 }],
  ],
  [
    'a refusal asks for a new token',
    [start, failed(1, 'refused')],
    { phase: 'opening', tokenRenewed: true },
    [
      { do: 'open', why: 'refused' },
      { do: 'timer', ms: 15_000 },
    ],
  ],
  [
    'a second refusal stops it',
    [start, failed(1, 'refused'), failed(2, 'refused')],
    { phase: 'stopped', state: 'stopped' },
    [abort, { do: 'cancel' }],
  ],
  [
    'a refusal in mid-life asks again',
    [start, failed(1, 'refused'), heard(2), failed(3, 'ended'), timer(2_000), failed(2_001, 'refused')],
    { phase: 'opening' },
    [
      { do: 'open', why: 'refused' },
      { do: 'timer', ms: 15_000 },
    ],
  ],
  [
    'a refusal after another failure asks again: the token may not have been renewed',
    [start, failed(1, 'refused'), failed(2, 'auth'), timer(2_000), failed(2_001, 'refused')],
    { phase: 'opening' },
    [
      { do: 'open', why: 'refused' },
      { do: 'timer', ms: 15_000 },
    ],
  ],
  [
    'so does one after an attempt that another network broke off',
    [start, failed(1, 'refused'), wake(2, true), failed(3, 'refused')],
    { phase: 'opening' },
    [
      { do: 'open', why: 'refused' },
      { do: 'timer', ms: 15_000 },
    ],
  ],
  [
    'and one after the page was left',
    [start, failed(1, 'refused'), [2, { is: 'pause' }], [3, { is: 'start' }], failed(4, 'refused')],
    { phase: 'opening' },
    [
      { do: 'open', why: 'refused' },
      { do: 'timer', ms: 15_000 },
    ],
  ],
  ['a rejected request stops it', [start, failed(1, 'rejected')], { phase: 'stopped' }, [abort, { do: 'cancel' }]],
  [
    'the watchdog waits for what is left',
    [start, heard(0), heard(30_000), timer(37_500)],
    { state: 'live' },
    [{ do: 'timer', ms: 30_000 }],
  ],
  [
    'silence opens it anew',
    [start, heard(0), timer(37_500)],
    { state: 'retrying', phase: 'opening' },
    [abort, open, { do: 'timer', ms: 15_000 }],
  ],
  [
    'the interval is learned from two heartbeats',
    [start, heard(0), heartbeat(2_000), heard(4_000), heartbeat(4_000)],
    {},
    [{ do: 'timer', ms: 5_000 }],
  ],
  [
    'the longest interval counts',
    [start, heard(0), heartbeat(1_000), heartbeat(5_000), heartbeat(6_000)],
    {},
    [{ do: 'timer', ms: 10_000 }],
  ],
  [
    'what a machine slept between two heartbeats is no interval',
    [start, heard(0), heartbeat(0), heartbeat(15_000), heard(28_800_000), heartbeat(28_800_000)],
    { heartbeat: { everyMs: 15_000, known: true, at: 28_800_000 } },
    [{ do: 'timer', ms: 37_500 }],
  ],
  [
    'nor is it one before the interval is known',
    [start, heard(0), heartbeat(0), heard(28_800_000), heartbeat(28_800_000), timer(28_837_500)],
    { state: 'retrying', phase: 'opening' },
    [abort, open, { do: 'timer', ms: 15_000 }],
  ],
  [
    'heartbeats of two streams are no interval',
    [start, heard(0), heartbeat(1), failed(2, 'ended'), timer(1_002), heard(1_003), heartbeat(1_004)],
    {},
    [{ do: 'timer', ms: 37_500 }],
  ],
  [
    'two heartbeats that arrive together cost one stream, and not each one after it',
    [start, heard(0), heartbeat(1_000), heartbeat(1_001), timer(4_001), heard(4_002)],
    { heartbeat: { everyMs: 15_000, known: false, at: undefined } },
    [{ do: 'timer', ms: 37_500 }],
  ],
  [
    'nor do two that come close to each other where heartbeats are rare',
    [start, heard(0), heartbeat(0), heartbeat(20_000), timer(50_000), heard(50_000), timer(100_000), heard(100_000)],
    {},
    [{ do: 'timer', ms: 100_000 }],
  ],
  [
    'a server with rarer heartbeats is given more time',
    [start, heard(0), timer(37_500), heard(37_501)],
    {},
    [{ do: 'timer', ms: 75_000 }],
  ],
  [
    'a page that is shown again tries at once',
    [start, failed(0, 'network'), wake(10)],
    { phase: 'opening' },
    [open, { do: 'timer', ms: 15_000 }],
  ],
  [
    'but not sooner than the server asked for',
    [start, failed(0, 'unavailable', 9_000), wake(1_000)],
    { phase: 'waiting' },
    [{ do: 'timer', ms: 8_000 }],
  ],
  [
    'a page that is shown again and hears is left alone',
    [start, heard(0), wake(10)],
    { state: 'live' },
    [{ do: 'timer', ms: 37_490 }],
  ],
  [
    'a page that is shown again after a sleep looks',
    [start, heard(0), wake(400_000)],
    { phase: 'opening' },
    [abort, open, { do: 'timer', ms: 15_000 }],
  ],
  [
    'on another network the stream is opened anew',
    [start, heard(0), wake(10, true)],
    { phase: 'opening', state: 'retrying' },
    [abort, open, { do: 'timer', ms: 15_000 }],
  ],
  [
    'nor is a request of the old network waited for',
    [start, wake(10, true)],
    { phase: 'opening', state: 'connecting' },
    [abort, open, { do: 'timer', ms: 15_000 }],
  ],
  [
    'a paused one is not live',
    [start, heard(0), [1, { is: 'pause' }]],
    { phase: 'idle', state: 'retrying' },
    [abort, { do: 'cancel' }],
  ],
  [
    'and can be started again',
    [start, heard(0), [1, { is: 'pause' }], [2, { is: 'start' }]],
    { phase: 'opening', state: 'retrying' },
    [open, { do: 'timer', ms: 15_000 }],
  ],
  ['a timer of a paused one is late', [start, heard(0), [1, { is: 'pause' }], timer(90_000)], { phase: 'idle' }, []],
])('%s', (_what, happened, link, actions) => {
  const after = play(happened);
  expect(after.link).toMatchObject(link);
  expect(after.actions).toEqual(actions);
});

describe('whatever happens', () => {
  const codes: Reason['code'][] = ['network', 'ended', 'unavailable', 'refused', 'rejected', 'auth'];
  const inputs: fc.Arbitrary<LinkInput> = fc.oneof(
    fc.constantFrom<LinkInput>(
      { is: 'start' },
      { is: 'heard' },
      { is: 'heartbeat' },
      { is: 'timer' },
      { is: 'pause' },
      { is: 'wake', network: true },
      { is: 'wake', network: false },
      { is: 'retry', ms: 500 },
      { is: 'stop', reason: { code: 'closed', message: '' } },
    ),
    fc.constantFrom(...codes).map((code): LinkInput => ({ is: 'failed', reason: { code, message: code } })),
  );

  test('it is live only while it is open, has a timer while it is not idle, and a stop is for good', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(60_000), inputs)), (steps) => {
        let link = newLink;
        let now = 0;
        let hasTimer = false;
        for (const [ms, input] of steps) {
          now += ms;
          // A timer that has fired is none.
          if (input.is === 'timer') hasTimer = false;
          const before = link;
          const [next, actions] = stepLink(link, input, { now, online: true, random: 0.5 });
          link = next;
          for (const action of actions)
            if (action.do === 'timer' || action.do === 'cancel') hasTimer = action.do === 'timer';
          expect(link.state === 'live').toBe(link.phase === 'open');
          if (before.phase === 'stopped') expect([link, actions]).toEqual([before, []]);
          else if (link.phase !== 'idle' && link.phase !== 'stopped') expect(hasTimer).toBe(true);
        }
      }),
    );
  });

  test('waits are never shorter than asked for, nor longer than that and half a minute', () => {
    fc.assert(
      fc.property(
        fc.nat(600_000),
        fc.nat(100),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (ms, failures, random) => {
          const wait = backoff(ms, failures, random);
          expect(wait).toBeGreaterThanOrEqual(ms);
          expect(wait).toBeLessThanOrEqual(ms + 30_000);
        },
      ),
    );
  });
});
