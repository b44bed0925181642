import { randomBytes } from 'node:crypto';
import type { Clock, Timers } from '../clock.ts';
import type { WriteProtectionConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import type { ClientRequest, RouteTable } from '../exchange/ports.ts';
import type { IdempotencyKeys, KeyedRun, KeyedWrite, WholeAnswer } from '../exchange/write/protection-ports.ts';
import { formatCacheStatus } from '../http/cache-status.ts';
import { without } from '../http/fields.ts';
import { fingerprintOf } from './fingerprint.ts';
import { idempotencyKeyOf } from './key-field.ts';
import type { KeptAnswer, Settlement, Verdict } from './key-state.ts';
import { type KeyClaim, type KeyStore, KeyStoreAway } from './key-store.ts';
import { LateSettlements } from './late-settlements.ts';
import { scopedKey } from './scope.ts';

/** A longer answer is sent and not kept. The answer to a write tells of one resource. */
const MAX_ANSWER_BYTES = 256 * 1024;
/**
 * An answer that says that nothing was done need not be kept for long: another attempt may run. Anybody can provoke
 * such answers, even without credentials, and their keys would fill the room of others.
 */
const REFUSED_KEEP_MS = 60_000;
/**
 * How long after the last renewal a node counts as dead, and the outcome of its keyed writes as unknown. A shorter
 * lease would end for nodes that are only busy.
 */
const KEY_LEASE_MS = 15_000;
/** More than one, so that one failed renewal does not end the lease. */
const RENEWALS_PER_LEASE = 3;

export interface KeptKeysOptions {
  readonly store: KeyStore;
  readonly routes: RouteTable;
  readonly timers: Timers;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** A request gets the first answer again. */
  readonly repeated: (request: ClientRequest) => void;
  /** The store failed; the client has been told, or has lost nothing yet. */
  readonly failed: (error: unknown) => void;
}

/**
 * The key that a request is sent with; undefined if it need not have one, and has none.
 * @throws GatewayError idempotencyKeyMissing, idempotencyKeyMalformed
 */
export function requestedKey(
  { idempotency }: Pick<WriteProtectionConfig, 'idempotency'>,
  { headers }: ClientRequest,
): string | undefined {
  const found = idempotencyKeyOf(headers);
  if (found === 'malformed') {
    throw new GatewayError('idempotencyKeyMalformed', 'send one Idempotency-Key of 1 to 255 visible characters');
  }
  if (found !== 'missing') return found.key;
  if (idempotency?.required !== true) return undefined;
  throw new GatewayError('idempotencyKeyMissing', 'send an Idempotency-Key, and the same one with each retry');
}

/** Sees to it that the writes of one idempotency key are carried out once. */
export class KeptKeys implements IdempotencyKeys {
  readonly #options: KeptKeysOptions;
  readonly #late: LateSettlements;

  constructor(options: KeptKeysOptions) {
    this.#options = options;
    this.#late = new LateSettlements(options);
  }

  /** @throws GatewayError: the write must not be carried out */
  async begin(entry: WriteProtectionConfig, request: ClientRequest, body: Buffer): Promise<KeyedWrite> {
    if (entry.idempotency === undefined) return { kind: 'unkeyed' };
    const key = requestedKey(entry, request);
    if (key === undefined) return { kind: 'unkeyed' };
    const { policy } = this.#options.routes.find(request.target.resource).route;
    const claim: KeyClaim = {
      id: scopedKey(key, request, policy.cache),
      fingerprint: fingerprintOf(request.headers, body),
      owner: randomBytes(12).toString('base64url'),
      keepMs: entry.idempotency.keepMs,
      leaseMs: KEY_LEASE_MS,
      address: request.client.address,
    };
    const claimedAt = this.#options.clock.monotonic();
    const told = this.#told(claim, await this.#claim(claim), claimedAt);
    if (told.kind === 'replay') this.#options.repeated(request);
    return told;
  }

  async #claim(claim: KeyClaim): ReturnType<KeyStore['claim']> {
    try {
      return await this.#options.store.claim(claim);
    } catch (cause) {
      // The store may have the claim all the same. Nothing was sent to the API for it.
      if (!(cause instanceof KeyStoreAway)) this.#late.add(claim, { kind: 'notRun' });
      throw new GatewayError('uncoordinated', 'the idempotency keys cannot be reached', { cause });
    }
  }

  #told(claim: KeyClaim, verdict: Verdict | { readonly kind: 'full' }, claimedAt: number): KeyedWrite {
    switch (verdict.kind) {
      case 'first':
        return { kind: 'first', run: this.#run(claim, claimedAt) };
      case 'answered':
        return { kind: 'replay', answer: replayed(verdict.answer) };
      case 'otherPayload':
        throw new GatewayError('idempotencyKeyReused', 'the first request with this key had another payload');
      case 'underWay':
        throw new GatewayError('idempotencyKeyInUse', 'the first request with this key is not answered yet');
      case 'unknown':
        throw new GatewayError(
          'idempotencyKeyUnknown',
          'the first request with this key may have been carried out: look before you send it with another key',
        );
      case 'full':
        throw new GatewayError('overloaded', 'there is no room for another idempotency key');
    }
  }

  #run(claim: KeyClaim, claimedAt: number): KeyedRun {
    // When the last renewal that succeeded was sent. The store counts from its arrival, which is later.
    let renewedAt = claimedAt;
    const stop = this.#renewing(claim, (at) => {
      renewedAt = Math.max(renewedAt, at);
    });
    const settle = async (settlement: Settlement, keepMs = claim.keepMs): Promise<void> => {
      stop();
      const kept = { ...claim, keepMs };
      try {
        await this.#options.store.settle(kept, settlement);
      } catch (error) {
        this.#options.failed(error);
        this.#late.add(kept, settlement);
      }
    };
    return {
      holds: () => this.#options.clock.monotonic() < renewedAt + KEY_LEASE_MS,
      answered: (answer, outcome) => settle(settlementOf(answer, outcome), keptFor(claim, outcome)),
      notRun: () => settle({ kind: 'notRun' }),
      unknown: () => settle({ kind: 'unknown' }),
    };
  }

  #renewing(claim: KeyClaim, renewed: (at: number) => void): () => void {
    const { store, timers, clock, failed } = this.#options;
    let cancel: () => void;
    const next = (): void => {
      cancel = timers.after(KEY_LEASE_MS / RENEWALS_PER_LEASE, () => {
        const at = clock.monotonic();
        store.renew(claim).then(() => renewed(at), failed);
        next();
      });
    };
    next();
    return () => cancel();
  }
}

/**
 * What is kept of an answer. An answer that says that nothing was done, and that the same request may succeed later, is
 * not kept: it would be repeated for as long as the key lives.
 */
function settlementOf(answer: WholeAnswer, outcome: Parameters<KeyedRun['answered']>[1]): Settlement {
  const { status, lines, body } = answer;
  if (outcome === 'refused' && (status === 429 || status >= 500)) return { kind: 'notRun' };
  const fits = body !== undefined && body.byteLength <= MAX_ANSWER_BYTES;
  return { kind: 'answered', answer: { status, lines: fits ? lines : [], body: fits ? body : undefined } };
}

function keptFor({ keepMs }: KeyClaim, outcome: Parameters<KeyedRun['answered']>[1]): number {
  return outcome === 'refused' ? Math.min(keepMs, REFUSED_KEEP_MS) : keepMs;
}

/** The first answer again. Its `Cache-Status` told of that time. */
function replayed({ status, lines, body }: KeptAnswer): WholeAnswer {
  if (body === undefined) {
    const detail = `the first request with this key was answered with ${status}, and the rest was too large to be kept`;
    throw new GatewayError('idempotencyAnswerNotKept', detail);
  }
  const others = without(lines, (name, value) => name === 'cache-status' && value.startsWith('unstale'));
  others.push('Cache-Status', formatCacheStatus({ detail: 'REPLAYED' }), 'Idempotency-Replayed', 'true');
  return { status, lines: others, body };
}
