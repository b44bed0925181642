import { expect, test } from 'vitest';
import { readRepository } from './citations.ts';

const { textOf } = readRepository();

const metricsIn = (file: string): string[] => [...new Set(textOf(file).match(/\bunstale_\w+/g))].sort();

test('docs/deployment.md lists every metric, and none that does not exist', () => {
  expect(metricsIn('docs/deployment.md')).toEqual(metricsIn('src/observe/metrics-registry.ts'));
});
