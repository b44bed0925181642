import { type Case, type Metric, ratioOf, type Sample } from '../bench.ts';
import { hitRatios } from '../measure/admission.ts';

const capacity = 20_000;

const ratio = (exponent: number, scanned: number): Metric => ({
  name: `hits %, Zipf ${exponent.toFixed(1)}, ${100 * scanned} % scans`,
  unit: '%',
  better: 'higher',
  digits: 1,
});

const traces = [0.8, 1].flatMap((exponent) => [0, 0.1, 0.5].map((scanned) => ({ exponent, scanned })));

/** The same trace each time, so that one round is enough. `shifting`: what is popular changes eight times. */
export const admission: Case = {
  name: 'admission',
  title: `hits of ${capacity.toLocaleString('en')} stored responses, least recently used and with an admission`,
  async run(bench) {
    const requests = bench.effort.storedResponses >= 20_000 ? 2_000_000 : 200_000;
    const samples: Record<string, Record<string, number>> = {};
    for (const [kind, shiftEvery] of [
      ['', Number.POSITIVE_INFINITY],
      [', shifting', requests / 8],
    ] as const) {
      const plain: Record<string, number> = {};
      const admitted: Record<string, number> = {};
      for (const { exponent, scanned } of traces) {
        const trace = { requests, scanned, scanLength: 20_000, keys: 100_000, exponent, shiftEvery };
        const found = await hitRatios(trace, capacity);
        const { name } = ratio(exponent, scanned);
        plain[name] = 100 * found.plain;
        admitted[name] = 100 * found.admitted;
      }
      samples[`recently used${kind}`] = plain;
      samples[`admitted${kind}`] = admitted;
      bench.progress(`${(requests * traces.length * 2).toLocaleString('en')} requests played${kind}`);
    }
    const inRounds = Object.fromEntries(
      Object.entries(samples).map(([name, each]): [string, Sample[]] => [name, [each]]),
    );
    return {
      metrics: traces.map(({ exponent, scanned }) => ratio(exponent, scanned)),
      samples: inRounds,
      comparisons: [ratioOf('admitted', 'recently used'), ratioOf('admitted, shifting', 'recently used, shifting')],
    };
  },
};
