/** A request that a comparison sends. */
export interface Write {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An integer below a bound, chosen at random from a seed. */
export type Below = (bound: number) => number;

export interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

/** Somebody else's server, as it comes from its registry, with the recipe that makes it coherent. */
export interface Backend {
  readonly name: string;
  /** The pack in rules/backends/. */
  readonly pack: string;
  /** Header fields of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Installs it into a folder of its own, unless it is there. Throws `Missing` where this machine cannot have it. */
  install(folder: string): Promise<void>;
  /** Starts it with a little data. */
  start(folder: string): Promise<Running>;
  /** Its OpenAPI description, for a gateway with a draft in place of the recipe. */
  description?(origin: Running): Promise<string>;
  /** Every path that is compared after each write. */
  views(): readonly string[];
  write(below: Below): Write;
  /** What its administrators do, past the API that clients use. */
  readonly administer?: ((below: Below) => Write) | undefined;
  /** Told what a write was answered, to learn new ids. */
  answered?(write: Write, answer: { readonly status: number; readonly text: string }): void;
}

/** The machine lacks what a backend needs. */
export class Missing extends Error {}
