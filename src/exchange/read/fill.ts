import type { Readable, Writable } from 'node:stream';
import type { CacheStatus } from '../../http/cache-status.ts';
import { formatHttpDate } from '../../http/date.ts';
import type { Fields } from '../../http/fields.ts';
import { currentAgeMs } from '../../http/freshness.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { takeChunks } from '../body.ts';
import { appendCacheStatus } from '../cache-status-lines.ts';
import { clientFields } from '../client-fields.ts';
import { codedEtagOf304 } from '../coded-etags.ts';
import type { OriginResponse, ReadOutcome, Reply } from '../ports.ts';
import { pump, pumpBody } from '../pump.ts';
import type { Forward } from './decide.ts';
import type { Fetching } from './fetching.ts';
import type { Flight } from './flights.ts';
import type { FillContext, Storability } from './judge.ts';
import { keep } from './keep.ts';
import type { ReadPorts } from './read-ports.ts';
import { respond } from './respond.ts';
import { storedForm } from './stored-form.ts';

/**
 * The head is held back until the body is complete: only then does the gateway know its `ETag`, and whether the answer
 * is stored. But only up to so many bytes, and for so long. After that a prompt first byte is worth more to the client.
 */
const MAX_HELD_BYTES = 256 * 1024;
const MAX_HELD_MS = 50;

const NOTHING = Buffer.alloc(0);

/** Of an answer that may be stored. */
type Kept = Storability & { readonly store: true };

/** An answer whose head has arrived, and whether it may be stored. */
interface JudgedAnswer {
  readonly context: FillContext;
  readonly answer: OriginResponse;
  /** The end-to-end fields of the answer. */
  readonly headers: Fields;
  /** The client wants it as it arrives (`isIncremental`). */
  readonly streams: boolean;
  readonly storability: Storability;
  /** The stored part that a 206 completed: `answer` is the whole (completed.ts). */
  readonly completes: StoredResponse | undefined;
}

/** Sends one answer to the client and stores it. */
export class Fill {
  readonly #ports: ReadPorts;
  readonly #context: FillContext;
  readonly #decision: Forward;
  readonly #answer: OriginResponse;
  readonly #headers: Fields;
  readonly #streams: boolean;
  readonly #storability: Storability;
  readonly #completes: StoredResponse | undefined;
  readonly #flight: Flight | undefined;
  readonly #reply: Reply | undefined;
  /** The client's stream, once its head has been sent. */
  #sink: Writable | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** How many chunks and bytes have been written to the client's stream. */
  #given = { chunks: 0, bytes: 0 };

  constructor(ports: ReadPorts, { decision, flight, reply }: Fetching, judged: JudgedAnswer) {
    this.#ports = ports;
    this.#context = judged.context;
    this.#decision = decision;
    this.#answer = judged.answer;
    this.#headers = judged.headers;
    this.#streams = judged.streams;
    this.#storability = judged.storability;
    this.#completes = judged.completes;
    this.#flight = flight;
    this.#reply = reply;
  }

  /** Rejects if the body breaks off. The caller must then land the flight and fail the reply. */
  run(): ReadOutcome | Promise<ReadOutcome> {
    const storability = this.#storability;
    if (storability.store && !this.#streams && this.#context.read.request.method !== 'HEAD') {
      const whole = this.#answer.body.whole();
      if (whole !== undefined) return this.#takeWhole(whole, storability);
    }
    return this.#receive();
  }

  /** Receives a body that has not arrived, or that is not kept. */
  async #receive(): Promise<ReadOutcome> {
    try {
      if (!this.#storability.store) return await this.#pass(this.#storability.detail);
      if (this.#context.read.request.method === 'HEAD') return await this.#pass('head');
      return await this.#collect(this.#storability);
    } catch (error) {
      // A body that nobody reads would hold its connection for ever.
      this.#answer.body.destroy();
      throw error;
    } finally {
      this.#ports.budget.give(this.#bytes);
    }
  }

  /** Streams the answer at the client's pace without storing it. */
  async #pass(detail: string, rest?: Readable): Promise<ReadOutcome> {
    this.#flight?.land({ kind: 'unusable' });
    const { body } = this.#answer;
    if (this.#reply === undefined) {
      body.destroy();
      return { outcome: 'bypass', detail };
    }
    const sink = this.#start(detail);
    this.#reply.onGone(() => body.destroy());
    if (!this.#reply.gone) {
      if (this.#streams) this.#giveHead(sink);
      for (const chunk of this.#chunks.slice(this.#given.chunks)) sink.write(chunk);
      this.#chunks = [];
      const pumping = { sink, reply: this.#reply };
      await (rest === undefined ? pumpBody(body, pumping) : pump(rest, pumping));
    } else {
      body.destroy();
    }
    return { outcome: this.#decision.fwd === 'bypass' ? 'bypass' : 'miss', detail };
  }

  async #collect(storability: Kept): Promise<ReadOutcome> {
    const declared = Number(this.#headers.get('content-length') ?? 0);
    if (declared > this.#ports.maxEntryBytes) return this.#pass('too-large');
    // Others want it as it arrives, too. They get it once it is stored.
    if (this.#streams) this.#flight?.land({ kind: 'unusable' });
    const holdBytes = declared <= MAX_HELD_BYTES ? MAX_HELD_BYTES : 0;
    const release = this.#holdBack(this.#streams ? 0 : MAX_HELD_MS);
    try {
      return await this.#collected(storability, holdBytes);
    } finally {
      release();
    }
  }

  /** Stores and sends a body that has arrived to its end, as nearly every small one has: nothing has to wait. */
  #takeWhole(whole: Buffer, storability: Kept): ReadOutcome | Promise<ReadOutcome> {
    const { maxEntryBytes, budget } = this.#ports;
    if (whole.byteLength > maxEntryBytes) return this.#pass('too-large');
    if (!budget.take(whole.byteLength)) return this.#pass('no-room');
    try {
      this.#chunks = [whole];
      return this.#finish(storability);
    } finally {
      budget.give(whole.byteLength);
    }
  }

  /** Sends the head, and what has arrived, after so long. Returns what cancels it. */
  #holdBack(ms: number): () => void {
    const reply = this.#reply;
    if (reply === undefined) return () => {};
    const send = (): void => {
      if (!reply.gone) this.#giveHead(this.#start('streamed'));
    };
    if (ms === 0) {
      send();
      return () => {};
    }
    const { timers } = this.#ports;
    // What has arrived meanwhile is read first, so that a machine that stalls does not stream what is complete.
    let cancel = timers.after(ms, () => {
      cancel = timers.after(0, send);
    });
    return () => cancel();
  }

  async #collected(storability: Kept, holdBytes: number): Promise<ReadOutcome> {
    let refusal: string | undefined;
    const rest = await takeChunks(this.#answer.body.stream(), (chunk) => {
      refusal = this.#takes(chunk);
      if (refusal !== undefined) return false;
      if (this.#sink === undefined && this.#reply !== undefined && this.#bytes > holdBytes) this.#start('streamed');
      if (this.#sink !== undefined) this.#give(this.#sink);
      return true;
    });
    return refusal === undefined ? this.#finish(storability) : this.#pass(refusal, rest);
  }

  /** Keeps a chunk that has arrived. Returns why it is the last one that is kept. */
  #takes(chunk: Buffer): string | undefined {
    this.#chunks.push(chunk);
    if (this.#bytes + chunk.byteLength > this.#ports.maxEntryBytes) return 'too-large';
    if (!this.#ports.budget.take(chunk.byteLength)) return 'no-room';
    this.#bytes += chunk.byteLength;
    return undefined;
  }

  /** Writes what has arrived, and the head even if nothing has: Node keeps it until there is something to write. */
  #giveHead(sink: Writable): void {
    if (this.#chunks.length === 0) sink.write(NOTHING);
    this.#give(sink);
  }

  /**
   * Writes what has arrived to the client's stream. A client that does not keep up gets the rest from the stored body.
   */
  #give(sink: Writable): void {
    while (this.#given.chunks < this.#chunks.length && !sink.writableNeedDrain) {
      const chunk = this.#chunks[this.#given.chunks] as Buffer;
      sink.write(chunk);
      this.#given = { chunks: this.#given.chunks + 1, bytes: this.#given.bytes + chunk.byteLength };
    }
  }

  #finish(storability: Kept): ReadOutcome {
    const { status } = this.#answer;
    const headers = this.#headers;
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    const answer = { status, headers, body, storability, range: this.#decision.range, tags: this.#completes?.tags };
    const response = this.#answer.isDelimited()
      ? storedForm(this.#ports, this.#context, answer)
      : { unstorable: 'not-delimited' };
    if ('unstorable' in response) {
      this.#flight?.land({ kind: 'unusable' });
      this.#end(undefined, response.unstorable);
      return { outcome: 'miss', detail: response.unstorable };
    }
    const refusal = keep(this.#ports, this.#context.read, response);
    this.#flight?.land({ kind: 'response', response, stored: refusal === undefined });
    // A client that asked for a range gets the octets of this answer, not those that they were combined with.
    this.#end(status === 206 ? undefined : response, refusal);
    return { outcome: 'miss', detail: refusal, unusable: this.#unusable() };
  }

  /** Ends the reply after the body was collected. Sends the whole answer if its head was held back until now. */
  #end(response: StoredResponse | undefined, detail: string | undefined): void {
    if (this.#sink !== undefined) {
      // Slices of the stored body are shared. The chunks would be held in memory once for each slow client.
      const rest = response && [response.body.subarray(this.#given.bytes)];
      for (const chunk of rest ?? this.#chunks.slice(this.#given.chunks)) this.#sink.write(chunk);
      this.#chunks = [];
      this.#sink.end();
    } else if (this.#reply !== undefined && response !== undefined) {
      // The client that asked gets every field, including those that are not stored for others (`private="…"`).
      const hasAll = 2 * response.fieldCount === this.#headers.lines.length;
      const own = hasAll ? response : response.with({ clientHeaders: this.#clientFields(response.etag) });
      const { cursor } = this.#context.read;
      const said = { status: this.#status(detail), ageMs: this.#ageMs(response), cursor };
      respond(this.#context.read.request, this.#reply, own, said);
    } else if (this.#reply !== undefined) {
      const sink = this.#start(detail);
      for (const chunk of this.#chunks) sink.write(chunk);
      sink.end();
    }
  }

  /** Why the stored response that this answer replaces could not be used. */
  #unusable(): string | undefined {
    return this.#decision.fwd === 'stale' ? this.#decision.detail : undefined;
  }

  #ageMs(response: StoredResponse): number | undefined {
    const ageMs = currentAgeMs(response, this.#ports.clock.wall());
    return ageMs >= 1000 || response.field('age') !== undefined ? ageMs : undefined;
  }

  #status(detail: string | undefined): CacheStatus {
    const stored = this.#storability.store && detail === undefined;
    const fwdStatus = this.#completes === undefined ? this.#answer.status : 206;
    return { fwd: this.#decision.fwd, fwdStatus, stored, detail: detail ?? this.#decision.detail };
  }

  /** `etag` is the complete response's, if it is already known. */
  #clientFields(etag: string | undefined): string[] {
    const { request, route } = this.#context.read;
    const { policy } = route;
    const origin = this.#headers;
    return clientFields(origin.lines, {
      policy: policy.client,
      directives: this.#storability.directives,
      etag: etag ?? codedEtagOf304(this.#answer.status, origin.get('etag'), request.headers, policy.client.encode),
      date: formatHttpDate(this.#context.respondedAt),
      stripped: policy.cache.setCookie === 'strip' ? ['set-cookie'] : [],
    });
  }

  /** Sends the head of a streamed answer. */
  #start(detail: string | undefined): Writable {
    if (this.#sink !== undefined) return this.#sink;
    const { status } = this.#answer;
    const headers = this.#headers;
    const reply = this.#reply as Reply;
    const lines = this.#clientFields(undefined);
    const length = this.#answer.headers.get('content-length');
    if (length !== undefined) lines.push('Content-Length', length);
    const age = headers.get('age');
    if (age !== undefined) lines.push('Age', age);
    // Of what is streamed, nobody knows yet whether it will be stored.
    appendCacheStatus(lines, this.#status(detail), this.#context.read.cursor);
    const sink = reply.begin(status, lines);
    this.#sink = sink;
    // Otherwise what came while the client did not keep up would wait for the origin's next bytes.
    sink.on('drain', () => this.#give(sink));
    return sink;
  }
}
