/**
 * How an origin stands, as a pure state machine. `turn` grows with each change of `is`. A request carries the turn in
 * which it was sent, and its result counts only in that turn: what was sent before the origin was found down, or up
 * again, says nothing about it now.
 */
export type Circuit = { readonly turn: number } & (
  | {
      /** Every request is sent. */
      readonly is: 'closed';
      /** Requests that the origin failed since the last one that it answered. */
      readonly failures: number;
      /** Probes of its health that failed since the last one that did not. */
      readonly unhealthy: number;
    }
  /** No request is sent before `probeAt`. The first one after it is the probe. */
  | ({ readonly is: 'open'; readonly probeAt: number } & Down)
  /** The probe is under way, and nothing else is sent. */
  | ({ readonly is: 'half-open' } & Down)
);

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
  /** A request is to be sent. If a probe is due, it becomes the probe. */
  | { readonly is: 'ask' }
  | { readonly is: 'success'; readonly turn: number }
  | { readonly is: 'failure'; readonly turn: number; readonly retryAfterMs?: number | undefined }
  /** It ended without a word about the origin: its client gave up, or the gateway did not send it. */
  | { readonly is: 'nothing'; readonly turn: number }
  /** What a probe of its health has found while the circuit was closed. */
  | { readonly is: 'health'; readonly turn: number; readonly ok: boolean };

/** `now` is monotonic, `random` between 0 and 1. */
export interface CircuitMoment {
  readonly now: number;
  readonly wall: number;
  readonly random: number;
}

export const newCircuit: Circuit = { is: 'closed', turn: 0, failures: 0, unhealthy: 0 };

/** Whether the next request is the probe. */
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
  // A probe that nobody waited for counts as sent: clients that give up must not make one follow the other.
  const down = { since, failed: input.is === 'failure' ? failed + 1 : failed };
  return opened(turn, down, { ...at, retryAfterMs: input.is === 'failure' ? input.retryAfterMs : undefined });
}

function counted(
  circuit: Circuit & { is: 'closed' },
  input: Exclude<CircuitInput, { is: 'ask' }>,
  at: CircuitMoment & { readonly settings: CircuitSettings },
): Circuit {
  const { turn } = circuit;
  switch (input.is) {
    case 'nothing':
      return circuit;
    case 'success':
      return circuit.failures === 0 ? circuit : { ...circuit, failures: 0 };
    case 'failure': {
      const failures = circuit.failures + 1;
      if (failures < at.settings.failures) return { ...circuit, failures };
      return opened(turn, { since: at.wall, failed: 0 }, { ...at, retryAfterMs: input.retryAfterMs });
    }
    case 'health': {
      const unhealthy = input.ok ? 0 : circuit.unhealthy + 1;
      if (unhealthy < at.settings.failures) return { ...circuit, unhealthy };
      return opened(turn, { since: at.wall, failed: 0 }, at);
    }
  }
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
