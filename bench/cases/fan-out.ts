import { type Case, type Metric, ratioOf, type Sample } from '../bench.ts';

/** Few and many: what the writes cost, and what the subscribers add. */
const audiences = [100, 1_000];
const eventsPath = '/_unstale/events';

const figures = ['each p50', 'each p99', 'last p50', 'last p99', 'sent p50', 'sent p99'] as const;
const nameOf = (subscribers: number, figure: (typeof figures)[number]): string => `${subscribers}: ${figure} ms`;
const metrics = audiences.flatMap((subscribers) =>
  figures.map((figure): Metric => ({ name: nameOf(subscribers, figure), unit: 'ms', better: 'lower', digits: 1 })),
);

/** One write, 100 or 1,000 event streams: the time until each, and the last, subscriber has its event. */
export const fanOut: Case = {
  name: 'fan-out',
  title: 'events to 100 and to 1,000 subscribers',
  async run(bench) {
    const samples: Record<string, Sample[]> = Object.fromEntries(bench.gateways.map(({ name }) => [name, []]));
    const { rounds, fanOutWrites: writes } = bench.effort;
    for (let round = 1; round <= rounds; round++) {
      for (const gateway of bench.gateways) {
        const sample: Record<string, number> = {};
        for (const subscribers of audiences) {
          const first = bench.freshNumbers(writes + 1);
          const task = { url: gateway.url, eventsPath, subscribers, writes, first };
          const { released, sent, last } = await bench.generator.fanOut(task);
          const measured = [released.p50, released.p99, last.p50, last.p99, sent.p50, sent.p99];
          for (const [i, figure] of figures.entries()) sample[nameOf(subscribers, figure)] = measured[i] ?? Number.NaN;
          bench.progress(`${gateway.name}: round ${round} of ${rounds}, ${subscribers}, p99 ${sent.p99.toFixed(1)} ms`);
        }
        samples[gateway.name]?.push(sample);
      }
    }
    return { metrics, samples, comparisons: bench.gateways.slice(1).map(({ name }) => ratioOf('gateway', name)) };
  },
};
