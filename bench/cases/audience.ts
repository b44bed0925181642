import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, type Case, type CaseResult, type Metric, ratioOf, type Sample } from '../bench.ts';
import type { AudienceTask, Heard, Publication } from '../generator/audience.ts';
import type { AudienceMessage } from '../generator/audience-process.ts';
import { cpuSeconds } from '../measure/cpu-time.ts';
import { heldBack } from '../measure/held-back.ts';
import { residentBytes } from '../measure/resident.ts';
import { audienceProgram, gatewayProgram } from '../paths.ts';
import { startNchan } from '../peers/nchan.ts';
import { startChild } from '../servers/child.ts';
import { freePort } from '../servers/free-port.ts';
import { childOf } from '../servers/representations.ts';
import { type Server, untilReady } from '../servers/server.ts';

/** The share of subscribers that reads slowly. They are not among those whose times are counted. */
const slowShare = 0.1;
/** As in other cases, the first writes are not counted: the server still compiles, and clears up after the opening. */
const warmUpMs = 2_000;

const ms = (name: string): Metric => ({ name, unit: 'ms', better: 'lower', digits: 1 });
const metrics: readonly Metric[] = [
  ms('sent p50 ms'),
  ms('sent p99 ms'),
  ms('last p50 ms'),
  { name: 'held back', unit: 'connections', digits: 0 },
  { name: 'KiB each', unit: 'KiB', better: 'lower', digits: 1 },
  { name: 'server CPU ms', unit: 'ms', better: 'lower', digits: 1 },
];

interface Contender {
  readonly name: string;
  readonly start: () => Promise<Server>;
  readonly kind: AudienceTask['kind'];
  readonly path: string;
  readonly publication: (n: number) => Publication;
}

/** What a gateway announces of a write, in about as many bytes. */
const message = (n: number): string =>
  `{"paths":["/children/${n}","/parents/${n % 10}"],"tags":[],"cause":{"method":"PUT","path":"/children/${n}","rule":"child-in-parent"},"at":"2026-01-02T03:04:05.678Z"}`;

/** 10,000 subscribers of one server, a tenth of whom read slowly, beside nginx with nchan. */
export const audience: Case = {
  name: 'audience',
  title: 'events to 10,000 subscribers, a tenth of whom read slowly',
  async run(bench): Promise<CaseResult> {
    const contenders = await contendersOf(bench);
    const samples: Record<string, Sample[]> = Object.fromEntries(contenders.map(({ name }) => [name, []]));
    for (let round = 1; round <= Math.min(3, bench.effort.rounds); round++) {
      for (const contender of contenders) {
        const sample = await measure(bench, contender);
        samples[contender.name]?.push(sample);
        bench.progress(`${contender.name}: round ${round}, p99 ${sample['sent p99 ms']?.toFixed(1)} ms`);
      }
    }
    const names = contenders.map(({ name }) => name);
    const comparisons = ['sse', 'ws'].flatMap((kind) =>
      names.includes(`nchan ${kind}`) ? [ratioOf(`gateway ${kind}`, `nchan ${kind}`)] : [],
    );
    return { metrics, samples, comparisons };
  },
};

async function contendersOf(bench: Bench): Promise<Contender[]> {
  const { server: core } = bench.placement;
  const found: Contender[] = [];
  for (const [name, directory] of Object.entries(bench.directories)) {
    for (const kind of ['sse', 'ws'] as const) {
      found.push({
        name: `${name} ${kind}`,
        start: () => startGateway(bench, directory),
        kind,
        path: kind === 'sse' ? '/_unstale/events' : '/_unstale/ws',
        publication: (n) => ({
          method: 'PUT',
          path: `/children/${n}`,
          contentType: 'application/json',
          body: childOf(n),
          marker: `"/children/${n}"`,
        }),
      });
    }
  }
  const probe = await startNchan(core);
  if (probe === undefined) return found;
  await probe.stop();
  for (const kind of ['sse', 'ws'] as const) {
    found.push({
      name: `nchan ${kind}`,
      start: async () => (await startNchan(core)) as Server,
      kind,
      path: '/sub',
      publication: (n) => ({
        method: 'POST',
        path: '/pub',
        contentType: 'application/json',
        body: message(n),
        marker: `"/children/${n}"`,
      }),
    });
  }
  return found;
}

async function measure(bench: Bench, contender: Contender): Promise<Sample> {
  const { effort, placement } = bench;
  const subscribers = effort.fanOutWrites < 10 ? 2_000 : 10_000;
  const server = await contender.start();
  const generator = startChild(process.execPath, [audienceProgram], { core: placement.generator, ipc: true });
  const perform = async (asked: AudienceMessage): Promise<unknown> => {
    const reply = Promise.race([once(generator.process, 'message'), generator.failed]);
    generator.process.send(asked);
    const [said] = (await reply) as [{ done?: unknown; failed?: string }];
    if (said.failed !== undefined) throw new Error(`${contender.name}: ${said.failed}`);
    return said.done;
  };
  const publish = async (count: number): Promise<Heard> => {
    const first = bench.freshNumbers(count);
    const publications = Array.from({ length: count }, (_, i) => contender.publication(first + i));
    return (await perform({ kind: 'publish', publications })) as Heard;
  };
  try {
    const { path, kind } = contender;
    const { pid } = server;
    if (pid === undefined) throw new Error(`${server.url} has no process of its own`);
    const task = { url: server.url, path, kind, slow: slowShare };
    // What a first subscriber loads is not a part of each.
    await perform({ kind: 'open', task: { ...task, subscribers: 100 } });
    await publish(1);
    await perform({ kind: 'close' });
    const before = residentBytes(pid);
    await perform({ kind: 'open', task: { ...task, subscribers } });
    for (const until = performance.now() + warmUpMs; performance.now() < until; ) await publish(1);
    const after = residentBytes(pid);
    const cpuBefore = cpuSeconds(pid);
    const writes = Math.min(20, effort.fanOutWrites);
    const { sent, last } = await publish(writes);
    const cpu = cpuSeconds(pid) - cpuBefore;
    const held = heldBack(Number(new URL(server.url).port));
    await perform({ kind: 'close' });
    return {
      'sent p50 ms': sent.p50,
      'sent p99 ms': sent.p99,
      'last p50 ms': last.p50,
      'held back': held,
      'KiB each': (after - before) / subscribers / 1024,
      'server CPU ms': (cpu * 1000) / writes,
    };
  } finally {
    await generator.stop();
    await server.stop();
  }
}

/** With room for one connection more than there are subscribers. Everything else is a default. */
async function startGateway(bench: Bench, directory: string): Promise<Server> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const scratch = mkdtempSync(join(tmpdir(), 'unstale-bench-audience-'));
  const file = join(scratch, 'gateway.yaml');
  writeFileSync(
    file,
    `
server: { listen: "127.0.0.1:${port}", limits: { connections: 15000 } }
admin: { listen: "127.0.0.1:${adminPort}" }
origin: { url: "${bench.origin.url}" }
rules:
  - name: child-in-parent
    on: PUT /children/:id
    invalidate: ["/children/{id}", "/parents/{response.parentId}"]
`,
  );
  const program = [join(directory, gatewayProgram), 'serve', '-c', file];
  const child = startChild(process.execPath, program, { core: bench.placement.server, scratch });
  try {
    await untilReady(`http://127.0.0.1:${adminPort}/readyz`, child);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { name: 'gateway', url: `http://127.0.0.1:${port}`, pid: child.pid, stop: child.stop };
}
