import type { FetchImplementation } from 'jose';
import type { Clock } from '../clock.ts';

/** A JWK Set that is larger is no JWK Set. */
const MAX_BYTES = 1024 * 1024;
/** After a failed fetch, no other one for this long: whoever sends tokens could otherwise cause one with each. */
const FAILED_FOR_MS = 5_000;

/** Fetches a JWK Set, within bounds. */
export function boundedFetch(clock: Pick<Clock, 'monotonic'>): FetchImplementation {
  let failure: { readonly error: unknown; readonly until: number } | undefined;
  return async (url, options) => {
    if (failure !== undefined && clock.monotonic() < failure.until) throw failure.error;
    try {
      const response = await fetch(url, options);
      if (response.status !== 200) throw new Error(`${new URL(url).host} answered ${response.status}`);
      const body = await readBounded(response);
      JSON.parse(body);
      failure = undefined;
      return new Response(body, { status: 200 });
    } catch (error) {
      failure = { error, until: clock.monotonic() + FAILED_FOR_MS };
      throw error;
    }
  };
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new Error(`the key set has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
