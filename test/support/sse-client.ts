import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { until } from './barrier.ts';

export interface SseEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: string;
  json<T = Record<string, unknown>>(): T;
}

/** A client of an event stream that keeps everything it is sent. */
export interface SseClient {
  readonly response: IncomingMessage;
  readonly events: readonly SseEvent[];
  /** Comment lines, heartbeats among them. */
  readonly comments: readonly string[];
  /** What a browser would send as `Last-Event-ID`. */
  readonly lastEventId: string | undefined;
  readonly closed: boolean;
  /** Everything that came, as it came. */
  readonly received: string;
  /** The next event that has not been taken yet. */
  next(): Promise<SseEvent>;
  /** Stops reading from the socket. */
  pause(): void;
  close(): void;
}

/** Resolves once the stream is open: the head and the first block have come. */
export async function sseClient(url: string, headers: Record<string, string> = {}): Promise<SseClient> {
  const { outgoing, response } = await open(url, headers);
  const events: SseEvent[] = [];
  const comments: string[] = [];
  let lastEventId: string | undefined;
  let closed = false;
  let taken = 0;
  let blocks = 0;
  let text = '';
  let received = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    received += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = parse(text.slice(0, end));
      text = text.slice(end + 2);
      blocks += 1;
      comments.push(...block.comments);
      lastEventId = block.id ?? lastEventId;
      if (block.data !== undefined) events.push(event(block.type ?? 'message', block.data, lastEventId));
    }
  });
  const end = (): void => {
    closed = true;
  };
  response.on('close', end).on('error', end);
  await until(() => blocks > 0 || closed, 'an event stream to open');
  return {
    response,
    events,
    comments,
    get lastEventId() {
      return lastEventId;
    },
    get closed() {
      return closed;
    },
    get received() {
      return received;
    },
    async next() {
      await until(() => events.length > taken || closed, 'an event');
      const found = events[taken++];
      if (found === undefined) throw new Error('the stream ended before the next event');
      return found;
    },
    pause: () => response.pause(),
    close: () => outgoing.destroy(),
  };
}

function open(
  url: string,
  headers: Record<string, string>,
): Promise<{ outgoing: ClientRequest; response: IncomingMessage }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { headers: { accept: 'text/event-stream', ...headers }, agent: false });
    outgoing.on('response', (response) => {
      outgoing.on('error', () => response.destroy());
      resolve({ outgoing, response });
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

function event(type: string, data: string, id: string | undefined): SseEvent {
  return { id, type, data, json: <T>() => JSON.parse(data) as T };
}

function parse(block: string): { id?: string; type?: string; data?: string; comments: string[] } {
  const parsed: { id?: string; type?: string; data?: string; comments: string[] } = { comments: [] };
  for (const line of block.split('\n')) {
    const at = line.indexOf(':');
    const name = line.slice(0, at);
    const value = line.slice(at + 1).replace(/^ /, '');
    if (at === 0) parsed.comments.push(value);
    else if (name === 'id') parsed.id = value;
    else if (name === 'event') parsed.type = value;
    else if (name === 'data') parsed.data = parsed.data === undefined ? value : `${parsed.data}\n${value}`;
  }
  return parsed;
}
