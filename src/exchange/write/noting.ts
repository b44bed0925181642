import type { WriteInFlight } from '../../coherence/in-flight.ts';
import type { Note } from '../../coherence/log.ts';
import type { Representation } from '../../coherence/write-set.ts';
import { GatewayError } from '../../errors.ts';
import type { Json } from '../../rules/types.ts';
import type { RouteTable } from '../ports.ts';
import { addressOf, type BeforeAddress, beforeModeOf, readBefore } from './before.ts';
import { unresolvable } from './effect.ts';
import { carriedTags, Reach, readsOf, taggedReads } from './plan.ts';
import { quarantineMsOf } from './records.ts';
import { sourcesOf } from './sources.ts';
import type { ArrivedWrite, NotedRequest, WritePorts } from './write-ports.ts';

/** What is known of a write once those of this node can find it. */
interface Known {
  readonly reach: Reach;
  readonly begun: WriteInFlight;
  readonly reads: readonly Representation[];
  readonly address: BeforeAddress | undefined;
  readonly mayReadBefore: boolean;
}

/**
 * Makes a write known to conflicting writes and other nodes, and reads `before`: the steps that must precede the origin
 * receiving the whole request.
 */
export class Noting {
  readonly #ports: WritePorts;
  readonly #found: ReturnType<RouteTable['find']>;
  readonly #arrived: ArrivedWrite;
  #begun: Promise<NotedRequest> | NotedRequest | undefined;
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
  begin(): Promise<NotedRequest> | NotedRequest {
    if (this.#begun !== undefined) return this.#begun;
    const failed = (error: unknown): never => {
      this.failure = error;
      throw error;
    };
    try {
      const begun = this.#begin(true);
      this.#begun = begun instanceof Promise ? begun.catch(failed) : begun;
      return this.#begun;
    } catch (error) {
      this.#begun = Promise.reject(error);
      // Whoever calls `begin` again gets the error. Without a handler until then, it would end the process.
      this.#begun.catch(() => {});
      return failed(error);
    }
  }

  /** Before the end of a body that is streamed is sent. */
  async beginInTurn(): Promise<void> {
    const { turn } = this.#arrived;
    try {
      await turn?.begin?.();
      await this.begin();
      if (turn?.holds() === false) throw new GatewayError('uncoordinated', 'this node has lost its turn');
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
  }

  /** Notes a write that the origin answered before it had the whole request. It is too late to read `before`. */
  async beginLate(): Promise<void> {
    const before: Json = { missing: 'incomplete' };
    const noted = Promise.resolve(this.#begun ?? this.#begin(false));
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

  /** A node that is alone, and reads nothing ahead, is done at once. */
  #begin(mayReadBefore: boolean): Promise<NotedRequest> | NotedRequest {
    const { inFlight, rules, routes, shared } = this.#ports;
    const { request, matches, needs } = this.#arrived;
    const sources = sourcesOf(this.#arrived);
    const reach = new Reach(rules, request, matches, sources);
    // If the route's `before` names another path, the answer also reveals that representation, whatever the rules need.
    const readsRepresentation = needs.before || this.#found.route.before !== undefined;
    const address = readsRepresentation ? addressOf(request, this.#found, routes, sources) : undefined;
    const reads = readsOf(rules, routes, request, address);
    // Must precede the read of `before`, so that no record falls between the two (invariant 5).
    const carried = carriedTags(rules, routes, reach);
    const { coverage, below, opaque } = reach;
    const begun = inFlight.begin({ coverage, below, opaque, carried }, [...reads, ...taggedReads(reach)]);
    this.#inFlight = begun;
    const known = { reach, begun, reads, address, mayReadBefore };
    if (shared) return this.#share(known);
    const before: Promise<Json> | Json = mayReadBefore ? this.#before(address, reads) : { missing: 'incomplete' };
    return before instanceof Promise ? before.then((read) => this.#noted(known, read)) : this.#noted(known, before);
  }

  /** Lets the other nodes know of it first. */
  async #share(known: Known): Promise<NotedRequest> {
    const { reach, begun, reads, address, mayReadBefore } = known;
    const { coverage, announcements } = reach;
    const quarantineMs = Math.max(this.#ports.indeterminateMs, quarantineMsOf(this.#arrived.matches));
    this.#note = await this.#ports.log.note({ posts: begun.posts, coverage, announcements, quarantineMs });
    this.#open = true;
    // If this node died, nobody would know that what the next writer reads may still change.
    if (this.#note.unshared === true && this.#arrived.turn !== undefined) throw new GatewayError('uncoordinated');
    return this.#noted(known, mayReadBefore ? await this.#before(address, reads) : { missing: 'incomplete' });
  }

  #noted({ reach, begun, reads, address, mayReadBefore }: Known, before: Json): NotedRequest {
    const rejected = unresolvable(this.#arrived.matches, sourcesOf(this.#arrived, { before }));
    if (rejected !== undefined && mayReadBefore) throw new GatewayError('unprocessable', rejected);
    const { request, route, matches, needs, upload, transaction, startedAt, turn, place } = this.#arrived;
    return {
      request,
      route,
      matches,
      needs,
      upload,
      transaction,
      startedAt,
      turn,
      place,
      reach,
      inFlight: begun,
      reads,
      note: this.#note,
      before,
      address,
      since: this.#ports.store.sequence,
    };
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
