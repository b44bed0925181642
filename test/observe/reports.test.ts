import { expect, test } from 'vitest';
import { createLogger } from '../../src/observe/logger.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Reports } from '../../src/observe/reports.ts';

test('a store of idempotency keys that is away is logged once, however many steps it fails', () => {
  const lines: string[] = [];
  const reports = new Reports(createLogger('info', { write: (line) => void lines.push(line) }), new Metrics());
  for (let i = 0; i < 1_000; i++) reports.keysFailed(new Error('away'));
  expect(lines).toHaveLength(1);
});
