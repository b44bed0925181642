import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { stop as stopBundler } from 'esbuild';
import { startTravelApi } from './api/travel-api.ts';
import { type DemoArguments, parseArguments, usage } from './player/arguments.ts';
import { Client } from './player/client.ts';
import { followEvents } from './player/event-stream.ts';
import { type GatewayProcess, startGatewayProcess } from './player/gateway-process.ts';
import { showEvent } from './player/lines.ts';
import { demoPage } from './player/page.ts';
import { play, type Tally } from './player/play.ts';
import { explainTakenPorts } from './player/ports.ts';
import { scenario, seededRows } from './player/scenario.ts';
import { Screen } from './player/screen.ts';

type Closer = () => Promise<void> | void;

/** This file is compiled to demo/dist/run.js. */
const root = fileURLToPath(new URL('../../', import.meta.url));
const config = 'gateway.example.yaml';

const WARM_UPS = 5;
/**
 * npm forwards the signal of a Ctrl-C that the terminal already sent to every process. It does not count as a second.
 */
const SAME_SIGNAL_MS = 500;

const screen = new Screen(process.stdout, process.env);

/**
 * Plays the scenario on the travel API and a real gateway, and then keeps both running. Exit codes: 0 stopped, or all
 * checks passed with `--once`; 1 a check failed, or something could not start; 2 invalid arguments.
 */
async function main(): Promise<number> {
  let wanted: DemoArguments;
  try {
    wanted = parseArguments(process.argv.slice(2), process.env);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${usage}`);
    return 2;
  }
  if (wanted.help) {
    screen.line(usage);
    return 0;
  }
  // Registered first, so that Ctrl-C while the database starts also ends the demo cleanly.
  const ending = new AbortController();
  const asked = askedToEnd().then(() => {
    ending.abort();
    return 0;
  });
  const closers: Closer[] = [];
  try {
    return await Promise.race([demonstrate(wanted, closers, ending.signal), asked]);
  } catch (error) {
    console.error(`\nThe demo failed: ${messageOf(error)}`);
    return 1;
  } finally {
    // A closer waits for its process if that is still starting.
    for (const close of closers.reverse()) await close();
  }
}

/** Runs the demo. Starts nothing after `ending` is aborted, since nothing would stop it. */
async function demonstrate(wanted: DemoArguments, closers: Closer[], ending: AbortSignal): Promise<number> {
  const { gateway: listen, admin, apiPort } = wanted;
  const taken = await explainTakenPorts([
    { who: 'the travel API', option: '--api-port', host: '127.0.0.1', port: apiPort },
    { who: 'the gateway', option: '--port', ...listen },
    { who: "the gateway's admin port", option: '--admin-port', ...admin },
  ]);
  if (taken !== '') {
    console.error(taken);
    return 1;
  }
  const api = await startApi(apiPort, closers, ending);
  const gateway = await startGateway(wanted, { api, closers, ending });
  const client = new Client();
  closers.push(() => client.close());
  const events = await followEvents(`${gateway.url}/_unstale/events`);
  closers.push(() => events.close());
  // Warms up both processes, so that the times shown do not include compilation.
  for (let i = 0; i < WARM_UPS; i++) await client.ask(gateway.url, { method: 'GET', target: '/countries' });
  const playing = play(scenario(seededRows), { gateway: gateway.url, api, client, events, screen });
  const tally = await Promise.race([playing, gateway.failed]);
  showTally(tally);
  if (wanted.once) return tally.problems.length === 0 ? 0 : 1;
  showInvitation(gateway.url);
  events.onEvent((event) => showEvent(screen, event));
  return await gateway.failed;
}

async function startApi(port: number, closers: Closer[], ending: AbortSignal): Promise<string> {
  screen.line('Starting the travel API with an in-process PostgreSQL (PGlite). This takes about 3 seconds …');
  const startedAt = performance.now();
  const starting = bundledPage().then((pages) => startTravelApi({ port, pages }));
  closers.push(async () => {
    // If it could not start, the error is reported below and there is nothing to close.
    const api = await starting.catch(() => undefined);
    await api?.close();
  });
  const { url } = await starting;
  ending.throwIfAborted();
  screen.line(`  ${url}  after ${seconds(startedAt)}. It answers within 30 to 80 ms, always with`);
  screen.line('  "Cache-Control: public, max-age=300".');
  return url;
}

async function bundledPage(): Promise<Awaited<ReturnType<typeof demoPage>>> {
  try {
    return await demoPage(root);
  } finally {
    // Its process would stay as long as the demo.
    await stopBundler();
  }
}

async function startGateway(
  { gateway: listen, admin }: DemoArguments,
  { api, closers, ending }: { api: string; closers: Closer[]; ending: AbortSignal },
): Promise<GatewayProcess> {
  screen.line(`Starting the gateway: unstale serve -c ${config}`);
  const startedAt = performance.now();
  const starting = startGatewayProcess({
    root,
    config,
    env: { UNSTALE_ORIGIN: api, UNSTALE_LISTEN: listen.address, UNSTALE_ADMIN_LISTEN: admin.address },
    onComplaint: (line) => console.error(`gateway: ${line}`),
  });
  closers.push(async () => {
    const gateway = await starting.catch(() => undefined);
    await gateway?.stop();
  });
  const gateway = await starting;
  ending.throwIfAborted();
  screen.line(`  ${gateway.url}  after ${seconds(startedAt)}. Admin port: ${gateway.adminUrl}.`);
  screen.line();
  screen.line(
    'An ordinary cache gets the same requests. It trusts the API, invalidates only written resources, and passes',
  );
  screen.line('writes on as they are.');
  screen.line('Times are measured by the client: from a request to its whole answer, or from a write to its event.');
  screen.line();
  return gateway;
}

function showTally({ reads, ordinaryOld, ordinaryLost, problems }: Tally): void {
  if (problems.length > 0) {
    screen.line(screen.paint('red', ['Failed checks:', ...problems].join('\n  ')));
    return;
  }
  const old = `an ordinary cache would have answered ${ordinaryOld} with an old copy`;
  screen.line(`${reads} reads after writes: unstale answered all like the API; ${old}.`);
  screen.line(
    `Of the rows that editors saved, unstale lost nothing; an ordinary cache let the API lose ${ordinaryLost} members.`,
  );
}

function showInvitation(gateway: string): void {
  const { accommodation, otherStep } = seededRows;
  screen.line();
  screen.line('Both keep running. Open this page, and change something in one of its two windows:');
  screen.line();
  screen.line(`  ${screen.paint('bold', `${gateway}/demo/`)}`);
  screen.line();
  screen.line('Or try this in another terminal, and repeat the read after the write:');
  screen.line();
  screen.line(`  curl -si ${gateway}/steps/${otherStep}`);
  screen.line(
    `  curl -si -X PATCH ${gateway}/accommodations/${accommodation} -H 'Content-Type: application/json' -d '{"nights":7}'`,
  );
  screen.line(`  curl -sN '${gateway}/_unstale/events?match=/steps/:id'`);
  screen.line();
  screen.line('Events are shown here as they arrive. Press Ctrl-C to end the demo.');
  screen.line();
}

/** Resolves on a signal, or when the output is closed (`npm run demo | head`). A second signal exits at once. */
async function askedToEnd(): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const pipe = new Promise<void>((resolve) => {
    process.stdout.on('error', () => resolve());
  });
  await Promise.race([...signals.map((signal) => once(process, signal)), pipe]);
  const askedAt = performance.now();
  for (const signal of signals) {
    process.on(signal, () => {
      if (performance.now() - askedAt > SAME_SIGNAL_MS) process.exit(1);
    });
  }
}

function seconds(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main();
