import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import type { Paced, PacedResult } from './protocol.ts';

/** The run fails when no answer has come for so long after the last request was due. */
const answerDeadlineMs = 10_000;
const endOfHead = Buffer.from('\r\n\r\n');

/**
 * Sends requests at a fixed rate, each on a free connection or, if there is none, on the next one to become free. The
 * latency counts from the time at which a request was due. A server that stalls has therefore to answer for all the
 * requests that became due in the meantime, which a closed loop would not have sent (coordinated omission).
 */
export async function runPaced(paced: Paced): Promise<PacedResult> {
  const url = new URL(paced.url);
  const fields = Object.entries({ Host: url.host, ...paced.headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = Buffer.from(`GET ${paced.path} HTTP/1.1\r\n${fields.join('')}\r\n`);
  const connections: Connection[] = [];
  try {
    for (let i = 0; i < paced.connections; i++) connections.push(await Connection.open(url, request));
    return await play(paced, connections);
  } finally {
    for (const connection of connections) connection.close();
  }
}

function play({ rate, seconds }: Paced, connections: readonly Connection[]): Promise<PacedResult> {
  const total = Math.round(rate * seconds);
  const latencies = createHistogram();
  const lateness = createHistogram();
  const statuses: Record<string, number> = {};
  /** In the order in which they became free, so that all of them are used at any rate. */
  const free = [...connections];
  let sent = 0;
  let answered = 0;
  let over = false;
  /**
   * At the last turn. The run fails only at the next one, after the sockets were read: this process may have been
   * stopped.
   */
  let isOverdue = false;
  let lastAnsweredAt = 0;
  const startedAt = performance.now();
  const dueAt = (n: number): number => startedAt + (1000 * n) / rate;
  return new Promise<PacedResult>((resolve, reject) => {
    const fail = (error: Error): void => {
      over = true;
      reject(error);
    };
    const onAnswer = (connection: Connection, status: number, askedAt: number): void => {
      const now = performance.now();
      latencies.record(microseconds(now - askedAt));
      statuses[status] = (statuses[status] ?? 0) + 1;
      connection.freeSince = now;
      lastAnsweredAt = now;
      free.push(connection);
      answered += 1;
      if (answered < total) return;
      over = true;
      const [p50Us, p99Us, p999Us] = [50, 99, 99.9].map((p) => latencies.percentile(p)) as [number, number, number];
      const lateP99Us = lateness.percentile(99);
      resolve({ requests: total, seconds: (now - startedAt) / 1000, p50Us, p99Us, p999Us, lateP99Us, statuses });
    };
    for (const connection of connections) {
      connection.onLost = fail;
      connection.onAnswer = (status, askedAt) => onAnswer(connection, status, askedAt);
    }
    // A timer's resolution of a millisecond would send in bursts, so the process looks at the clock all the time.
    const turn = (): void => {
      if (over) return;
      const now = performance.now();
      for (; sent < total && dueAt(sent) <= now; sent++) {
        const connection = free.shift();
        if (connection === undefined) break;
        lateness.record(microseconds(now - Math.max(dueAt(sent), connection.freeSince)));
        connection.send(dueAt(sent));
      }
      const wasOverdue = isOverdue;
      isOverdue = now > Math.max(dueAt(total), lastAnsweredAt) + answerDeadlineMs;
      if (isOverdue && wasOverdue) fail(new Error(`only ${answered} of ${total} were answered`));
      else setImmediate(turn);
    };
    turn();
  });
}

const microseconds = (ms: number): number => Math.max(1, Math.round(ms * 1000));

/** One connection with at most one request in flight. Reads no more of an answer than where it ends. */
class Connection {
  readonly #socket: Socket;
  readonly #request: Buffer;
  #askedAt = 0;
  /** What has arrived of a head that is not complete. */
  #head: Buffer | undefined;
  /** Octets of the body that are missing; undefined before the head is complete. */
  #missing: number | undefined;
  #status = 0;
  freeSince = 0;
  onAnswer: (status: number, askedAt: number) => void = () => undefined;
  onLost: (error: Error) => void = () => undefined;

  private constructor(socket: Socket, request: Buffer) {
    this.#socket = socket;
    this.#request = request;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', (error) => this.onLost(error));
    socket.on('end', () => this.onLost(new Error('a connection was closed')));
  }

  static async open(url: URL, request: Buffer): Promise<Connection> {
    const socket = connect({ host: url.hostname, port: Number(url.port || '80') });
    await once(socket, 'connect');
    return new Connection(socket, request);
  }

  send(dueAt: number): void {
    this.#askedAt = dueAt;
    this.#socket.write(this.#request);
  }

  close(): void {
    this.onLost = () => undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#missing !== undefined) {
      this.#count(chunk.length);
      return;
    }
    const octets = this.#head === undefined ? chunk : Buffer.concat([this.#head, chunk]);
    const end = octets.indexOf(endOfHead);
    this.#head = end < 0 ? octets : undefined;
    if (end < 0) return;
    const head = octets.toString('latin1', 0, end + 2);
    this.#status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined && this.#status !== 304) {
      this.onLost(new Error(`an answer without Content-Length, which this load needs:\n${head}`));
      return;
    }
    this.#missing = this.#status === 304 ? 0 : Number(length);
    this.#count(octets.length - end - endOfHead.length);
  }

  #count(octets: number): void {
    this.#missing = (this.#missing ?? 0) - octets;
    if (this.#missing > 0) return;
    if (this.#missing < 0) {
      this.onLost(new Error('more than one answer to a request'));
      return;
    }
    this.#missing = undefined;
    this.onAnswer(this.#status, this.#askedAt);
  }
}
