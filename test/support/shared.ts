import { inject } from 'vitest';
import { readSnapshot } from './snapshot.ts';

/** The URL of the travel API that all test files share: each makes rows of its own. */
export const travelApi = (): Promise<string> => shared('/travel-api');

/**
 * The travel API's database, with its seed: for tests that need an API of their own, `startTravelApi({ snapshot })`.
 */
export const travelSnapshot = async (): Promise<Blob> => readSnapshot(await shared('/travel-snapshot'));

/**
 * For tests of processes: they run the gateway as users run it, from dist/. Built once for all, where it is out of
 * date.
 */
export const built = (): Promise<string> => shared('/build');

async function shared(what: string): Promise<string> {
  const answer = await fetch(inject('sharedUrl') + what, { headers: { connection: 'close' } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}
