import { once } from 'node:events';
import { type Arguments, parseArguments, usage } from './arguments.ts';
import { startTravelApi } from './travel-api.ts';

/** Runs the travel API until SIGINT or SIGTERM. Exit codes: 0 ended, 1 could not start, 2 wrong arguments. */
async function main(): Promise<number> {
  let wanted: Arguments;
  try {
    wanted = parseArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${messageOf(error)}\n${usage}`);
    return 2;
  }
  // Listened for before the database starts, so that a signal in those three seconds ends it as cleanly as one later.
  const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  try {
    const api = await startTravelApi(wanted);
    console.log(`Travel API on ${api.url}, latency ${wanted.latencyMs.join('–')} ms. Ctrl-C ends it.`);
    await asked;
    await api.close();
    return 0;
  } catch (error) {
    console.error(`The travel API could not run: ${messageOf(error)}`);
    return 1;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main();
