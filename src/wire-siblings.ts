import { type FoundByOther, verifiedByAll } from './exchange/inspect/verified-by-all.ts';
import { VERIFY_MS, type Verified, type VerifyPorts, verify } from './exchange/inspect/verify.ts';
import type { Metrics } from './observe/metrics.ts';
import { type Gauges, metricsRegistry, textOfAll } from './observe/metrics-registry.ts';
import type { Siblings } from './workers/siblings.ts';

/** A worker that does not answer in time is left out: a scrape must not hang on it. */
const FIGURES_MS = 1_000;
/** Others have to end a slice of what they load. */
const DROP_MS = 10_000;

interface Figures {
  readonly contentType: string;
  readonly text: string;
}

/** The figures of all processes of this gateway, as `/metrics` shows them. */
export function figuresOfAll(metrics: Metrics, gauges: Gauges, siblings: Siblings | undefined): () => Promise<Figures> {
  const registry = metricsRegistry(metrics, gauges);
  const own = () => registry.getMetricsAsJSON();
  siblings?.answer('figures', own);
  const { contentType } = registry;
  if (siblings === undefined) return async () => ({ contentType, text: await registry.metrics() });
  return async () => {
    const [mine, others] = await Promise.all([own(), siblings.ask('figures', undefined, FIGURES_MS)]);
    const theirs = others.flatMap((each) => ('value' in each ? [each.value as readonly object[]] : []));
    return { contentType, text: await textOfAll([mine, ...theirs]) };
  };
}

/** Compares what all processes of this gateway have stored. */
export function verifyAll(
  ports: VerifyPorts,
  siblings: Siblings | undefined,
  processes: number,
): (urls: readonly string[]) => Promise<readonly Verified[]> {
  siblings?.answer('verify', (urls) => verify(ports, urls as readonly string[]));
  if (siblings === undefined) return (urls) => verify(ports, urls);
  return async (urls) => {
    const [own, others] = await Promise.all([
      verify(ports, urls),
      siblings.ask('verify', urls, VERIFY_MS * urls.length),
    ]);
    const found = others.map((each) =>
      'value' in each ? (each.value as readonly Verified[]) : each,
    ) as FoundByOther[];
    return verifiedByAll(own, found, processes - 1 - others.length);
  };
}

/**
 * Has this process forget, when another one says so, what `forget` removes.
 * @returns has all others do so, and resolves with how many of them did not
 */
export function forgetEverywhere(
  forget: () => Promise<void>,
  siblings: Siblings | undefined,
  processes: number,
): () => Promise<number> {
  siblings?.answer('drop', forget);
  if (siblings === undefined) return () => Promise.resolve(0);
  return async () => {
    const others = await siblings.ask('drop', undefined, DROP_MS);
    return processes - 1 - others.filter((each) => 'value' in each).length;
  };
}
