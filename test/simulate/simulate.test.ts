import { expect, test } from 'vitest';
import { simulate } from './schedule.ts';

test('schedules', async () => {
  const n = Number(process.env['SEEDS'] ?? 200);
  const from = Number(process.env['FROM'] ?? 1);
  const t = performance.now();
  let failed = 0;
  let hits = 0,
    reads = 0,
    acks = 0,
    ann = 0;
  for (let seed = from; seed < from + n; seed++) {
    const o = await simulate(seed);
    hits += o.history.hits;
    reads += o.history.reads;
    acks += o.history.acknowledged;
    ann += o.history.announced;
    if (o.violations.length > 0 && failed++ < 3)
      console.log(seed, o.violations.slice(0, 3), process.env['TRACE'] ? o.trace.join('\n') : '');
  }
  console.log({ failed, hits, reads, acks, ann, ms: performance.now() - t });
  expect(failed).toBe(0);
}, 600_000);
