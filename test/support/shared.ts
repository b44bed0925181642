import { inject } from 'vitest';
import { isCi } from './budget.ts';
import { readSnapshot } from './snapshot.ts';

/** The URL of the travel API that all test files share: each makes rows of its own. */
export const travelApi = (): Promise<string> => shared('/travel-api');

/**
 * The travel API's database, with its seed: for tests that need an API of their own, `startTravelApi({ snapshot })`.
 */
export const travelSnapshot = async (): Promise<Blob> => readSnapshot(await shared('/travel-snapshot'));

/** Brings dist/ up to date, for what reads it. */
export const built = (): Promise<string> => shared('/build');

/** A script with all that it imports, in one file: it starts sooner. @returns its path */
export const bundled = (entry: string): Promise<string> => shared(`/bundle?${entry}`);

/** A bundle of src/ as the program, for tests that start it again and again. Compiled, it takes 0.6 of the CPU. */
export const compiledProgram = (): Promise<string> => shared('/program');

/** The path of the program, for tests of processes. In CI it is dist/cli/main.js, which users run. */
export const program = (): Promise<string> => (isCi ? built() : compiledProgram());

async function shared(what: string): Promise<string> {
  const answer = await fetch(inject('sharedUrl') + what, { headers: { connection: 'close' } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}
