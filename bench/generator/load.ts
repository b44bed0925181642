import { createHistogram } from 'node:perf_hooks';
import autocannon from 'autocannon';
import { childOf } from '../servers/representations.ts';
import { type Load, type LoadResult, type Paths, pathOf } from './protocol.ts';

/** A request without an answer after this time counts as an error. */
const timeoutSeconds = 10;
/** How precisely autocannon keeps to the given duration. */
const samplingMs = 100;
/** Upper limit for runs that end by `amount`, in case one hangs. */
const longestSeconds = 120;

/** Runs one load with autocannon. Records latencies in microseconds, since autocannon rounds to milliseconds. */
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
  const { writes } = load;
  const fixed = { method: load.method, headers: { ...load.headers } };
  // autocannon encodes a fixed request once, so that this does not take time during the measurement.
  if (load.paths.count === 1 && load.body === undefined && writes === undefined) {
    return { ...fixed, path: pathOf(load.paths, load.paths.first) };
  }
  const next = numbersOf(load.paths);
  const nextWrite = writes === undefined ? undefined : numbersOf(writes.paths);
  let sent = 0;
  return {
    ...fixed,
    setupRequest(request) {
      sent += 1;
      if (writes !== undefined && nextWrite !== undefined && sent % writes.every === 0) {
        const number = nextWrite();
        const headers = { 'Content-Type': 'application/json' };
        return { ...request, method: 'PUT', headers, body: childOf(number), path: pathOf(writes.paths, number) };
      }
      const number = next();
      const body = load.body === undefined ? {} : { body: childOf(number) };
      return { ...request, ...body, path: pathOf(load.paths, number) };
    },
  };
}

function numbersOf({ first, count, order }: Paths): () => number {
  let next = 0;
  return order === 'random' ? () => first + Math.floor(Math.random() * count) : () => first + (next++ % count);
}
