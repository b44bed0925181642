import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { startTravelApi } from './api/travel-api.ts';
import { type DemoArguments, parseArguments, usage } from './player/arguments.ts';
import { Client } from './player/client.ts';
import { followEvents } from './player/event-stream.ts';
import { type GatewayProcess, startGatewayProcess } from './player/gateway-process.ts';
import { showEvent } from './player/lines.ts';
import { play, type Tally } from './player/play.ts';
import { explainTakenPorts } from './player/ports.ts';
import { scenario, seededRows } from './player/scenario.ts';
import { Screen } from './player/screen.ts';

type Closer = () => Promise<void> | void;

/** This file is compiled to demo/dist/run.js. */
const root = fileURLToPath(new URL('../../', import.meta.url));
const config = 'gateway.example.yaml';

const WARM_UPS = 5;
/** npm hands on the signal of a Ctrl-C, which the terminal has sent to every process already: that is not a second one. */
const SAME_SIGNAL_MS = 500;

const screen = new Screen(process.stdout, process.env);

/**
 * Plays scenario 1 aloud on the travel API and a real gateway, and stays up. Exit codes: 0 asked to end, or with `--once` all
 * was as promised; 1 something was not, or could not start; 2 wrong arguments.
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
  // Heard from the first moment on, so that Ctrl-C while the database starts ends the demo as cleanly as later.
  const ending = new AbortController();
  const asked = askedToEnd().then(() => {
    ending.abort();
    return 0;
  });
  const closers: Closer[] = [];
  try {
    return await Promise.race([demonstrate(wanted, closers, ending.signal), asked]);
  } catch (error) {
    console.error(`\nThe demo could not go on: ${messageOf(error)}`);
    return 1;
  } finally {
    // What is still being started is waited for by its closer.
    for (const close of closers.reverse()) await close();
  }
}

/** Starts nothing more once `ending` is aborted: nobody would close it. */
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
  // The first exchanges of two processes measure how long their code takes to warm up.
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
  screen.line('Starting the travel API, on a PostgreSQL in the process (PGlite): some 3 seconds …');
  const startedAt = performance.now();
  const starting = startTravelApi({ port });
  closers.push(async () => {
    // What could not start says so below, and is nothing to close.
    const api = await starting.catch(() => undefined);
    await api?.close();
  });
  const { url } = await starting;
  ending.throwIfAborted();
  screen.line(`  ${url}  after ${seconds(startedAt)}. It takes 30 to 80 ms for an answer, and says`);
  screen.line('  "Cache-Control: public, max-age=300" of everything.');
  return url;
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
  screen.line(`  ${gateway.url}  after ${seconds(startedAt)}, its admin port ${gateway.adminUrl}.`);
  screen.line();
  screen.line(
    'An ordinary cache is asked the same: one that believes the API, and forgets a resource that is written.',
  );
  screen.line("Times are the client's: from the request to the whole answer, or from the write to its event.");
  screen.line();
  return gateway;
}

function showTally({ reads, ordinaryOld, problems }: Tally): void {
  const old = `an ordinary cache would have answered ${ordinaryOld} with an old copy`;
  if (problems.length === 0) screen.line(`${reads} reads after writes: unstale answered each as the API does; ${old}.`);
  else screen.line(screen.paint('red', ['Not as promised:', ...problems].join('\n  ')));
}

function showInvitation(gateway: string): void {
  const { accommodation, otherStep } = seededRows;
  screen.line();
  screen.line('Both stay up. Try in another terminal, and read again after the write:');
  screen.line();
  screen.line(`  curl -si ${gateway}/steps/${otherStep}`);
  screen.line(
    `  curl -si -X PATCH ${gateway}/accommodations/${accommodation} -H 'Content-Type: application/json' -d '{"nights":7}'`,
  );
  screen.line(`  curl -sN '${gateway}/_unstale/events?match=/steps/:id'`);
  screen.line();
  screen.line('Events are shown here as they arrive. Ctrl-C ends the demo.');
  screen.line();
}

/** A signal, or that nobody reads any more (`npm run demo | head`). A second signal ends the process at once. */
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
