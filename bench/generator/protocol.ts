/** A task that the bench sends to the generator's process over Node's IPC channel. */
export type Task = ({ readonly kind: 'load' } & Load) | ({ readonly kind: 'fan-out' } & FanOut);

/** A closed loop: each connection sends its next request when the last one has been answered. */
export interface Load {
  readonly url: string;
  readonly method: 'GET' | 'PUT';
  /** Paths are `prefix` followed by a number: `first`, `first + 1`, … `first + count - 1`, and again; or at random. */
  readonly paths: {
    readonly prefix: string;
    readonly first: number;
    readonly count: number;
    readonly order?: 'random';
  };
  readonly headers: Readonly<Record<string, string>>;
  /** The body of each request; `undefined` for none. `child` is the representation of the number in the path. */
  readonly body: 'child' | undefined;
  readonly connections: number;
  /** Limits, of which at least one is given. The first one to be reached ends the load. */
  readonly seconds?: number;
  readonly amount?: number;
}

export interface LoadResult {
  readonly requests: number;
  /** Between the first and the last answer. */
  readonly seconds: number;
  /** Microseconds from sending to the last octet of the answer. */
  readonly p50Us: number;
  readonly p99Us: number;
  /** Answers by status code. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Connections that failed and answers that never came. */
  readonly errors: number;
  /** CPU seconds of the generator. If they are near `seconds`, the generator was the bottleneck. */
  readonly cpuSeconds: number;
}

/** Subscribers on one stream each. Each write is sent after all subscribers have received the previous event. */
export interface FanOut {
  readonly url: string;
  readonly eventsPath: string;
  readonly subscribers: number;
  readonly writes: number;
  /** Each write is `PUT /children/<n>`, from this number on. */
  readonly first: number;
}

export interface FanOutResult {
  /** Milliseconds from the arrival of a write's answer to the arrival of its event, over all events of all writes. */
  readonly released: Percentiles;
  /** The same, measured from sending the write. */
  readonly sent: Percentiles;
  /** For each write, from its answer until the last subscriber received its event. */
  readonly last: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export type Reply = { readonly done: unknown } | { readonly failed: string };
