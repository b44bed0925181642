import type { Clock } from '../clock.ts';
import { OriginError } from '../errors.ts';
import type {
  Origin,
  OriginChange,
  OriginCircuit,
  OriginRequest,
  OriginResponse,
  OriginStanding,
} from '../exchange/ports.ts';
import { type Fields, valuesOf } from '../http/fields.ts';
import { isIncremental } from '../http/incremental.ts';
import { isRead } from '../http/methods.ts';
import { retryAfterMs } from '../http/retry-after.ts';
import {
  type Circuit,
  type CircuitInput,
  type CircuitSettings,
  isDue,
  newCircuit,
  stepCircuit,
  succeeded,
} from './circuit.ts';
import type { Asked, Health } from './probe.ts';
import type { Watch, WatchableOrigin } from './watch.ts';

export interface CircuitOriginOptions {
  readonly name: string;
  readonly settings: CircuitSettings;
  /**
   * Asks the origin whether it is down, or up again when a request is to be sent. Undefined if its health is probed
   * (health-probes.ts): that tells then, and so do requests that find no connection. Never rejects.
   */
  readonly ask: ((asked: Asked) => Promise<Health>) | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told of each change, after it has happened. */
  readonly changed: (change: OriginChange) => void;
}

/**
 * Answers by which an origin, or what stands before it, says that it is down. Any other answer is a success: a 500
 * comes from one resource.
 */
export const downStatuses: ReadonlySet<number> = new Set([502, 503, 504]);

/** What takes longer is no good probe, as long as there is another one. */
const QUICK_MS = 1_000;

/**
 * An origin whose requests are refused while it is down (circuit.ts). A request fails it by what the origin does: no
 * connection, no answer in time, one that breaks off or is no HTTP, 502, 503 or 504. It counts for nothing if its
 * client gave up or the gateway did not send it, and where an origin that is well does the same: it takes long over a
 * write, or closes the connection to refuse a handshake.
 */
export class CircuitOrigin implements Origin, OriginCircuit {
  readonly #origin: WatchableOrigin;
  readonly #options: CircuitOriginOptions;
  #circuit: Circuit = newCircuit;
  #reason = '';
  /** The last read that was answered well, and soon: the probe asks for it again. */
  #well: Omit<Asked, 'method'> | undefined;
  #isStopped = false;
  #downs = 0;
  #ups = 0;
  #refused = 0;

  constructor(origin: WatchableOrigin, options: CircuitOriginOptions) {
    this.#origin = origin;
    this.#options = options;
  }

  get circuit(): OriginCircuit {
    return this;
  }

  get askedAs(): Origin['askedAs'] {
    return this.#origin.askedAs;
  }

  get serverErrors(): Origin['serverErrors'] {
    return this.#origin.serverErrors;
  }

  get ownFields(): Origin['ownFields'] {
    return this.#origin.ownFields;
  }

  get isClosed(): boolean {
    return this.#circuit.is === 'closed';
  }

  get isDue(): boolean {
    return this.#options.ask !== undefined && isDue(this.#circuit, this.#options.clock.monotonic());
  }

  get name(): string {
    return this.#options.name;
  }

  get standing(): OriginStanding {
    const circuit = this.#circuit;
    const since = circuit.is === 'closed' ? undefined : circuit.since;
    return {
      ...{ is: circuit.is, since, reason: this.#reason },
      ...{ downs: this.#downs, ups: this.#ups, refused: this.#refused },
    };
  }

  fetch(request: OriginRequest): Promise<OriginResponse> {
    return this.isClosed ? this.#send(request) : this.#sendIfUp(request);
  }

  admit(asked: Pick<Asked, 'target' | 'host'>): Promise<void> | undefined {
    return this.isClosed ? undefined : this.#probeOrRefuse(asked);
  }

  #refusal(): OriginError {
    const { name } = this.#options;
    const circuit = this.#circuit;
    const since = new Date(circuit.is === 'closed' ? this.#options.clock.wall() : circuit.since).toISOString();
    const seconds = Math.max(1, Math.ceil((this.probeInMs ?? 0) / 1_000));
    return new OriginError('originDown', {
      sent: false,
      fault: 'request',
      detail: `the origin "${name}" has been down since ${since}: the request was not sent`,
      more: { origin: name, since },
      lines: ['Retry-After', String(seconds)],
    });
  }

  /** The turn of a probe of its health. Undefined if none may be sent now. */
  beginProbe(): number | undefined {
    if (!this.isClosed && !this.#beginsProbe()) return undefined;
    return this.#circuit.turn;
  }

  probed(turn: number, { ok, reason, retryAfterMs }: Health): void {
    if (!ok) this.#reason = reason;
    if (this.isClosed) this.#put({ is: 'health', turn, ok });
    else this.#put(ok ? { is: 'success', turn } : { is: 'failure', turn, retryAfterMs });
  }

  /** The pool is about to be closed. What becomes of requests says nothing of the origin any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** How long until the next probe, of an origin that is down. */
  get probeInMs(): number | undefined {
    const circuit = this.#circuit;
    return circuit.is === 'open' ? Math.max(0, circuit.probeAt - this.#options.clock.monotonic()) : undefined;
  }

  /**
   * The request that finds a probe due waits for it, all others are refused meanwhile. No client that leaves ends it.
   */
  async #probeOrRefuse({ target, host }: Pick<Asked, 'target' | 'host'>): Promise<void> {
    const { ask } = this.#options;
    if (ask !== undefined && this.#beginsProbe()) {
      const { turn } = this.#circuit;
      this.probed(turn, await ask(this.#asking({ target, host })));
    }
    if (this.isClosed) return;
    this.#refused += 1;
    throw this.#refusal();
  }

  /**
   * The last read that was answered well, and what a client asks for now, in turn: one of them may be slow, or refused
   * to the gateway. By HEAD at first; then by GET, which an API may know alone.
   */
  #asking({ target, host }: Pick<Asked, 'target' | 'host'>): Asked {
    const circuit = this.#circuit;
    const failed = circuit.is === 'closed' ? 0 : circuit.failed;
    const method = failed % 4 < 2 ? 'HEAD' : 'GET';
    if (this.#well !== undefined && failed % 2 === 0) return { method, ...this.#well };
    return { method, target, host: this.askedAs?.host ?? host };
  }

  async #sendIfUp(request: OriginRequest): Promise<OriginResponse> {
    try {
      await this.admit(askable(request));
    } catch (error) {
      request.place?.leave();
      throw error;
    }
    return this.#send(request);
  }

  #send(request: OriginRequest): Promise<OriginResponse> {
    const sending = new Sending(request, this.#results);
    this.#begin(sending);
    return this.#origin.fetch(request, sending).catch((error: unknown) => {
      this.#failed(sending, error);
      throw error;
    });
  }

  #begin(sending: Sending): void {
    const circuit = this.#circuit;
    sending.turn = circuit.turn;
    sending.successes = circuit.is === 'closed' ? circuit.successes : 0;
    sending.sentAt = sending.request.target === this.#well?.target ? 0 : this.#now();
  }

  readonly #results: Results = {
    refusal: (sending) => {
      // It may have waited for a connection until now, while those before it found out that the origin is down.
      if (this.isClosed) return void this.#begin(sending);
      this.#refused += 1;
      return this.#refusal();
    },
    downStatus: (sending, status, headers) => {
      const isSlow = status === 504 && sending.request.writes === true;
      const afterMs = retryAfterMs(headers.get('retry-after'), this.#options.clock.wall());
      if (!isSlow && this.#tells(sending.request))
        this.#fail(sending, `it answers ${status}`, { retryAfterMs: afterMs });
    },
    succeeded: ({ turn }) => {
      const circuit = this.#circuit;
      if (circuit.is !== 'closed') this.#put({ is: 'success', turn });
      else if (circuit.turn === turn) this.#circuit = succeeded(circuit);
    },
    answeredWell: ({ request, sentAt }) => {
      const { target } = request;
      if (target === this.#well?.target || (this.#well !== undefined && this.#now() - sentAt > QUICK_MS)) return;
      this.#well = { target, host: hostOf(request) };
    },
    failed: (sending, error) => this.#failed(sending, error),
  };

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #beginsProbe(): boolean {
    const before = this.#circuit;
    this.#put({ is: 'ask' });
    return before !== this.#circuit;
  }

  #failed(sending: Sending, error: unknown): void {
    const { request } = sending;
    if (!(error instanceof OriginError) || error.fault !== 'origin') return;
    const { code } = error;
    const isUnreached = code === 'originRefused' || (code === 'originTimeout' && !error.sent);
    const isSlow = request.writes === true && error.sent && code === 'originTimeout';
    if (isUnreached || (!isSlow && this.#tells(request))) this.#fail(sending, error.message, { isUnreached });
  }

  /** Whether what becomes of a request once it was sent says that the origin is down. */
  #tells({ upgrade }: OriginRequest): boolean {
    return upgrade === undefined && this.#options.ask !== undefined;
  }

  #fail({ request, turn, successes }: Sending, reason: string, more: Failed): void {
    if (turn === this.#circuit.turn) this.#reason = reason;
    const wasSuspect = this.#isSuspect;
    this.#put({ is: 'failure', turn, successes, ...more });
    if (!wasSuspect && this.#isSuspect) void this.#askIfDown(request);
  }

  get #isSuspect(): boolean {
    return this.#circuit.is === 'closed' && this.#circuit.isSuspect;
  }

  async #askIfDown(request: OriginRequest): Promise<void> {
    const { turn } = this.#circuit;
    const health = await this.#options.ask?.(this.#asking(askable(request)));
    if (health === undefined || this.#isStopped) return;
    const { ok, reason, retryAfterMs } = health;
    if (!ok && turn === this.#circuit.turn) this.#reason = reason;
    this.#put({ is: 'probed', turn, ok, retryAfterMs });
  }

  #put(input: CircuitInput): void {
    const { clock, random, settings, changed, name } = this.#options;
    const before = this.#circuit;
    const moment = { now: clock.monotonic(), wall: clock.wall(), random: random() };
    const after = stepCircuit(before, input, { ...moment, settings });
    this.#circuit = after;
    if (after.is === before.is) return;
    if (before.is === 'closed' && after.is === 'open') {
      this.#downs += 1;
      changed({ origin: name, is: 'down', since: after.since, reason: this.#reason });
    } else if (before.is !== 'closed' && after.is === 'closed') {
      this.#ups += 1;
      changed({ origin: name, is: 'up', since: before.since, reason: '' });
    }
  }
}

/** What becomes of requests. */
interface Results {
  refusal(sending: Sending): OriginError | undefined;
  downStatus(sending: Sending, status: number, headers: Fields): void;
  succeeded(sending: Sending): void;
  /** A read was, with a status that is no error. */
  answeredWell(sending: Sending): void;
  failed(sending: Sending, error: OriginError): void;
}

/** A request that was sent, with what the circuit was then. */
class Sending implements Watch {
  readonly request: OriginRequest;
  readonly #results: Results;
  turn = 0;
  successes = 0;
  /** Monotonic. 0 if nobody needs it. */
  sentAt = 0;
  #status = 0;
  /** Its head has told how the origin is. */
  #isTold = false;

  constructor(request: OriginRequest, results: Results) {
    this.request = request;
    this.#results = results;
  }

  refusal(): OriginError | undefined {
    return this.#results.refusal(this);
  }

  answered(status: number, headers: Fields, upgraded: boolean): void {
    this.#status = status;
    if (downStatuses.has(status)) this.#results.downStatus(this, status, headers);
    // What may never end is a success at once.
    else if (upgraded || isIncremental(headers)) this.#results.succeeded(this);
    else return;
    this.#isTold = true;
  }

  ended(): void {
    if (this.#isTold) return;
    this.#results.succeeded(this);
    if (this.#status < 400 && isRead(this.request)) this.#results.answeredWell(this);
  }

  brokeOff(error: OriginError): void {
    if (!this.#isTold) this.#results.failed(this, error);
  }
}

type Failed = { readonly isUnreached?: boolean; readonly retryAfterMs?: number | undefined };

const hostOf = ({ headers }: OriginRequest): string => valuesOf(headers, 'host')[0] ?? '';

/** What a probe may ask for instead. An API may do at the URL of a write what it does for that, whatever the method. */
function askable(request: OriginRequest): Pick<Asked, 'target' | 'host'> {
  const { target } = request;
  return { target: isRead(request) && target.startsWith('/') ? target : '/', host: hostOf(request) };
}
