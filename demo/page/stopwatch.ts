import type { UnstaleEvent } from 'unstale/client';

/*
 * The windows of one browser have one clock. The one that writes tells the others when it sent the request, so that
 * each can say how long the change took to reach it.
 */

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly at: number;
}

/** Milliseconds since 1970, with fractions. */
export const now = (): number => performance.timeOrigin + performance.now();

const channel = new BroadcastChannel('unstale-demo');
/** Writes whose event has not come. */
const sent = new Map<string, number>();
/** The write that had the newest event. It may have several, with one position and a number after it. */
let newest: { readonly position: string; readonly at: number } | undefined;

/** A write that is older has failed, or has changed nothing. */
const MAX_AGE_MS = 30_000;

const keyOf = (method: string, path: string): string => `${method} ${path}`;

channel.onmessage = ({ data }: MessageEvent<Sent>): void => {
  sent.set(keyOf(data.method, data.path), data.at);
};

/** Called right before a write is sent. */
export function noteSent(method: string, path: string): void {
  const at = now();
  sent.set(keyOf(method, path), at);
  channel.postMessage({ method, path, at } satisfies Sent);
}

/** When the write that caused this event was sent. Undefined if it came from elsewhere. */
export function sentAt({ id, cause }: Pick<UnstaleEvent, 'id' | 'cause'>): number | undefined {
  const position = id.split('.', 1)[0] ?? id;
  if (newest?.position === position) return newest.at;
  const key = keyOf(cause.method, cause.path);
  const at = sent.get(key);
  // The next event of this path may have another cause.
  sent.delete(key);
  if (at === undefined || now() - at > MAX_AGE_MS) return undefined;
  newest = { position, at };
  return at;
}
