/** A task that the bench sends to the generator's process over Node's IPC channel. */
export type Task =
  | ({ readonly kind: 'load' } & Load)
  | ({ readonly kind: 'paced' } & Paced)
  | ({ readonly kind: 'fan-out' } & FanOut);

/** Paths that are asked for in turn: `template` with each number from `first` on in the place of `{n}`, and again. */
export interface Paths {
  readonly template: string;
  readonly first: number;
  readonly count: number;
  /** Numbers in any order instead, repeated or not. */
  readonly order?: 'random';
}

export const pathOf = ({ template }: Paths, number: number): string => template.replace('{n}', String(number));

/** A closed loop: each connection sends its next request when the last one has been answered. */
export interface Load {
  readonly url: string;
  readonly method: 'GET' | 'PUT';
  readonly paths: Paths;
  readonly headers: Readonly<Record<string, string>>;
  /** The body of each request; `undefined` for none. `child` is the representation of the number in the path. */
  readonly body: 'child' | undefined;
  /** Each `every`-th request is a `PUT` of a `child` to one of these paths instead. */
  readonly writes?: { readonly every: number; readonly paths: Paths };
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
  /** Answers by status code. wrk tells only errors from other answers, whose status is that of one more request. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Connections that failed and answers that never came. */
  readonly errors: number;
  /** CPU seconds of the generator. If they are near `seconds`, the generator was the bottleneck. */
  readonly cpuSeconds: number;
}

/** An open loop: requests are due at a fixed rate, whether or not earlier ones have been answered. `GET` only. */
export interface Paced {
  readonly url: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Requests per second. */
  readonly rate: number;
  readonly connections: number;
  readonly seconds: number;
}

export interface PacedResult {
  readonly requests: number;
  /** Between the time at which the first request was due and the last answer. */
  readonly seconds: number;
  /** Microseconds from the time at which a request was due to the last octet of its answer. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  /** Microseconds by which the generator was late to send what was due, at a time when a connection was free. */
  readonly lateP99Us: number;
  readonly statuses: Readonly<Record<string, number>>;
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
