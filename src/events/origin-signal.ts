import type { Signal } from './signals.ts';

/** What subscribers ask for who want to know how an origin stands: `unstale:origin:legacy`, `unstale:origin:*`. */
const TAG = 'unstale:origin:';

/** @param since wall clock: when it went down; undefined if it has always been up */
export function originSignal(
  { origin, is, since }: { origin: string; is: 'down' | 'up'; since: number | undefined },
  at: number,
): Signal {
  const payload = { origin, ...(since !== undefined && { since: new Date(since).toISOString() }) };
  return { type: `origin.${is}`, tag: `${TAG}${origin}`, payload, at };
}
