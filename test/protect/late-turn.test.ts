import { expect, test } from 'vitest';
import { LateTurn, type Turn } from '../../src/exchange/write/turns.ts';
import { deferred } from '../support/barrier.ts';

/* The turn of a write whose body is streamed, which the origin may answer before the end of that body. */

/** A turn that is waited for until `come` is called. */
function waitedFor() {
  const turn = {
    ends: 0,
    holds: () => true,
    end(): void {
      turn.ends += 1;
    },
  };
  const coming = deferred();
  const late = new LateTurn(() => coming.promise.then((): Turn => turn));
  return { turn, late, beginning: late.begin(), come: coming.resolve };
}

test('a write that is over while it waits for its turn ends the turn when it comes', async () => {
  const { turn, late, beginning, come } = waitedFor();
  late.end();
  come();
  await expect(beginning).rejects.toMatchObject({
    code: 'busy',
    message: expect.stringContaining('has been answered'),
  });
  expect(turn.ends).toBe(1);
});

test('one that has its turn keeps it until it ends', async () => {
  const { turn, late, beginning, come } = waitedFor();
  come();
  await beginning;
  expect(turn.ends).toBe(0);
  late.end();
  expect(turn.ends).toBe(1);
});
