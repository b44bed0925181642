import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Percentiles } from './protocol.ts';

/** Connections are opened in batches of this size, since the listen queue is bounded. */
const openedAtOnce = 100;
/** One address has a share of the connections. The whole of 127.0.0.0/8 is this machine. */
const perAddress = 500;
/** A slow reader takes what has come this often: most take nothing while times are counted. */
const slowMs = 5_000;
/** What has not come by then is lost, and the run fails. */
const deadlineMs = 20_000;

export interface AudienceTask {
  readonly url: string;
  readonly path: string;
  readonly kind: 'sse' | 'ws';
  readonly subscribers: number;
  /** The share of them that reads slowly. */
  readonly slow: number;
}

export interface Publication {
  readonly method: 'PUT' | 'POST';
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
  /** What an event of this publication contains, and no other one does. */
  readonly marker: string;
}

export interface Heard {
  /** Milliseconds from the sending of the publication until it came, over all quick subscribers. */
  readonly sent: Percentiles;
  /** From the answer to the publication. */
  readonly released: Percentiles;
  /** Until the last quick subscriber of each publication had it, from its sending. */
  readonly last: Percentiles;
}

/** One read of a socket. All share it: nothing of it is kept. */
const READ_BYTES = 64 * 1024;

interface Reader {
  readonly isSlow: boolean;
  /** Takes the head of the answer, then what comes. */
  take: (piece: Buffer) => void;
}

/** Many subscribers in one process, read as cheaply as possible. */
export class Audience {
  readonly #task: AudienceTask;
  readonly #quick: Socket[] = [];
  readonly #slow: Socket[] = [];
  #marker = Buffer.from('');
  #arrivals: number[] = [];
  #changed: () => void = () => {};
  #lost = 0;
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);
  #timer: NodeJS.Timeout | undefined;

  constructor(task: AudienceTask) {
    this.#task = task;
  }

  async open(): Promise<void> {
    const { subscribers, slow } = this.#task;
    for (let from = 0; from < subscribers; from += openedAtOnce) {
      const count = Math.min(openedAtOnce, subscribers - from);
      await Promise.all(Array.from({ length: count }, (_, i) => this.#open(from + i, ((from + i) % 100) / 100 < slow)));
    }
    // In turns, so that they are not all read at one moment.
    let turn = 0;
    this.#timer = setInterval(() => {
      turn = (turn + 1) % 10;
      for (let i = turn; i < this.#slow.length; i += 10) this.#slow[i]?.resume();
    }, slowMs / 10);
  }

  /** Publishes one after the other, each when all quick subscribers have had the one before. */
  async publish(publications: readonly Publication[]): Promise<Heard> {
    const [sent, released, last]: number[][] = [[], [], []];
    for (const publication of publications) {
      this.#arrivals = [];
      this.#marker = Buffer.from(publication.marker);
      const everyone = this.#everyone();
      const sentAt = performance.now();
      const [releasedAt] = await Promise.all([send(this.#task.url, publication), everyone]);
      sent?.push(...this.#arrivals.map((at) => at - sentAt));
      released?.push(...this.#arrivals.map((at) => at - releasedAt));
      last?.push(Math.max(...this.#arrivals) - sentAt);
    }
    if (this.#lost > 0) throw new Error(`${this.#lost} subscribers were cut off`);
    return { sent: percentiles(sent ?? []), released: percentiles(released ?? []), last: percentiles(last ?? []) };
  }

  close(): void {
    clearInterval(this.#timer);
    for (const socket of [...this.#quick, ...this.#slow]) socket.removeAllListeners('close').destroy();
  }

  #read(chunk: Buffer): void {
    if (!chunk.includes(this.#marker)) return;
    this.#arrivals.push(performance.now());
    if (this.#arrivals.length === this.#quick.length) this.#changed();
  }

  #everyone(): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`${this.#arrivals.length} of ${this.#quick.length} had the event`));
      const deadline = setTimeout(late, deadlineMs);
      this.#changed = () => {
        clearTimeout(deadline);
        resolve();
      };
    });
  }

  async #open(i: number, isSlow: boolean): Promise<void> {
    const reader: Reader = { isSlow, take: () => {} };
    const socket = await this.#connect(i, reader);
    reader.take = isSlow ? () => {} : (piece) => this.#read(piece);
    socket.on('close', () => {
      this.#lost += 1;
    });
    (isSlow ? this.#slow : this.#quick).push(socket);
  }

  #connect(i: number, reader: Reader): Promise<Socket> {
    const { url, path, kind } = this.#task;
    const { hostname, port, host } = new URL(url);
    const localAddress = `127.0.0.${2 + Math.floor(i / perAddress)}`;
    const onread = {
      buffer: this.#buffer,
      callback: (length: number) => {
        reader.take(this.#buffer.subarray(0, length));
        // False: nothing more is taken from the system. A stream that is paused would go on to fill its own buffer.
        return !reader.isSlow;
      },
    };
    const socket = connect({ host: hostname, port: Number(port), localAddress, onread });
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    const asked = kind === 'ws' ? upgrade : 'Accept: text/event-stream\r\n';
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${asked}\r\n`);
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error('no answer to a subscription')), deadlineMs);
      socket.once('error', reject);
      reader.take = (piece) => {
        clearTimeout(deadline);
        const head = piece.toString('latin1', 0, 300);
        if (/^HTTP\/1\.1 (?:200|101) /.test(head)) resolve(socket);
        else reject(new Error(`a subscription was answered ${head}`));
      };
    });
  }
}

/** Resolves with the time at which the answer came. */
function send(url: string, { method, path, contentType, body }: Publication): Promise<number> {
  const headers = { 'Content-Type': contentType, 'Content-Length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const sending = request(new URL(path, url), { method, headers, agent: false }, (response) => {
      const at = performance.now();
      response.resume().on('error', reject);
      const { statusCode: status = 0 } = response;
      response.on('end', () => (status < 300 ? resolve(at) : reject(new Error(`publishing was answered ${status}`))));
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
