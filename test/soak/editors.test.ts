import { beforeAll, expect, test } from 'vitest';
import { built } from '../support/shared.ts';
import { Editors } from './editors.ts';

/* The short length, which CI plays: `npm run soak -- --edits 10000` for more. */

beforeAll(built, 120_000);

test.each([false, true])(
  'two editors, an API with entity tags: %s, killed nodes: no member is lost',
  {
    timeout: 300_000,
  },
  async (etags) => {
    const editors = await Editors.start({ edits: 200, seed: 11, etags });
    try {
      const seen = await editors.play();
      expect(seen).toMatchObject({ lost: [], stale: [], wonTwice: 0 });
      expect(seen.killed).toBeGreaterThan(0);
      expect(seen.acknowledged).toBeGreaterThanOrEqual(200);
    } finally {
      await editors.stop();
    }
  },
);
