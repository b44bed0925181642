import type { Clock } from '../../clock.ts';
import type { Position } from '../../coherence/record.ts';
import { type Coverage, isCoveredBy, pathTag, queryTag } from '../../coherence/tag.ts';
import { parseCacheControl } from '../../http/cache-control.ts';
import { formatHttpDate } from '../../http/date.ts';
import { Fields, without } from '../../http/fields.ts';
import { ownBytes } from '../../http/own-memory.ts';
import { responseDirectives } from '../../http/targeted.ts';
import { strongEtag } from '../../http/validation.ts';
import { parseVary } from '../../http/vary.ts';
import { type Change, type Place, spliceElement } from '../../rules/json-splice.ts';
import { locate } from '../../rules/json-text.ts';
import { type Body, nodesAt } from '../../rules/nodes.ts';
import { placesOf } from '../../rules/resolve.ts';
import { select } from '../../rules/select.ts';
import type { CompiledPatch, Json, PathTemplate, Sources, Step } from '../../rules/types.ts';
import type { Store } from '../../store/store.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { textOf } from '../body.ts';
import { clientFields } from '../client-fields.ts';
import type { ClientRequest, OriginResponse, RouteTable } from '../ports.ts';
import { tagsOf } from '../read/stored-form.ts';
import { asksAlike, replayOf } from '../replay.ts';
import type { AppliedRule } from './apply.ts';

interface Uncertain {
  readonly uncertain: string;
}

/** One element to be changed in what is stored of one parent. */
interface PlannedPatch {
  readonly path: string;
  readonly place: Place;
  /** Or why there is none that is certain. */
  readonly change: Change | Uncertain;
  /** By what the representation that is put was selected. */
  readonly vary: readonly string[] | '*';
  /** By which the record covers the parent for other reasons than this change: it is more than this change that it lacks. */
  readonly others: Coverage;
}

/** A write that was answered, and what it brought. */
export interface PatchingWrite {
  readonly request: ClientRequest;
  readonly answer: Pick<OriginResponse, 'status' | 'headers'>;
  /** Fields, beside `Cache-Control`, whose directives count on the route of the write (RFC 9213). */
  readonly targetedFields: readonly string[];
  /** As they were sent, in UTF-8 and without a content coding; undefined where they were not. */
  readonly text: { readonly request: string | undefined; readonly response: string | undefined };
}

/**
 * What the patches of a rule come to for one write. Where a change is not certain, the parents are planned with the reason: another
 * patch of the same parent must not be all that becomes of it.
 * @param others what else the record covers, without the rule's own tags
 */
export function planPatches({ match, sources }: AppliedRule, write: PatchingWrite, others: Coverage): PlannedPatch[] {
  const { patch: patches } = match.rule;
  const found = patches.map((patch) => ({ patch, places: placesOf(patch.path, sources, match.method) }));
  // A parent that is not known may be any, also one that another patch names.
  if (found.some(({ places }) => places === undefined)) return [];
  return found.flatMap(({ patch, places = [] }): PlannedPatch[] => {
    const gaining = gainingPlaces(patch.path, sources, match.method);
    const place = { at: patch.at, key: patch.config.key };
    const put = putOf(patch, sources, write);
    const vary = patch.with.root === 'response' ? parseVary(write.answer.headers.get('vary')) : [];
    const remove = removalOf(patch, sources);
    const changeOf = (path: string): Change | Uncertain => {
      // RFC 9110 §15.3: 202 promises nothing, 203 is another's word, 3xx and the rest do not say that it was done.
      if (!done.has(write.answer.status))
        return { uncertain: `the status ${write.answer.status} does not say what was done` };
      if (gaining === undefined) return { uncertain: 'only before names it: the element may have left' };
      return gaining.includes(path) ? put : remove;
    };
    return places.map((path) => ({ path, place, change: changeOf(path), vary, others }));
  });
}

const done = new Set([200, 201, 204]);

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

function putOf(patch: CompiledPatch, sources: Sources, write: PatchingWrite): Change | Uncertain {
  const { root, steps } = patch.with;
  if (root === 'response' && write.answer.status === 204) return { uncertain: 'the answer brings no representation' };
  if (mayNotBeStored(write)) return { uncertain: 'the representation may not be stored' };
  const text = write.text[root];
  // Parsed before: `locate` goes by a text that every parser reads alike.
  if (text === undefined || !('value' in sources[root])) return { uncertain: `the ${root} is not JSON` };
  const tokens = steps.map((step) =>
    step.kind === 'name' ? step.name : step.kind === 'index' ? String(step.index) : '',
  );
  const span = locate(text, tokens);
  if (span === undefined) return { uncertain: `there is no ${patch.with.text}` };
  const was = wasOf(sources.before, steps);
  return {
    kind: 'put',
    text: text.slice(span.start, span.end),
    add: patch.config.add,
    ...(was === undefined ? {} : { was }),
  };
}

/** RFC 9111 §5.2.1.5, §5.2.2.5: of neither the request nor its answer any part; §5.2.2.7: it is of one user. */
function mayNotBeStored({ request, answer, targetedFields }: PatchingWrite): boolean {
  const targeted = responseDirectives(answer.headers, [...targetedFields, 'cdn-cache-control']).directives;
  const plain = parseCacheControl(answer.headers.get('cache-control'));
  return (
    [targeted, plain].some((directives) => directives.noStore || directives.private === true) ||
    parseCacheControl(request.headers.get('cache-control')).noStore
  );
}

/** The representation as it was, wrapped like that which the patch takes, or by itself. */
function wasOf(before: Json, steps: readonly Step[]): Body | undefined {
  if (!('value' in before)) return undefined;
  const [node, ...others] = nodesAt(before.value, steps) ?? [];
  return node === undefined || others.length > 0 ? before : { ...before, value: node.value };
}

function removalOf(patch: CompiledPatch, sources: Sources): Change | Uncertain {
  const steps = [{ kind: 'name', name: patch.config.key }] as const;
  const { values, certainty } = select({ root: 'before', steps, text: '' }, sources);
  const [key, ...others] = values;
  return key !== undefined && others.length === 0 && certainty === 'all'
    ? { kind: 'remove', key }
    : { uncertain: `before tells no ${patch.config.key}` };
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

  #patched(stored: StoredResponse, { place, change, vary, others }: PlannedPatch): StoredResponse | string {
    if ('uncertain' in change) return change.uncertain;
    if (stored.since === undefined || stored.since > this.#since) return 'it was filled after the write began';
    if (!stored.tags.includes(queryTag(stored.path, ''))) return 'it is of a query';
    if (isCoveredBy(stored, others)) return 'another target names it, too';
    const parent = textOf(stored.body, stored.headers);
    if (parent === undefined) return 'it is not JSON';
    const replay = replayOf(stored, this.#write, this.#ports.routes);
    if (replay === undefined) return 'it is of one user, or a part';
    if (!asksAlike(replay, this.#write)) return 'it is of another host, or another variant';
    // What differs by a field must not go where one answer is for all; its coding is undone.
    const selecting = [...stored.vary, ...replay.route.policy.cache.key.headers, 'accept-encoding'];
    if (change.kind === 'put' && (vary === '*' || vary.some((name) => !selecting.includes(name))))
      return 'the representation varies by more than it does';
    const spliced = spliceElement(parent, place, change);
    if ('uncertain' in spliced) return spliced.uncertain;
    // A page that lacks the element may count it.
    if (!spliced.inPlace && counts(stored.headers)) return 'its header fields count elements';
    const body = ownBytes(Buffer.from(spliced.text));
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

/** `X-Total-Count`, `Content-Range`, `X-Pagination`, `Link` to the pages beside (RFC 8288): wrong once there is one more, or less. */
const counting = /(?:^|-)(?:total|count|totalcount|range|pages?|pagination)(?:-|$)|^link$/;

function counts({ lines }: Fields): boolean {
  return lines.some((name, i) => i % 2 === 0 && counting.test(name.toLowerCase()));
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
