import type { WriteInFlight } from '../../coherence/in-flight.ts';
import type { Note } from '../../coherence/log.ts';
import type { Representation } from '../../coherence/write-set.ts';
import { GatewayError } from '../../errors.ts';
import type { Json } from '../../rules/types.ts';
import type { RouteTable } from '../ports.ts';
import { addressOf, type BeforeAddress, beforeModeOf, readBefore } from './before.ts';
import { unresolvable } from './effect.ts';
import { carriedTags, reachOf, readsOf, taggedReads } from './plan.ts';
import { quarantineMsOf } from './records.ts';
import { sourcesOf } from './sources.ts';
import type { ArrivedWrite, NotedRequest, WritePorts } from './write-ports.ts';

/**
 * Makes a write known to conflicting writes and other nodes, and reads `before`: the steps that must precede the origin
 * receiving the whole request.
 */
export class Noting {
  readonly #ports: WritePorts;
  readonly #found: ReturnType<RouteTable['find']>;
  readonly #arrived: ArrivedWrite;
  #begun: Promise<NotedRequest> | undefined;
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

  /** @throws GatewayError uncoordinated, unprocessable: the write must not be forwarded */
  begin(): Promise<NotedRequest> {
    this.#begun ??= this.#begin(true).catch((error: unknown) => {
      this.failure = error;
      throw error;
    });
    return this.#begun;
  }

  /** Notes a write that the origin answered before it had the whole request. It is too late to read `before`. */
  async beginLate(): Promise<void> {
    const before: Json = { missing: 'incomplete' };
    const noted = this.#begun ?? this.#begin(false);
    this.#begun = noted.then((write) => ({ ...write, before }));
    await this.#begun;
  }

  /** The write has a record in the log, which replaces the note. */
  fulfilled(): void {
    this.#open = false;
  }

  /** The write has changed nothing: takes the note back. */
  withdraw(): void {
    if (this.#note !== undefined && this.#open) this.#ports.log.withdraw(this.#note);
    this.#open = false;
  }

  /** Ends the write. If it was not concluded it may have been applied, so its note is left to be recorded. */
  end(): void {
    this.#inFlight?.recorded();
    if (this.#note === undefined || !this.#open) return;
    if (this.failure !== undefined) this.withdraw();
    else this.#ports.log.abandon(this.#note);
  }

  async #begin(mayReadBefore: boolean): Promise<NotedRequest> {
    const { log, inFlight, rules, routes, shared, indeterminateMs } = this.#ports;
    const { request, matches, needs } = this.#arrived;
    const sources = sourcesOf(this.#arrived);
    const reach = reachOf(rules, request, matches, sources);
    // If the route's `before` names another path, the answer also reveals that representation, whatever the rules need.
    const readsRepresentation = needs.before || this.#found.route.before !== undefined;
    const address = readsRepresentation ? addressOf(request, this.#found, routes, sources) : undefined;
    const reads = readsOf(rules, routes, request, address);
    // Must precede the read of `before`, so that no record falls between the two (invariant 5).
    const carried = carriedTags(rules, routes, reach);
    const begun = inFlight.begin({ ...reach, carried }, [...reads, ...taggedReads(reach)]);
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

  /** Reads `before` if a rule needs it; `incomplete` if it cannot be known. */
  #before(address: BeforeAddress | undefined, reads: readonly Representation[]): Promise<Json> | Json {
    const mode = beforeModeOf(this.#arrived.matches);
    if (mode === undefined) return { missing: 'not-read' };
    // In quarantine the origin's reads may lag, or a write may be applied late: the answer may be outdated.
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
