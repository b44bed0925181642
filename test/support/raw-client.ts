import { once } from 'node:events';
import { connect } from 'node:net';
import { withPatience } from './barrier.ts';
import { parseAnswer, type RawAnswer } from './raw-answer.ts';

export type { RawAnswer } from './raw-answer.ts';

/** A client that sends what it is told, byte for byte. */
export interface RawClient {
  write(bytes: string | Buffer): void;
  /** Takes what is sent to it, from now on. */
  read(): void;
  /** Takes nothing of what is sent to it, until `read`. */
  pause(): void;
  /** Ends the sending side only. */
  end(): void;
  /** The next response; `method` is that of the request (HEAD has no body). Rejects when the connection ends before. */
  answer(method?: string): Promise<RawAnswer>;
  /** Everything that has been received and not been taken by `answer`. */
  readonly pending: Buffer;
  /** Bytes that it was told to send, and that the system has not taken. */
  readonly unsent: number;
  /** Resolves when more has been received, or the other side has ended or cut the connection. */
  arrival(): Promise<void>;
  readonly isEnded: boolean;
  /** Resolves when the other side has ended or cut the connection. */
  ended(): Promise<void>;
  close(): Promise<void>;
}

/** What has come and has not been taken. Its memory grows by half: long answers are not copied with each piece. */
class Received {
  #memory: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  get bytes(): Buffer {
    return this.#memory.subarray(this.#start, this.#end);
  }

  add(piece: Buffer): void {
    const kept = this.bytes;
    if (kept.byteLength === 0) {
      this.#memory = piece;
      this.#start = 0;
      this.#end = piece.byteLength;
      return;
    }
    if (this.#end + piece.byteLength > this.#memory.byteLength) {
      this.#memory = Buffer.allocUnsafe(Math.ceil(1.5 * (kept.byteLength + piece.byteLength)));
      kept.copy(this.#memory);
      this.#start = 0;
      this.#end = kept.byteLength;
    }
    piece.copy(this.#memory, this.#end);
    this.#end += piece.byteLength;
  }

  /** Of what has come, so many bytes are left; the others have been taken. */
  keep(length: number): void {
    this.#start = this.#end - length;
  }
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
  const received = new Received();
  let ended = false;
  const arrived = () => {
    ended ||= socket.readableEnded || socket.destroyed;
    socket.emit('arrived');
  };
  // A reset is an end: what matters to a test is what came before it.
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    received.add(chunk);
    arrived();
  });
  if (!reads) socket.pause();
  socket.on('end', arrived);
  socket.on('close', arrived);
  const event = () =>
    withPatience(once(socket, 'arrived'), () => `bytes from ${url}, ${received.bytes.byteLength} are pending`);
  return {
    write: (bytes) => void socket.write(bytes, 'latin1'),
    read: () => void socket.resume(),
    pause: () => void socket.pause(),
    end: () => void socket.end(),
    async answer(method = 'GET') {
      for (;;) {
        const parsed = parseAnswer(received.bytes, { method, ended });
        if (parsed !== undefined) {
          received.keep(parsed.rest.byteLength);
          return parsed.answer;
        }
        if (ended) throw new Error(`the connection ended after ${JSON.stringify(received.bytes.toString('latin1'))}`);
        await event();
      }
    },
    get pending() {
      return received.bytes;
    },
    get unsent() {
      return socket.writableLength;
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
