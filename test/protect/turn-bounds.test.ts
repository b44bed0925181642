import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Turns } from '../../src/exchange/write/turns.ts';

/* How much may wait for turns, whoever sends it. */

const EACH = 64;
const OF_ALL = 2_048;

it('of all resources together only so many writes wait', async () => {
  const turn = { holds: () => true, end: () => {} };
  const turns = new Turns({ timers: { after: () => () => {} }, clock: systemClock, log: { turn: async () => turn } });
  const taker = { address: undefined, onGone: () => {} };
  const full = OF_ALL / EACH;
  for (let i = 0; i <= full; i++) await turns.take(`/${i}`, taker);
  for (let i = 0; i < full; i++) for (let n = 0; n < EACH; n++) void turns.take(`/${i}`, taker);
  expect(turns.waiting).toBe(OF_ALL);
  await expect(turns.take(`/${full}`, taker)).rejects.toMatchObject({ code: 'busy' });
  // Whoever need not wait is not refused.
  await turns.take('/other', taker);
});
