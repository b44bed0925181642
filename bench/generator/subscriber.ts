import { connect, type Socket } from 'node:net';

/** Longer than `\ndata:`, so that a field name split across two segments is still found. */
const overlap = 8;
const connectDeadlineMs = 10_000;
/** How much of an unexpected answer the error message shows. */
const shownOctets = 300;

/**
 * One SSE stream, read as cheaply as possible: 1,000 full parsers in one process would mostly measure themselves.
 * `onEvent` is called for each chunk with the data of an event. Writes are far enough apart for this to be one event.
 */
export class Subscriber {
  readonly #socket: Socket;
  #tail = '';
  #lost: ((error: Error) => void) | undefined;
  onEvent: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(url: URL): Promise<Subscriber> {
    const socket = connect({ host: url.hostname, port: Number(url.port) });
    const subscriber = new Subscriber(socket);
    await new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error('no answer from the event stream')), connectDeadlineMs);
      subscriber.#lost = reject;
      socket.once('connect', () => {
        socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: text/event-stream\r\n\r\n`);
      });
      socket.once('data', (chunk) => {
        clearTimeout(deadline);
        const head = chunk.toString('latin1');
        if (/^HTTP\/1\.1 200 [\s\S]*^content-type: text\/event-stream/im.test(head)) resolve();
        else reject(new Error(`not an event stream: ${head.slice(0, shownOctets)}`));
      });
      socket.on('data', (chunk) => subscriber.#read(chunk));
      socket.on('error', (error) => subscriber.#lost?.(error));
      socket.on('close', () => subscriber.#lost?.(new Error('the event stream was closed')));
    });
    return subscriber;
  }

  /** Called when the stream breaks before `close`. */
  set onLost(listener: (error: Error) => void) {
    this.#lost = listener;
  }

  #read(chunk: Buffer): void {
    const text = this.#tail + chunk.toString('latin1');
    const found = text.lastIndexOf('\ndata:');
    this.#tail = found >= 0 ? '' : text.slice(-overlap);
    if (found >= 0) this.onEvent();
  }

  close(): void {
    this.#lost = undefined;
    this.#socket.destroy();
  }
}
