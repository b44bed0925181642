import { describe, expect, it } from 'vitest';
import { draw } from '../../bench/chart/draw.ts';
import { type CaseResults, merge, type Results } from '../../bench/chart/results.ts';
import { fullEffort } from '../../bench/options.ts';

const figures = (name: string, median: number | null) => ({
  name,
  metrics: [{ name: 'per server CPU-s', median, min: median, max: median }],
});

const caseOf = (name: string, contenders: CaseResults['contenders']): CaseResults => ({
  case: name,
  title: name,
  contenders,
});

const hit = caseOf('hit', [figures('gateway', 91_234), figures('nginx', 80_123), figures('haproxy', null)]);

const results = (over: Partial<Results> = {}): Results => ({
  format: 1,
  startedAt: '2026-11-22T04:00:00.000Z',
  quick: false,
  effort: fullEffort,
  generator: 'wrk 4.1.0',
  commits: { gateway: '0123456789ab' },
  machine: {
    ...{ cpu: 'Fast CPU', cores: [0, 1], memoryGiB: 8, kernel: '6.1.0', node: 'v20.20.2', pinned: true },
    peers: { nginx: '1.22.1', haproxy: '2.6.12' },
  },
  cases: [hit],
  ...over,
});

describe('the chart', () => {
  it('names date, versions and machine, and each figure', async () => {
    const svg = await draw(results());
    const facts = ['2026-11-22', '0123456789ab', 'Node 20.20.2', '2 cores (Fast CPU)', 'Linux 6.1.0', 'wrk 4.1.0'];
    for (const text of [...facts, '5 interleaved rounds of 4 s', 'nginx 1.22.1', '91,234', '80,123']) {
      expect(svg).toContain(text);
    }
  });

  it('leaves out what was not measured, and what is no gateway', async () => {
    const svg = await draw(results({ cases: [caseOf('miss-load', [...hit.contenders, figures('direct', 55_555)])] }));
    expect(svg).toContain('miss, stored');
    expect(svg).not.toMatch(/HAProxy|direct|55,555|NaN|null/);
  });

  it('is not drawn without a case that it can show', async () => {
    expect(await draw(results({ cases: [caseOf('start-up', hit.contenders)] }))).toBeUndefined();
  });

  it('says that a smoke run is none to rely on', async () => {
    expect(await draw(results({ quick: true }))).toContain('no baseline');
  });
});

describe('results of several runs', () => {
  const later = results({
    startedAt: '2026-11-22T05:00:00.000Z',
    cases: [caseOf('304', hit.contenders), caseOf('hit', [figures('gateway', 1)])],
  });

  it('come together, and the later measurement of a case counts', () => {
    for (const runs of [
      [results(), later],
      [later, results()],
    ]) {
      const { cases, startedAt } = merge(runs);
      expect(startedAt).toBe(results().startedAt);
      expect(cases.map((each) => [each.case, each.contenders[0]?.metrics[0]?.median])).toEqual([
        ['hit', 1],
        ['304', 91_234],
      ]);
    }
  });

  it.each([
    ['commits', { commits: { gateway: 'another' } }],
    ['machine', { machine: { ...results().machine, node: 'v24.0.0' } }],
    ['effort', { effort: { ...fullEffort, rounds: 1 } }],
    ['generator', { generator: 'autocannon' }],
  ])('do not come together if they differ in their %s', (field, over) => {
    expect(() => merge([results(), results(over)])).toThrow(`differ in their ${field}`);
  });
});
