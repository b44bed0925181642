import { execFileSync } from 'node:child_process';
import type { Case, Metric } from '../bench.ts';
import { millionProgram } from '../paths.ts';

const held: Metric = { name: 'held bytes', unit: 'B', better: 'lower', digits: 0 };
const charged: Metric = { name: 'charged bytes', unit: 'B', digits: 0 };
const resident: Metric = { name: 'resident bytes', unit: 'B', better: 'lower', digits: 0 };
/** Includes the process itself, and garbage that has not been collected: a bound, not an estimate. */
const share: Metric = { name: 'resident / charged', unit: '', better: 'lower', digits: 2 };
const rate: Metric = { name: 'stored/s', unit: '1/s', better: 'higher', digits: 0 };

/** Enough heap for a million responses, so that garbage collections do not distort the result. */
const HEAP_MB = 12_288;

/** Compares the bytes that `store.memory.maxSize` counts with those really held, for small responses with many tags. */
export const million: Case = {
  name: 'million',
  title: 'a million stored responses of 256 B with five tags each, per response',
  run(bench) {
    const count = bench.effort.storedResponses >= 20_000 ? 1_000_000 : 100_000;
    const args = [`--max-old-space-size=${HEAP_MB}`, '--expose-gc', millionProgram];
    const said = execFileSync(process.execPath, [...args, bench.directories.gateway ?? '', String(count)]).toString();
    bench.progress(`${count.toLocaleString('en')} responses stored`);
    const { heldBytes, chargedBytes, residentBytes, storedPerSecond } = JSON.parse(said) as Record<string, number>;
    const sample = {
      [held.name]: heldBytes ?? Number.NaN,
      [charged.name]: chargedBytes ?? Number.NaN,
      [resident.name]: residentBytes ?? Number.NaN,
      [share.name]: (residentBytes ?? Number.NaN) / (chargedBytes ?? Number.NaN),
      [rate.name]: storedPerSecond ?? Number.NaN,
    };
    return Promise.resolve({
      metrics: [held, charged, resident, share, rate],
      samples: { gateway: [sample] },
      comparisons: [],
    });
  },
};
