import { parseArgs } from 'node:util';
import { startTravelApi } from './api/travel-api.ts';
import { startGatewayProcess } from './player/gateway-process.ts';
import { play } from './player/play.ts';
import { Stage } from './player/stage.ts';
import { bold, say } from './player/terminal.ts';

const usage = `Plays what unstale does, on a real backend: npm run demo -- [--once] [--port N] [--admin-port N] [--api-port N]

  --once         end after the play
  --port         of the gateway (8080)
  --admin-port   of its admin port (9090)
  --api-port     of the backend (4000)`;

const { values } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    port: { type: 'string', default: '8080' },
    'admin-port': { type: 'string', default: '9090' },
    'api-port': { type: 'string', default: '4000' },
  },
});

async function run(): Promise<void> {
  const closers: (() => Promise<void> | void)[] = [];
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  try {
    say('Starting the travel API on PostgreSQL in this process (about 3 s) …');
    const api = await startTravelApi({ port: Number(values['api-port']), latencyMs: [30, 80] });
    closers.push(() => api.close());
    say(`Starting the gateway in front of it: unstale serve -c gateway.example.yaml …`);
    const gateway = await startGatewayProcess(`127.0.0.1:${values.port}`, `127.0.0.1:${values['admin-port']}`, api.url);
    closers.push(() => gateway.stop());
    const url = `http://127.0.0.1:${values.port}`;
    const stage = new Stage(url);
    closers.push(() => stage.close());
    await stage.listen();
    await Promise.race([play(stage), interrupted]);
    if (values.once) return;
    say(bold('It stays up. Watch events in one terminal, write in another, read again:'));
    say(`  curl -N ${url}/_unstale/events`);
    say(`  curl -i -X PATCH ${url}/accommodations/42 -H 'Content-Type: application/json' -d '{"name":"Mine"}'`);
    say(`  curl -i ${url}/steps/9`);
    say('Ctrl-C ends it.');
    await interrupted;
    say('\nStopping …');
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** What to do about what went wrong. */
function advice(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return error.message;
  return `${error.message}\nSomething listens there already: end it, or choose another port (see --help).`;
}

if (values.help) {
  say(usage);
} else {
  await run().catch((error: unknown) => {
    process.stderr.write(`${advice(error)}\n`);
    process.exitCode = 1;
  });
}
