import { beforeAll, expect, test } from 'vitest';
import { built } from '../support/shared.ts';
import { Hooks } from './hooks.ts';

/* The short length, which CI plays: `npm run soak -- --hooks 10000` for more. */

beforeAll(built, 120_000);

test('webhooks of nodes that are killed: every event comes, signed, in order, from one node at a time', {
  timeout: 300_000,
}, async () => {
  const hooks = await Hooks.start({ writes: 400, seed: 5 });
  try {
    const seen = await hooks.play();
    expect(seen).toMatchObject({ lost: [], disordered: [], wrong: [], resyncs: 0 });
    expect(seen.killed).toBeGreaterThan(0);
    expect(seen.events).toBeGreaterThanOrEqual(400);
  } finally {
    await hooks.stop();
  }
});
