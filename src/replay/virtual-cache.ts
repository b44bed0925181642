import { Fence } from '../coherence/fence.ts';
import type { Position } from '../coherence/record.ts';
import { type Coverage, namedTag } from '../coherence/tag.ts';
import { TagFamilies } from '../coherence/tag-families.ts';
import type { GatewayConfig } from '../config/model.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import { type Forward, forward } from '../exchange/read/decide.ts';
import { unfitFor } from '../exchange/read/fetch.ts';
import { answersAlso } from '../exchange/read/from-flight.ts';
import { type FillContext, judge } from '../exchange/read/judge.ts';
import { directivesOf, type Found, flightKeyOf, lookUp, stateOf } from '../exchange/read/look-up.ts';
import type { Read } from '../exchange/read/read-ports.ts';
import { SearchVariances, varianceOf } from '../exchange/read/search-variances.ts';
import { storedResponse } from '../exchange/read/stored-form.ts';
import { Fields } from '../http/fields.ts';
import { hasOriginPreconditions } from '../http/validation.ts';
import { MemoryStore } from '../store/memory.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import type { Entry } from './entry.ts';

/** How a read was answered, and why the answer of the origin was not stored. */
export interface VirtualRead {
  readonly outcome: 'hit' | 'stale' | 'collapsed' | 'miss' | 'bypass';
  /** What a hit was answered with. */
  readonly served?: StoredResponse;
  /** What the origin is asked for, with or without a client that waits. */
  readonly fill?: VirtualFill;
  /** Why the answer will not be stored. */
  readonly detail?: string | undefined;
  /** Tags of the response cannot be told: its body is not in the log. */
  readonly tagsUnknown?: true;
}

/** A fill under way. It ends at the time that the log says. */
export interface VirtualFill {
  readonly flightKey: string;
  readonly asOf: Position;
  readonly read: Read;
  readonly response: StoredResponse;
}

/** The clock of the replay: the time of the entry that is played. */
export interface VirtualClock {
  now: number;
}

export interface VirtualCacheOptions {
  readonly memory: GatewayConfig['store']['memory'];
  readonly clock: VirtualClock;
}

/**
 * The read exchange without sockets: the same look-up, decision, fence and store as the gateway's, with the entries of
 * a log as the answers of the origin.
 */
export class VirtualCache {
  readonly store: MemoryStore;
  /** Responses that were evicted while they were still fresh: a larger memory would have served them. */
  evictedFresh = 0;
  evicted = 0;
  peakBytes = 0;
  readonly #fence: Fence;
  readonly #clock: VirtualClock;
  readonly #variances = new SearchVariances();
  readonly #flights = new Map<string, VirtualFill>();
  /** Bodies that a log does not contain are views of this: they have a size, and take no memory. */
  readonly #unknownBody: Buffer;
  #position: Position = 0;

  constructor({ memory, clock }: VirtualCacheOptions) {
    this.#clock = clock;
    this.#fence = new Fence(() => clock.now);
    const onEvicted = (response: StoredResponse): void => {
      this.evicted += 1;
      if (response.respondedAt + response.lifetimeMs - response.initialAgeMs > clock.now) this.evictedFresh += 1;
    };
    this.store = new MemoryStore({ ...memory, onEvicted }, this.#fence);
    this.#unknownBody = Buffer.alloc(memory.maxEntryBytes + 1);
  }

  read(entry: Entry, request: ClientRequest, found: Found): VirtualRead {
    if (found.route.policy.cache.off || hasOriginPreconditions(request.headers)) {
      return { outcome: 'bypass', detail: found.route.policy.cache.off ? 'off' : 'precondition' };
    }
    const serving = (): boolean => true;
    // A log tells no subscriber of anything.
    const known = { fence: this.#fence, variances: this.#variances, serving, cursor: () => undefined };
    const state = stateOf(known, found, request);
    const clock = { wall: () => this.#clock.now, monotonic: () => this.#clock.now };
    const decision = lookUp({ store: this.store, clock, serving }, state);
    if (decision.kind === 'hit') return { outcome: 'hit', served: decision.stored };
    const flightKey = flightKeyOf(state, this.store.varyOf(state.key));
    const flight = this.#flights.get(flightKey);
    if (decision.kind === 'stale') {
      const { stored: served } = decision;
      if (flight !== undefined) return { outcome: 'stale', served };
      return { ...this.#fetch(entry, state, forward('stale', served), flightKey), outcome: 'stale', served };
    }
    if (decision.kind === 'unavailable') return { outcome: 'bypass', detail: 'only-if-cached' };
    if (request.headers.has('range')) return { outcome: 'bypass', detail: 'range' };
    const shares = request.method !== 'HEAD' && directivesOf(state)?.noStore !== true;
    if (shares && flight !== undefined && answersAlso(this.#fence, state, flight.response, flight.asOf)) {
      return { outcome: 'collapsed' };
    }
    return this.#fetch(entry, state, decision, flightKey);
  }

  /** The answer of a fill has arrived. It is stored unless a record after its beginning covers it. */
  land(fill: VirtualFill): void {
    if (this.#flights.get(fill.flightKey) === fill) this.#flights.delete(fill.flightKey);
    if (this.store.put(fill.response) !== undefined) return;
    this.#variances.learn(fill.read.request, varianceOf(fill.response.headers));
    this.peakBytes = Math.max(this.peakBytes, this.store.bytes);
  }

  /** Applies the record of a write. @returns its position, and how many stored responses it removed */
  record(coverage: Coverage, quarantine: boolean): { position: Position; removed: number } {
    const position = ++this.#position;
    this.#fence.apply({ coverage, announcements: [], position, at: '', ...(quarantine && { quarantine }) });
    return { position, removed: this.store.invalidate(coverage) };
  }

  /** The end of a quarantine: what came during it may be from before the write. */
  settle(coverage: Coverage, endsQuarantine: Position): void {
    const position = ++this.#position;
    this.#fence.apply({ coverage, announcements: [], position, at: '', endsQuarantine });
    this.store.invalidate(coverage);
  }

  #fetch(entry: Entry, read: Read, decision: Forward, flightKey: string): VirtualRead {
    const outcome = decision.fwd === 'bypass' ? 'bypass' : 'miss';
    const formed = this.#formed(entry, read, decision);
    if ('unstorable' in formed) return { outcome, detail: formed.unstorable };
    const { response, tagsUnknown } = formed;
    const fill = { flightKey, asOf: response.asOf, read, response };
    if (response.directives.noCache !== true && response.lifetimeMs > 0) this.#flights.set(flightKey, fill);
    return { outcome, fill, ...(tagsUnknown && { tagsUnknown }) };
  }

  /** The stored form of the answer that the log has, or why it is not stored. */
  #formed(entry: Entry, read: Read, decision: Forward) {
    const { status, bodies } = entry;
    const headers = new Fields(entry.responseHeaders);
    const asOf = this.#fence.applied;
    const context: FillContext = { read, asOf, requestedAt: entry.startedAt, respondedAt: entry.endedAt };
    const unfit = unfitFor(read, decision, status);
    if (unfit !== undefined) return { unstorable: unfit };
    const storability = judge(context, status, headers);
    if (!storability.store) return { unstorable: storability.detail };
    const known = bodies?.response;
    const body = known ?? this.#unknownBody.subarray(0, 0);
    const answer = { status, headers, body, storability };
    let response = storedResponse(context, answer);
    let tagsUnknown: true | undefined;
    if ('unstorable' in response && response.unstorable === 'tags-unresolved' && known === undefined) {
      // The gateway sees the body. What the log tells are the tags that are in the path.
      const { route, params } = read;
      const tags = route.tags?.ahead(params, new TagFamilies()).tags.map(namedTag) ?? [];
      tagsUnknown = true;
      const untagged = { ...context, read: { ...read, route: { ...route, tags: undefined } } };
      response = storedResponse(untagged, { ...answer, tags });
    }
    if ('unstorable' in response) return response;
    if (known !== undefined) return { response, tagsUnknown };
    const size = Math.min(entry.bytes, this.#unknownBody.byteLength);
    return { response: response.with({ content: this.#unknownBody.subarray(0, size) }), tagsUnknown };
  }
}
