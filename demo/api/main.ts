import { once } from 'node:events';
import { type Arguments, parseArguments, usage } from './arguments.ts';
import { startTravelApi } from './travel-api.ts';

/** Runs the travel API until SIGINT or SIGTERM. Exit codes: 0 stopped, 1 could not start, 2 invalid arguments. */
async function main(): Promise<number> {
  let wanted: Arguments;
  try {
    wanted = parseArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${messageOf(error)}\n${usage}`);
    return 2;
  }
  // Registered before the database starts, so that a signal during those three seconds also ends it cleanly.
  const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  try {
    const api = await startTravelApi(wanted);
    console.log(`Travel API on ${api.url}, latency ${wanted.latencyMs.join('–')} ms. Press Ctrl-C to end it.`);
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
