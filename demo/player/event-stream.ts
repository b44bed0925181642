import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { performance } from 'node:perf_hooks';

/** An announced invalidation as the demo shows it. */
export interface Announced {
  readonly type: string;
  readonly paths: readonly string[];
  readonly tags: readonly string[];
  readonly cause: { readonly method: string; readonly path: string };
  /** On the clock of `performance.now()`. */
  readonly arrivedAt: number;
}

export interface EventStream {
  /** The next event for which `wanted` is true; undefined if none comes in time or the stream ends. */
  next(wanted: (event: Announced) => boolean, waitMs: number): Promise<Announced | undefined>;
  /** Calls `listener` for each event from now on. */
  onEvent(listener: (event: Announced) => void): void;
  close(): void;
}

/** Follows an event stream of the gateway (WHATWG HTML §9.2). Resolves once it is open. @throws if it is refused */
export async function followEvents(url: string): Promise<EventStream> {
  const { outgoing, response } = await open(url);
  const listeners = new Set<(event: Announced | undefined) => void>();
  const tell = (event: Announced | undefined) => {
    for (const listener of [...listeners]) listener(event);
  };
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = eventIn(block);
      if (event !== undefined) tell(event);
    }
  });
  let isOpen = true;
  response.on('close', () => {
    isOpen = false;
    tell(undefined);
  });
  return {
    next: (wanted, waitMs) =>
      new Promise((resolve) => {
        if (!isOpen) return resolve(undefined);
        const settle = (event: Announced | undefined) => {
          clearTimeout(timer);
          listeners.delete(listener);
          resolve(event);
        };
        const timer = setTimeout(() => settle(undefined), waitMs);
        const listener = (event: Announced | undefined) => {
          if (event === undefined || wanted(event)) settle(event);
        };
        listeners.add(listener);
      }),
    onEvent: (listener) => listeners.add((event) => void (event !== undefined && listener(event))),
    close: () => outgoing.destroy(),
  };
}

function open(url: string): Promise<{ outgoing: ClientRequest; response: IncomingMessage }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { headers: { accept: 'text/event-stream' }, agent: false }, (response) => {
      // The gateway may end the stream at any time; `close` reports that.
      response.on('error', () => response.destroy());
      if (response.statusCode === 200) return resolve({ outgoing, response });
      outgoing.destroy();
      reject(new Error(`${url} answered ${response.statusCode}`));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Parses a block; undefined if it has no data: a comment, or the id at the start of a stream. */
function eventIn(block: string): Announced | undefined {
  const fieldOf = (name: string) =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const json = fieldOf('data');
  const type = fieldOf('event') ?? 'message';
  if (json === undefined || type === 'resync') return undefined;
  const { paths, tags, cause }: Pick<Announced, 'paths' | 'tags' | 'cause'> = JSON.parse(json);
  return { type, paths, tags, cause, arrivedAt: performance.now() };
}
