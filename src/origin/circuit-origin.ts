import type { Readable } from 'node:stream';
import type { Clock } from '../clock.ts';
import { OriginError } from '../errors.ts';
import type {
  AnswerBody,
  Origin,
  OriginChange,
  OriginCircuit,
  OriginRequest,
  OriginResponse,
  OriginStanding,
} from '../exchange/ports.ts';
import { isIncremental } from '../http/incremental.ts';
import { retryAfterMs } from '../http/retry-after.ts';
import { type Circuit, type CircuitInput, type CircuitSettings, isDue, newCircuit, stepCircuit } from './circuit.ts';

export interface CircuitOriginOptions {
  readonly name: string;
  readonly settings: CircuitSettings;
  /** Its health is probed (health-probes.ts), so no client's request is used as a probe. */
  readonly isProbed: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told of each change, after it has happened. */
  readonly changed: (change: OriginChange) => void;
}

/** What a probe of its health has found. */
export interface Health {
  readonly ok: boolean;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
}

/**
 * Answers by which an origin, or what stands before it, says that it is down. Any other answer is a success: a 500 comes
 * from one resource.
 */
const downStatuses: ReadonlySet<number> = new Set([502, 503, 504]);

/**
 * An origin whose requests are refused while it is down (circuit.ts). A request fails it by what the origin does: no
 * connection, no answer in time, one that breaks off or is no HTTP, 502, 503 or 504. It counts for nothing if its client
 * gave up or the gateway did not send it, and if it is a write that takes too long: some writes do, of an origin that
 * is well.
 */
export class CircuitOrigin implements Origin, OriginCircuit {
  readonly #origin: Origin;
  readonly #options: CircuitOriginOptions;
  #circuit: Circuit = newCircuit;
  #reason = '';
  #downs = 0;
  #ups = 0;
  #refused = 0;

  constructor(origin: Origin, options: CircuitOriginOptions) {
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
    return !this.#options.isProbed && isDue(this.#circuit, this.#options.clock.monotonic());
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
    const turn = this.#enter(request);
    if (turn === undefined) {
      request.place?.leave();
      this.#refused += 1;
      return Promise.reject(this.refusal());
    }
    const sending = new Sending(turn);
    // It may have waited for a connection until now, while those before it found out that the origin is down.
    const maySend = (): boolean => this.#isStillSent(sending) && request.maySend?.() !== false;
    return this.#origin.fetch({ ...request, maySend }).then(
      (answer) => this.#answered(request, sending.turn, answer),
      (error: unknown) => {
        if (sending.isRefused) {
          this.#refused += 1;
          throw this.refusal();
        }
        this.#failed(request, sending.turn, error);
        throw error;
      },
    );
  }

  refusal(): OriginError {
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
    if (this.#circuit.is !== 'closed' && !this.#becomesProbe()) return undefined;
    return this.#circuit.turn;
  }

  probed(turn: number, { ok, reason, retryAfterMs }: Health): void {
    if (!ok) this.#reason = reason;
    if (this.isClosed) this.#put({ is: 'health', turn, ok });
    else this.#put(ok ? { is: 'success', turn } : { is: 'failure', turn, retryAfterMs });
  }

  /** How long until the next probe, of an origin that is down. */
  get probeInMs(): number | undefined {
    const circuit = this.#circuit;
    return circuit.is === 'open' ? Math.max(0, circuit.probeAt - this.#options.clock.monotonic()) : undefined;
  }

  #enter({ writes }: OriginRequest): number | undefined {
    if (this.#circuit.is !== 'closed') {
      // Not even as the probe: if it got no answer, nobody would know whether it has been applied.
      if (this.#options.isProbed || writes === true || !this.#becomesProbe()) return undefined;
    }
    return this.#circuit.turn;
  }

  #isStillSent(sending: Sending): boolean {
    if (this.isClosed) sending.turn = this.#circuit.turn;
    else if (sending.turn !== this.#circuit.turn) sending.isRefused = true;
    return !sending.isRefused;
  }

  #becomesProbe(): boolean {
    const before = this.#circuit;
    this.#put({ is: 'ask' });
    return before !== this.#circuit;
  }

  #answered(request: OriginRequest, turn: number, answer: OriginResponse): OriginResponse {
    const { status, headers } = answer;
    if (downStatuses.has(status)) {
      if (status === 504 && request.writes === true) this.#put({ is: 'nothing', turn });
      else this.#fail(turn, `it answers ${status}`, retryAfterMs(headers, this.#options.clock.wall()));
      return answer;
    }
    // A probe that is answered is a success, however long its body takes. So is what may never end.
    if (!this.isClosed || answer.upgraded !== undefined || isIncremental(headers)) {
      this.#put({ is: 'success', turn });
      return answer;
    }
    const ended = (error: unknown): void => {
      if (error === undefined) this.#put({ is: 'success', turn });
      else this.#failed(request, turn, error);
    };
    return { ...answer, body: new WatchedBody(answer.body, ended) };
  }

  #failed({ writes }: OriginRequest, turn: number, error: unknown): void {
    const isOrigins = error instanceof OriginError && error.fault === 'origin';
    if (!isOrigins || (writes === true && error.sent && error.code === 'originTimeout')) {
      this.#put({ is: 'nothing', turn });
    } else {
      this.#fail(turn, error.message, undefined);
    }
  }

  #fail(turn: number, reason: string, retryAfterMs: number | undefined): void {
    if (turn === this.#circuit.turn) this.#reason = reason;
    this.#put({ is: 'failure', turn, retryAfterMs });
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

/** A request on its way to a connection. */
class Sending {
  /** In which it is sent. */
  turn: number;
  isRefused = false;

  constructor(turn: number) {
    this.turn = turn;
  }
}

/** Tells once how a body has ended. Not at all if nobody needs the rest. */
class WatchedBody implements AnswerBody {
  readonly #body: AnswerBody;
  #ended: ((error: unknown) => void) | undefined;
  #isWatched = false;

  constructor(body: AnswerBody, ended: (error: unknown) => void) {
    this.#body = body;
    this.#ended = ended;
  }

  whole(): Buffer | undefined {
    const whole = this.#body.whole();
    if (whole !== undefined) this.#tell(undefined);
    return whole;
  }

  stream(): Readable {
    const stream = this.#body.stream();
    if (this.#isWatched) return stream;
    this.#isWatched = true;
    stream.once('end', () => this.#tell(undefined));
    stream.once('error', (error) => this.#tell(error));
    return stream;
  }

  destroy(): void {
    this.whole();
    this.#body.destroy();
  }

  #tell(error: unknown): void {
    this.#ended?.(error);
    this.#ended = undefined;
  }
}
