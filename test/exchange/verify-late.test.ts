import { beforeEach, expect, test } from 'vitest';
import { systemClock, type Timers } from '../../src/clock.ts';
import { Fence } from '../../src/coherence/fence.ts';
import { DEFAULT_ORIGIN } from '../../src/config/origins.ts';
import { type Verified, verify } from '../../src/exchange/inspect/verify.ts';
import type { Origin, OriginResponse } from '../../src/exchange/ports.ts';
import { compileRoutes } from '../../src/exchange/routes.ts';
import { compileRules } from '../../src/rules/compile.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { configOf } from '../config/parse.ts';
import { clientOf, scripted } from '../origin/origin-under-test.ts';
import { deferred, withPatience } from '../support/barrier.ts';
import { stored } from '../support/stored.ts';

/* What `verify` says of an API that does not end its answer. */

const MAX_ANSWER_MS = 30_000;

/** What the timers of the test that runs were asked for. */
let due: { ms: number; run: () => void; cancelled: boolean }[];
beforeEach(() => {
  due = [];
});
const timers: Timers = {
  after: (ms, run) => {
    const timer = { ms, run, cancelled: false };
    due.push(timer);
    return () => {
      timer.cancelled = true;
    };
  },
};

/** Verifies `/a`, of which `{}` is stored. `answered`: the head of the answer has come. */
async function verifyAt(url: string, answered: () => void): Promise<Verified | undefined> {
  const config = configOf(`origin: { url: "${url}" }`);
  const client = clientOf(url);
  const origin: Origin = {
    serverErrors: 'unknown',
    fetch: async (asked): Promise<OriginResponse> => {
      const answer = await client.fetch(asked);
      setImmediate(answered);
      return answer;
    },
  };
  const store = new MemoryStore({ ...config.store.memory }, new Fence());
  store.put(stored('/a', { body: Buffer.from('{}') }));
  const { paths } = compileRules(config.rules, config.routes);
  const routes = compileRoutes(config, new Map([[DEFAULT_ORIGIN, origin]]));
  const ports = { store, tier: undefined, routes, paths, clock: systemClock, timers, maxBytes: 1_000 };
  const [verified] = await verify({ ...ports, notServing: () => undefined }, ['/a']);
  return verified;
}

test.each(['head', 'body'])('an API that does not end the %s of its answer is given up after 30 s', async (part) => {
  const api = await scripted();
  const runOut = (): void => {
    for (const { ms, run } of due) if (ms === MAX_ANSWER_MS) run();
  };
  const left = deferred();
  api.on('GET /a', (_, response) => {
    response.on('close', () => left.resolve());
    if (part === 'head') runOut();
    else response.write('{');
  });
  const verified = await verifyAt(api.url, runOut);
  expect(verified).toMatchObject({
    outcome: 'failed',
    copies: [{ outcome: 'failed', why: 'the API did not end its answer in time' }],
  });
  // Its connection is not held any longer.
  await withPatience(left.promise, () => 'the connection to close');
});

test('nothing is left of the time of an answer that has come', async () => {
  const api = await scripted();
  api.on('GET /a', (_, response) => void response.end('{}'));
  expect(await verifyAt(api.url, () => {})).toMatchObject({ outcome: 'same' });
  expect(due).toEqual([{ ms: MAX_ANSWER_MS, run: expect.any(Function), cancelled: true }]);
});
