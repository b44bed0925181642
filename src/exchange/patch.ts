import type { Clock } from '../clock.ts';
import type { Position } from '../coherence/record.ts';
import { type Hits, isHit, pathTag, queryTag } from '../coherence/tag.ts';
import { formatHttpDate } from '../http/date.ts';
import { Fields } from '../http/fields.ts';
import { strongEtag } from '../http/validation.ts';
import { type Change, type Place, spliceElement } from '../rules/json-splice.ts';
import { locate } from '../rules/json-text.ts';
import { placesOf } from '../rules/resolve.ts';
import { select } from '../rules/select.ts';
import type { CompiledPatch, PathTemplate, Sources } from '../rules/types.ts';
import type { Store } from '../store/store.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import type { AppliedRule } from './apply.ts';
import { textOf } from './body.ts';
import { clientFields } from './client-fields.ts';
import { tagsOf } from './fill.ts';
import { without } from './forward.ts';
import type { ClientRequest, RouteTable } from './ports.ts';
import { replayOf } from './replay.ts';

/** One element to be changed in what is stored of one parent. */
interface PlannedPatch {
  readonly path: string;
  readonly place: Place;
  readonly change: Change;
  /** By which the record hits the parent for other reasons than this change: it is more than this change that it lacks. */
  readonly others: Hits;
}

export interface PatchBodies {
  /** As they were sent, in UTF-8 and without a content coding; undefined where they were not. */
  readonly request: string | undefined;
  readonly response: string | undefined;
}

/**
 * What the patches of a rule come to for one write; parents that they do not certainly apply to are left out, and stay
 * invalidated.
 * @param others what else the record hits, without the rule's own tags
 */
export function planPatches({ match, sources }: AppliedRule, bodies: PatchBodies, others: Hits): PlannedPatch[] {
  return match.rule.patch.flatMap((patch): PlannedPatch[] => {
    const places = placesOf(patch.path, sources, match.method);
    const gaining = gainingPlaces(patch.path, sources, match.method);
    if (places === undefined || gaining === undefined) return [];
    const place = { at: patch.at, key: patch.config.key };
    const put = gaining.length === 0 ? undefined : putOf(patch, sources, bodies);
    const remove = places.length === gaining.length ? undefined : removalOf(patch, sources);
    return places.flatMap((path) => {
      const change = gaining.includes(path) ? put : remove;
      return change === undefined ? [] : [{ path, place, change, others }];
    });
  });
}

/** Parents that hold the element once the write is done: those that anything but `before` names. None after DELETE. */
function gainingPlaces(path: PathTemplate, sources: Sources, method: string): string[] | undefined {
  if (method === 'DELETE') return [];
  const placeholders = path.placeholders.map((placeholder) => ({
    ...placeholder,
    sources: placeholder.sources.filter(({ root }) => root !== 'before'),
  }));
  // Where only `before` tells the parent, whether the write has moved the element is not known.
  if (placeholders.some((placeholder) => placeholder.sources.length === 0)) return undefined;
  return placesOf({ ...path, placeholders }, sources, method);
}

function putOf(patch: CompiledPatch, sources: Sources, bodies: PatchBodies): Change | undefined {
  const { root, steps } = patch.with;
  const text = bodies[root];
  // Parsed before: `locate` goes by a text that every parser reads alike.
  if (text === undefined || !('value' in sources[root])) return undefined;
  const tokens = steps.map((step) =>
    step.kind === 'name' ? step.name : step.kind === 'index' ? String(step.index) : '',
  );
  const span = locate(text, tokens);
  return span && { kind: 'put', text: text.slice(span.start, span.end), add: patch.config.add };
}

function removalOf(patch: CompiledPatch, sources: Sources): Change | undefined {
  const steps = [{ kind: 'name', name: patch.config.key }] as const;
  const { values, certainty } = select({ root: 'before', steps, text: '' }, sources);
  const [key, ...others] = values;
  return key !== undefined && others.length === 0 && certainty === 'all' ? { kind: 'remove', key } : undefined;
}

export interface PatchPorts {
  readonly store: Store;
  readonly routes: RouteTable;
  readonly clock: Clock;
}

/** Stored parents that take their change in place of being invalidated. */
export class Patches {
  readonly #ports: PatchPorts;
  #planned: readonly PlannedPatch[];
  readonly #write: ClientRequest;
  readonly #since: number;
  #ready: StoredResponse[] = [];
  /** Why parents that were stored are not patched. */
  readonly uncertain: { readonly path: string; readonly reason: string }[] = [];
  /** How many responses were put. */
  put = 0;

  /** @param since the store's sequence before the write was forwarded: what came later may hold the change, or not */
  constructor(ports: PatchPorts, planned: readonly PlannedPatch[], write: ClientRequest, since: number) {
    this.#ports = ports;
    this.#planned = planned;
    this.#write = write;
    this.#since = since;
  }

  /** Somebody else has written the resource: nothing is certain. */
  giveUp(): void {
    this.#planned = [];
  }

  /** Before the record is applied on this node: takes what is stored of the parents. */
  take(): void {
    const ready = new Map<StoredResponse, StoredResponse | undefined>();
    for (const planned of this.#planned) {
      for (const stored of this.#ports.store.tagged(pathTag(planned.path))) {
        // Two changes to one parent: the second is made to what came of the first.
        const base = ready.has(stored) ? ready.get(stored) : stored;
        const patched = base && this.#patched(base, planned);
        if (typeof patched === 'string') this.uncertain.push({ path: planned.path, reason: patched });
        ready.set(stored, typeof patched === 'string' ? undefined : patched);
      }
    }
    this.#ready = [...ready.values()].filter((response) => response !== undefined);
  }

  /** After it was, and before anybody else is served: puts the changed ones. */
  store(position: Position): void {
    for (const response of this.#ready) {
      if (this.#ports.store.put({ ...response, asOf: position }) === undefined) this.put += 1;
    }
  }

  #patched(stored: StoredResponse, { place, change, others }: PlannedPatch): StoredResponse | string {
    if (stored.since === undefined || stored.since > this.#since) return 'it was filled after the write began';
    if (!stored.tags.includes(queryTag(stored.path, ''))) return 'it is of a query';
    if (isHit(stored, others)) return 'another target names it, too';
    const parent = textOf(stored.body, stored.headers);
    if (parent === undefined) return 'it is not JSON';
    const replay = replayOf(stored, this.#write, this.#ports.routes);
    if (replay === undefined) return 'it is of one user, or a part';
    const spliced = spliceElement(parent, place, change);
    if ('uncertain' in spliced) return spliced.uncertain;
    const body = Buffer.from(spliced.text);
    const headers = new Fields(without(stored.headers.lines, (name) => ofTheOctets.has(name)));
    const { respondedAt } = stored;
    const read = { ...replay, key: stored.key, arrived: stored.asOf, credentials: false };
    const tags = tagsOf({ read, asOf: stored.asOf, requestedAt: respondedAt, respondedAt }, headers, body, false);
    if (!Array.isArray(tags)) return tags.unstorable;
    const { client } = replay.route.policy;
    const etag = client.etag === 'strong' ? strongEtag(body) : undefined;
    const { encoded: _, ...kept } = stored;
    return {
      ...kept,
      body,
      headers,
      tags,
      etag,
      lastModifiedMs: undefined,
      clientHeaders: clientFields(headers.lines, {
        policy: client,
        directives: stored.directives,
        etag,
        date: formatHttpDate(respondedAt),
        stripped: [],
      }),
    };
  }
}

/** Fields that are about the octets that were changed: validators and digests of the origin's would now be lies. */
const ofTheOctets = new Set([
  'etag',
  'last-modified',
  'content-length',
  'content-digest',
  'repr-digest',
  'digest',
  'content-md5',
]);
