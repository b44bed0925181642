import type { WriteInFlight } from '../../coherence/in-flight.ts';
import type { Note } from '../../coherence/log.ts';
import type { Representation } from '../../coherence/write-set.ts';
import { GatewayError } from '../../errors.ts';
import type { Json } from '../../rules/types.ts';
import type { RouteTable } from '../ports.ts';
import { type Address, addressOf, beforeModeOf, readBefore } from './before.ts';
import { unresolvable } from './effect.ts';
import { reachOf, readsOf } from './plan.ts';
import type { ArrivedWrite, NotedWrite, WritePorts } from './ports.ts';
import { quarantineMsOf } from './records.ts';
import { sourcesOf } from './sources.ts';

/** Makes a write known to others, and reads what was there before it: all that comes before the origin has the whole of it. */
export class Noting {
  readonly #ports: WritePorts;
  readonly #found: ReturnType<RouteTable['find']>;
  readonly #arrived: ArrivedWrite;
  #begun: Promise<NotedWrite> | undefined;
  #inFlight: WriteInFlight | undefined;
  #note: Note | undefined;
  #open = false;
  /** Why the write must not be forwarded. */
  failure: unknown;
  /** Why `before` could not be read. */
  beforeFailure: unknown;

  constructor(ports: WritePorts, found: ReturnType<RouteTable['find']>, arrived: ArrivedWrite) {
    this.#ports = ports;
    this.#found = found;
    this.#arrived = arrived;
  }

  /** @throws GatewayError uncoordinated, unprocessable: it must not be forwarded */
  begin(): Promise<NotedWrite> {
    this.#begun ??= this.#begin(true).catch((error: unknown) => {
      this.failure = error;
      throw error;
    });
    return this.#begun;
  }

  /** The origin has answered before it had the whole: what `before` is cannot be read any longer. */
  async beginLate(): Promise<void> {
    const before: Json = { missing: 'incomplete' };
    const noted = this.#begun ?? this.#begin(false);
    this.#begun = noted.then((write) => ({ ...write, before }));
    await this.#begun;
  }

  /** The log has a record of it. */
  fulfilled(): void {
    this.#open = false;
  }

  /** It has changed nothing. */
  withdraw(): void {
    if (this.#note !== undefined && this.#open) this.#ports.log.withdraw(this.#note);
    this.#open = false;
  }

  /** A write that was not concluded may have been done: whoever finds its note makes a record of it. */
  end(): void {
    this.#inFlight?.recorded();
    if (this.#note === undefined || !this.#open) return;
    if (this.failure !== undefined) this.withdraw();
    else this.#ports.log.abandon(this.#note);
  }

  async #begin(mayReadBefore: boolean): Promise<NotedWrite> {
    const { log, inFlight, rules, routes, shared, indeterminateMs } = this.#ports;
    const { request, matches, needs } = this.#arrived;
    const sources = sourcesOf(this.#arrived);
    const reach = reachOf(rules, request, matches, sources);
    const address = needs.before ? addressOf(request, this.#found, routes, sources) : undefined;
    const reads = readsOf(rules, routes, request, address);
    // Before `before` is read, so that no record falls between the two (invariant 5).
    const begun = inFlight.begin(reach, reads);
    this.#inFlight = begun;
    if (shared) {
      const quarantineMs = Math.max(indeterminateMs, quarantineMsOf(matches));
      this.#note = await log.note({ posts: begun.posts, ...reach, quarantineMs });
      this.#open = true;
    }
    const before: Json = mayReadBefore ? await this.#before(address, reads) : { missing: 'incomplete' };
    const rejected = unresolvable(matches, sourcesOf(this.#arrived, { before }));
    if (rejected !== undefined && mayReadBefore) throw new GatewayError('unprocessable', rejected);
    const since = this.#ports.store.sequence;
    return { ...this.#arrived, reach, inFlight: begun, note: this.#note, before, address, since };
  }

  /** The representation as it was, as far as a rule needs it; `incomplete` where that cannot be known. */
  #before(address: Address | undefined, reads: readonly Representation[]): Promise<Json> | Json {
    const mode = beforeModeOf(this.#arrived.matches);
    if (mode === undefined) return { missing: 'not-read' };
    // An origin whose reads lag behind, or that may apply a write late, says what was, and not what is.
    if (address === undefined || this.#readsQuarantined(reads)) return { missing: 'incomplete' };
    const { store, clock, resolveBytes: maxBytes } = this.#ports;
    const onFailure = (error: unknown): void => {
      this.beforeFailure = error;
    };
    return readBefore(address, { store, clock, maxBytes, mode, onFailure });
  }

  #readsQuarantined(reads: readonly Representation[]): boolean {
    const { fence, rules } = this.#ports;
    return fence.readsQuarantined(reads, rules.knowledge);
  }
}
