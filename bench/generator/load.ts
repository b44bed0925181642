import { createHistogram } from 'node:perf_hooks';
import autocannon from 'autocannon';
import { childOf } from '../servers/representations.ts';
import type { Load, LoadResult } from './protocol.ts';

/** An answer that has not come after this long counts as an error. */
const timeoutSeconds = 10;
/** How exactly autocannon keeps to the seconds that it was given. */
const samplingMs = 100;
/** For a run that ends by `amount`; it is only there so that a broken one ends at all. */
const longestSeconds = 120;

/** Runs one load with autocannon. Latencies are kept in microseconds: autocannon itself rounds to milliseconds. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const latencies = createHistogram();
  const statuses: Record<string, number> = {};
  let requests = 0;
  let firstAnswer = 0;
  let lastAnswer = 0;
  const cpu = process.cpuUsage();
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url: load.url,
        connections: load.connections,
        timeout: timeoutSeconds,
        sampleInt: samplingMs,
        ...(load.amount === undefined ? {} : { amount: load.amount }),
        duration: load.seconds ?? longestSeconds,
        requests: [requestOf(load)],
      },
      (error, done) => (error ? reject(error) : resolve(done)),
    );
    instance.on('response', (_client, status, _bytes, milliseconds) => {
      lastAnswer = performance.now();
      if (requests === 0) firstAnswer = lastAnswer;
      requests += 1;
      statuses[status] = (statuses[status] ?? 0) + 1;
      latencies.record(Math.max(1, Math.round(milliseconds * 1000)));
    });
  });
  const used = process.cpuUsage(cpu);
  return {
    requests,
    seconds: (lastAnswer - firstAnswer) / 1000,
    p50Us: latencies.percentile(50),
    p99Us: latencies.percentile(99),
    statuses,
    errors: result.errors + result.timeouts,
    cpuSeconds: (used.user + used.system) / 1e6,
  };
}

function requestOf(load: Load): autocannon.Request {
  const { prefix, first, count } = load.paths;
  const fixed = { method: load.method, headers: { ...load.headers } };
  // One fixed request is encoded once by autocannon: nothing is spent on it while it is measured.
  if (count === 1 && load.body === undefined) return { ...fixed, path: `${prefix}${first}` };
  let next = 0;
  return {
    ...fixed,
    setupRequest: (request) => {
      const number = first + (next++ % count);
      const body = load.body === undefined ? {} : { body: childOf(number) };
      return { ...request, ...body, path: `${prefix}${number}` };
    },
  };
}
