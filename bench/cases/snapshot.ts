import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bench, type Case, type Metric, ratioOf, type Sample } from '../bench.ts';
import { residentBytes } from '../measure/resident.ts';
import { freePort } from '../servers/free-port.ts';
import { type Gateway, startGateway } from '../servers/gateway.ts';
import { ask } from '../servers/server.ts';

const p50: Metric = { name: 'p50 µs', unit: 'µs', better: 'lower', digits: 0 };
const p99: Metric = { name: 'p99 µs', unit: 'µs', better: 'lower', digits: 0 };
const p999: Metric = { name: 'p99.9 µs', unit: 'µs', better: 'lower', digits: 0 };
const took: Metric = { name: 'ms in all', unit: 'ms', better: 'lower', digits: 0 };
const fileBytes: Metric = { name: 'file bytes', unit: 'B', better: 'lower', digits: 0 };
const resident: Metric = { name: 'resident bytes', unit: 'B', better: 'lower', digits: 0 };

/** Far below saturation. */
const rate = 5_000;
const connections = 16;
const fillConnections = 64;
const HEAP_MB = 12_288;
/** The log of a load is looked for this often. */
const pollMs = 50;
const deadlineMs = 600_000;

/**
 * Hits at a fixed rate while a snapshot of many small responses is saved, and while it is loaded. The load comes right
 * after the start, so it is compared with a start without one: code that has just begun to run is slow.
 */
export const snapshot: Case = {
  name: 'snapshot',
  title: 'hits while a million small responses are saved and loaded, requests due at a fixed rate',
  async run(bench) {
    const count = bench.effort.storedResponses >= 20_000 ? 1_000_000 : 20_000;
    const path = mkdtempSync(join(tmpdir(), 'unstale-bench-state-'));
    // The port is in the cache key.
    const port = await freePort();
    const start = (keys: string): Promise<Gateway> =>
      startGateway({
        name: 'gateway',
        directory: bench.directories.gateway ?? '',
        originUrl: bench.origin.url,
        core: bench.placement.server,
        memory: '6GiB',
        nodeOptions: [`--max-old-space-size=${HEAP_MB}`],
        port,
        store: `  snapshot: { path: "${path}", maxSize: 8GiB, ${keys} }`,
      });
    try {
      const samples = { ...(await saving(bench, start, { count, path })), ...(await loading(bench, start)) };
      const comparisons = [ratioOf('while saving', 'warm'), ratioOf('while loading', 'just started')];
      return { metrics: [p50, p99, p999, took, fileBytes, resident], samples, comparisons };
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  },
};

type Samples = Record<string, readonly Sample[]>;

async function saving(
  bench: Bench,
  start: (keys: string) => Promise<Gateway>,
  { count, path }: { count: number; path: string },
): Promise<Samples> {
  const gateway = await start('load: off, save: off');
  try {
    const paths = { template: '/things/{n}', first: 1, count };
    const load = { method: 'GET', headers: {}, body: undefined, connections: fillConnections, amount: count } as const;
    await bench.generator.load({ ...load, url: gateway.url, paths });
    bench.progress(`${count.toLocaleString('en')} responses stored`);
    await hits(bench, gateway);
    const warm: Sample[] = [];
    for (let round = 0; round < bench.effort.rounds; round++) warm.push(await hits(bench, gateway));
    let isSaving = true;
    const saved = fetch(`${gateway.adminUrl}/snapshot`, { method: 'POST' }).finally(() => {
      isSaving = false;
    });
    // Of its whole length: it has phases, and its garbage is collected later.
    const whileSaving: Sample[] = [];
    do whileSaving.push(await hits(bench, gateway));
    while (isSaving);
    const { responses, bytes, ms } = (await (await saved).json()) as Record<'responses' | 'bytes' | 'ms', number>;
    if (responses !== count) throw new Error(`${responses} of ${count} responses were saved`);
    bench.progress(`saved to ${path} within ${ms} ms`);
    const whole = { [took.name]: ms, [fileBytes.name]: bytes, [resident.name]: residentBytes(gateway.child.pid) };
    return { warm, 'while saving': spaced(whileSaving, warm.length).map((sample) => ({ ...sample, ...whole })) };
  } finally {
    await gateway.stop();
  }
}

async function loading(bench: Bench, start: (keys: string) => Promise<Gateway>): Promise<Samples> {
  const cold = await start('load: off, save: off');
  let justStarted: Sample;
  try {
    justStarted = await hits(bench, cold);
  } finally {
    await cold.stop();
  }
  const gateway = await start('load: revalidate, save: off');
  try {
    const whileLoading = await hits(bench, gateway);
    const line = await said(gateway, /^snapshot: loaded .* within (\d+) ms.*/m);
    bench.progress(line[0]);
    const own = { [took.name]: Number(line[1]), [resident.name]: residentBytes(gateway.child.pid) };
    return { 'just started': [justStarted], 'while loading': [{ ...whileLoading, ...own }] };
  } finally {
    await gateway.stop();
  }
}

/** So many, evenly spaced, without the last one, which goes on after the end. Fewer if there are no more. */
function spaced(samples: readonly Sample[], count: number): Sample[] {
  const whole = samples.slice(0, Math.max(1, samples.length - 1));
  if (whole.length <= count) return whole;
  return Array.from({ length: count }, (_, i) => whole[Math.floor((i * whole.length) / count)] as Sample);
}

async function hits({ generator, effort }: Bench, { url }: Gateway): Promise<Sample> {
  const result = await generator.paced({
    url,
    path: '/things/1',
    headers: {},
    rate,
    connections,
    seconds: effort.seconds,
  });
  return { [p50.name]: result.p50Us, [p99.name]: result.p99Us, [p999.name]: result.p999Us };
}

/** What `/readyz?verbose` says, once it says so. */
async function said({ adminUrl }: Gateway, wanted: RegExp): Promise<RegExpExecArray> {
  const deadline = performance.now() + deadlineMs;
  while (performance.now() < deadline) {
    const { body } = await ask(`${adminUrl}/readyz?verbose`);
    const found = wanted.exec(body);
    if (found !== null) return found;
    await delay(pollMs);
  }
  throw new Error(`the gateway did not say ${wanted}`);
}
