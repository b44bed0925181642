import { once } from 'node:events';
import { WebSocket } from 'ws';
import { until } from './barrier.ts';
import type { SseEvent } from './sse-client.ts';

/** A message of the gateway. */
export type Message = Record<string, unknown> & { readonly type: string };

/** A client of events over a WebSocket that keeps everything it is sent. */
export interface WsClient {
  readonly socket: WebSocket;
  readonly messages: readonly Message[];
  /** Messages with events, resync among them, as an event stream would have them. */
  readonly events: readonly SseEvent[];
  /** The id of the last message that had one. */
  readonly lastEventId: string | undefined;
  readonly closed: { readonly code: number; readonly reason: string } | undefined;
  /** The next event that has not been taken yet. */
  next(): Promise<SseEvent>;
  say(message: object | string): void;
  /** Resolves with the first message of this type, or one that `which` also accepts. */
  told(type: string, which?: (message: Message) => boolean): Promise<Message>;
  pause(): void;
  close(): void;
}

/** Resolves once the subscription of the URL is ready. */
export async function wsClient(
  url: string,
  headers: Record<string, string> = {},
  options: { readonly autoPong?: boolean } = {},
): Promise<WsClient> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers, ...options });
  const messages: Message[] = [];
  const events: SseEvent[] = [];
  let closed: WsClient['closed'];
  let taken = 0;
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Message;
    messages.push(message);
    if (isEvent(message)) events.push(asEvent(message));
  });
  socket.on('close', (code, reason) => {
    closed = { code, reason: String(reason) };
  });
  const client: WsClient = {
    socket,
    messages,
    events,
    get lastEventId() {
      return messages.findLast(({ id }) => typeof id === 'string')?.id as string | undefined;
    },
    get closed() {
      return closed;
    },
    async next() {
      await until(() => events.length > taken || closed !== undefined, 'an event');
      const found = events[taken++];
      if (found === undefined) throw new Error('the connection ended before the next event');
      return found;
    },
    say: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    async told(type, which = () => true) {
      const find = (): Message | undefined => messages.find((message) => message.type === type && which(message));
      await until(() => find() !== undefined || closed !== undefined, `a message of the type ${type}`);
      const found = find();
      if (found === undefined) throw new Error(`the connection ended before a message of the type ${type}`);
      return found;
    },
    pause: () => socket.pause(),
    close: () => socket.terminate(),
  };
  await once(socket, 'open');
  socket.on('error', () => {});
  await client.told('ready');
  return client;
}

const isEvent = ({ type, ref }: Message): boolean => type === 'event' || (type === 'resync' && ref === undefined);

function asEvent(message: Message): SseEvent {
  const { id, data } = message as { id?: string; data?: unknown };
  const type = message.type === 'resync' ? 'resync' : String(message.event);
  return { id, type, data: JSON.stringify(data), json: <T>() => data as T };
}
