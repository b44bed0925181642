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
const sent = new Map<string, number>();

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

/** When the write was sent. Undefined if it came from elsewhere. */
export const sentAt = (method: string, path: string): number | undefined => sent.get(keyOf(method, path));
