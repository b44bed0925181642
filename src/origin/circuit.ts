/**
 * How an origin stands, as a pure state machine. `turn` grows with each change of `is`. A request carries the turn in
 * which it was sent, and its result counts only in that turn: what was sent before the origin was found down, or up
 * again, says nothing about it now.
 */
export type Circuit = { readonly turn: number } & (
  | {
      /** Every request is sent. */
      readonly is: 'closed';
      /** Requests that the origin has answered well. */
      readonly successes: number;
      /** Requests that were sent since the last success, and that the origin failed. */
      readonly failures: number;
      /** Those of them that found no connection. */
      readonly unreached: number;
      /** When the first of them failed. Monotonic. */
      readonly failedAt: number;
      /** So many failed, for so long, that it may be down: a probe asks. Requests are sent until it is answered. */
      readonly isSuspect: boolean;
      /** Probes of its health that failed since the last one that did not. */
      readonly unhealthy: number;
    }
  /** No request is sent. From `probeAt` on, a probe may be. */
  | ({ readonly is: 'open'; readonly probeAt: number } & Down)
  /** A probe is under way, and no request is sent. */
  | ({ readonly is: 'half-open' } & Down)
);

type Closed = Circuit & { readonly is: 'closed' };

/** Of an origin that is down. */
interface Down {
  /** Wall clock. */
  readonly since: number;
  /** Probes that it has failed. */
  readonly failed: number;
}

/** When a circuit opens, and how often a probe is sent then. `mostMs` is also the most that a `Retry-After` counts. */
export interface CircuitSettings {
  readonly failures: number;
  readonly firstMs: number;
  readonly mostMs: number;
}

export type CircuitInput =
  /** A probe is to be sent, if one is due. */
  | { readonly is: 'ask' }
  /** Of a request while the circuit is closed, else of the probe. So is a failure. */
  | { readonly is: 'success'; readonly turn: number }
  | ({ readonly is: 'failure'; readonly retryAfterMs?: number | undefined } & Failed)
  /** What the probe of a suspect origin has found. */
  | { readonly is: 'probed'; readonly turn: number; readonly ok: boolean; readonly retryAfterMs?: number | undefined }
  /** What a probe of its health has found while the circuit was closed. */
  | { readonly is: 'health'; readonly turn: number; readonly ok: boolean };

interface Failed {
  readonly turn: number;
  /** Of the circuit when the request was sent. Undefined: it was a probe. */
  readonly successes?: number | undefined;
  /** It found no connection. */
  readonly isUnreached?: boolean;
}

/** `now` is monotonic, `random` between 0 and 1. */
export interface CircuitMoment {
  readonly now: number;
  readonly wall: number;
  readonly random: number;
}

const none = { failures: 0, unreached: 0, failedAt: 0 };

export const newCircuit: Circuit = { is: 'closed', turn: 0, successes: 0, ...none, isSuspect: false, unhealthy: 0 };

/** After a request of this turn was answered well. It needs no moment, as it is the step of nearly every request. */
export function succeeded({ turn, successes, isSuspect, unhealthy }: Closed): Closed {
  const failures = 0;
  return { is: 'closed', turn, successes: successes + 1, failures, unreached: 0, failedAt: 0, isSuspect, unhealthy };
}

/** Whether it is time for a probe. */
export function isDue(circuit: Circuit, now: number): boolean {
  return circuit.is === 'open' && now >= circuit.probeAt;
}

export function stepCircuit(
  circuit: Circuit,
  input: CircuitInput,
  at: CircuitMoment & { readonly settings: CircuitSettings },
): Circuit {
  if (input.is === 'ask') {
    if (circuit.is !== 'open' || !isDue(circuit, at.now)) return circuit;
    const { since, failed, turn } = circuit;
    return { is: 'half-open', turn: turn + 1, since, failed };
  }
  if (input.turn !== circuit.turn) return circuit;
  if (circuit.is === 'closed') return counted(circuit, input, at);
  // Nobody has the turn of an open circuit.
  if (circuit.is === 'open') return circuit;
  const { turn, since, failed } = circuit;
  if (input.is === 'success') return { ...newCircuit, turn: turn + 1 };
  if (input.is !== 'failure') return circuit;
  return opened(turn, { since, failed: failed + 1 }, { ...at, retryAfterMs: input.retryAfterMs });
}

function counted(
  circuit: Closed,
  input: Exclude<CircuitInput, { is: 'ask' }>,
  at: CircuitMoment & { readonly settings: CircuitSettings },
): Circuit {
  const { turn } = circuit;
  switch (input.is) {
    case 'success':
      return succeeded(circuit);
    case 'failure': {
      // The origin has answered another request meanwhile: what fails may be the one resource.
      if (input.successes !== circuit.successes) return circuit;
      const failures = circuit.failures + 1;
      const unreached = circuit.unreached + (input.isUnreached === true ? 1 : 0);
      const failedAt = circuit.failures === 0 ? at.now : circuit.failedAt;
      const after = { ...circuit, failures, unreached, failedAt };
      // No client can prevent a connection. Whatever else fails may be the one resource that all have asked for.
      if (unreached < at.settings.failures) return { ...after, isSuspect: circuit.isSuspect || isLasting(after, at) };
      return opened(turn, { since: at.wall, failed: 0 }, { ...at, retryAfterMs: input.retryAfterMs });
    }
    case 'probed': {
      if (!circuit.isSuspect) return circuit;
      if (input.ok) return { ...succeeded(circuit), isSuspect: false };
      // A client may have got an answer meanwhile.
      if (!isLasting(circuit, at)) return { ...circuit, isSuspect: false };
      return opened(turn, { since: at.wall, failed: 0 }, { ...at, retryAfterMs: input.retryAfterMs });
    }
    case 'health': {
      const unhealthy = input.ok ? 0 : circuit.unhealthy + 1;
      if (unhealthy < at.settings.failures) return { ...circuit, unhealthy };
      return opened(turn, { since: at.wall, failed: 0 }, at);
    }
  }
}

/** Who asks for one resource many times at once gets as many failures at once. */
function isLasting(
  { failures, failedAt }: Pick<Closed, 'failures' | 'failedAt'>,
  { now, settings }: CircuitMoment & { readonly settings: CircuitSettings },
): boolean {
  return failures >= settings.failures && now - failedAt >= settings.firstMs;
}

interface Opening extends CircuitMoment {
  readonly settings: CircuitSettings;
  readonly retryAfterMs?: number | undefined;
}

/** The pause doubles with each probe that fails. A part of it is random, so that gateways do not probe all at once. */
function opened(turn: number, down: Down, { now, random, settings, retryAfterMs = 0 }: Opening): Circuit {
  const { firstMs, mostMs } = settings;
  const longest = Math.min(mostMs, firstMs * 2 ** down.failed);
  const pauseMs = longest * (1 - random / 2);
  return { is: 'open', turn: turn + 1, ...down, probeAt: now + Math.max(pauseMs, Math.min(retryAfterMs, mostMs)) };
}
