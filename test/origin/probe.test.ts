import { expect, test } from 'vitest';
import type { OriginConfig } from '../../src/config/model.ts';
import { Probe, probeTimeoutMs } from '../../src/origin/probe.ts';
import { clientOf, scripted } from './origin-under-test.ts';

/*
 * The request by which the gateway finds out how an origin is. What follows from it: test/server/origin-probe.test.ts.
 */

const health = { path: '/up', intervalMs: 1, timeoutMs: 9_000 };

test.each<[string, Pick<OriginConfig, 'health' | 'timeoutMs'>, number]>([
  ['as long as a request', { timeoutMs: 1_000, health: undefined }, 1_000],
  ['no longer than 5 s', { timeoutMs: 60_000, health: undefined }, 5_000],
  ['as health says', { timeoutMs: 1_000, health }, 9_000],
])('it may take %s', (_what, config, expected) => {
  expect(probeTimeoutMs(config)).toBe(expected);
});

test('an origin that does not answer in time is not well', async () => {
  const api = await scripted();
  const timers: [number, () => void][] = [];
  api.on('HEAD /slow', () => timers[0]?.[1]());
  const probe = new Probe({
    ...{ name: undefined, origin: clientOf(api.url), timeoutMs: 3_000, isWell: () => true, wall: () => 0 },
    timers: {
      after: (ms, run) => {
        timers.push([ms, run]);
        return () => {};
      },
    },
  });
  const found = await probe.ask({ method: 'HEAD', target: '/slow', host: 'api.example' });
  expect(found).toEqual({ ok: false, reason: 'no answer within 3000 ms', retryAfterMs: undefined });
  expect(timers.map(([ms]) => ms)).toEqual([3_000]);
  expect(api.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(['HEAD /slow']);
});
