import { once } from 'node:events';
import { connect } from 'node:net';
import { withPatience } from './barrier.ts';
import { parseAnswer, type RawAnswer } from './raw-answer.ts';

export type { RawAnswer } from './raw-answer.ts';

/** A client that sends what it is told, byte for byte. */
export interface RawClient {
  write(bytes: string | Buffer): void;
  /** Ends the sending side only. */
  end(): void;
  /** The next response; `method` is that of the request (HEAD has no body). Rejects when the connection ends before. */
  answer(method?: string): Promise<RawAnswer>;
  /** Everything that has been received and not been taken by `answer`. */
  readonly pending: Buffer;
  /** Resolves when more has been received, or the other side has ended or cut the connection. */
  arrival(): Promise<void>;
  readonly isEnded: boolean;
  /** Resolves when the other side has ended or cut the connection. */
  ended(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects to `http://host:port`. Strings are sent as latin1. `reads: false`: it takes nothing of what is sent to it.
 * `from`: an address of its own.
 */
export async function rawClient(
  url: string,
  { reads = true, from }: { reads?: boolean; from?: string } = {},
): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket = connect({
    ...{ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true },
    ...(from === undefined ? {} : { localAddress: from }),
  });
  await once(socket, 'connect');
  let chunks: Buffer[] = [];
  const pending = (): Buffer => {
    if (chunks.length !== 1) chunks = [Buffer.concat(chunks)];
    return chunks[0] as Buffer;
  };
  let ended = false;
  const arrived = () => {
    ended ||= socket.readableEnded || socket.destroyed;
    socket.emit('arrived');
  };
  // A reset is an end: what matters to a test is what came before it.
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    arrived();
  });
  if (!reads) socket.pause();
  socket.on('end', arrived);
  socket.on('close', arrived);
  const event = () =>
    withPatience(once(socket, 'arrived'), () => `bytes from ${url}, ${pending().byteLength} are pending`);
  return {
    write: (bytes) => void socket.write(bytes, 'latin1'),
    end: () => void socket.end(),
    async answer(method = 'GET') {
      for (;;) {
        const parsed = parseAnswer(pending(), { method, ended });
        if (parsed !== undefined) {
          chunks = [parsed.rest];
          return parsed.answer;
        }
        if (ended) throw new Error(`the connection ended after ${JSON.stringify(pending().toString('latin1'))}`);
        await event();
      }
    },
    get pending() {
      return pending();
    },
    async arrival() {
      if (!ended) await event();
    },
    get isEnded() {
      return ended;
    },
    async ended() {
      while (!ended) await event();
    },
    async close() {
      if (socket.closed) return;
      const closed = once(socket, 'close');
      socket.destroy();
      await closed;
    },
  };
}

/** Sends bytes on a connection of their own and reads `methods.length` responses. */
export async function rawExchange(url: string, bytes: string | Buffer, methods = ['GET']): Promise<RawAnswer[]> {
  const client = await rawClient(url);
  try {
    client.write(bytes);
    const answers: RawAnswer[] = [];
    for (const method of methods) answers.push(await client.answer(method));
    return answers;
  } finally {
    await client.close();
  }
}
