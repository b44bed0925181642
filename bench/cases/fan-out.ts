import { type Case, type Metric, ratioOf, type Sample } from '../bench.ts';

const subscribers = 1000;
const eventsPath = '/_unstale/events';

const ms = (name: string): Metric => ({ name, unit: 'ms', better: 'lower', digits: 1 });
const metrics = [ms('each p50 ms'), ms('each p99 ms'), ms('last p50 ms'), ms('last p99 ms'), ms('sent p99 ms')];

/**
 * One write, 1,000 event streams: the time from the write's answer until each, and the last, subscriber has its event.
 */
export const fanOut: Case = {
  name: 'fan-out',
  title: `events to ${subscribers.toLocaleString('en')} subscribers`,
  async run(bench) {
    const samples: Record<string, Sample[]> = Object.fromEntries(bench.gateways.map(({ name }) => [name, []]));
    const { rounds, fanOutWrites: writes } = bench.effort;
    for (let round = 1; round <= rounds; round++) {
      for (const gateway of bench.gateways) {
        const first = bench.freshNumbers(writes + 1);
        const { released, sent, last } = await bench.generator.fanOut({
          url: gateway.url,
          eventsPath,
          subscribers,
          writes,
          first,
        });
        samples[gateway.name]?.push({
          'each p50 ms': released.p50,
          'each p99 ms': released.p99,
          'last p50 ms': last.p50,
          'last p99 ms': last.p99,
          'sent p99 ms': sent.p99,
        });
        bench.progress(`${gateway.name}: round ${round} of ${rounds}, p99 ${released.p99.toFixed(1)} ms`);
      }
    }
    return { metrics, samples, comparisons: bench.gateways.slice(1).map(({ name }) => ratioOf('gateway', name)) };
  },
};
