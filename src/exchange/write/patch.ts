import type { Clock } from '../../clock.ts';
import type { Position } from '../../coherence/record.ts';
import { type Coverage, isCoveredBy, pathTag, queryTag } from '../../coherence/tag.ts';
import type { CachePolicy } from '../../config/model.ts';
import { parseCacheControl } from '../../http/cache-control.ts';
import { ownContent } from '../../http/content.ts';
import { formatHttpDate } from '../../http/date.ts';
import { allDigests } from '../../http/digests.ts';
import { Fields, without } from '../../http/fields.ts';
import { isShareable } from '../../http/storable.ts';
import { responseDirectives } from '../../http/targeted.ts';
import { strongEtag } from '../../http/validation.ts';
import { parseVary } from '../../http/vary.ts';
import { type Change, type ElementLocation, spliceElement } from '../../rules/json-splice.ts';
import { locate } from '../../rules/json-text.ts';
import { type Body, nodesAt } from '../../rules/nodes.ts';
import { placesOf } from '../../rules/resolve.ts';
import { select } from '../../rules/select.ts';
import type { CompiledPatch, Json, PathStep, PathTemplate, Sources } from '../../rules/types.ts';
import type { Store } from '../../store/store.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { textOf } from '../body.ts';
import { clientFields } from '../client-fields.ts';
import { hasCredentials, withoutIdleCookies } from '../credentials.ts';
import type { ClientRequest, OriginResponse, RouteTable } from '../ports.ts';
import { tagsOf } from '../read/stored-form.ts';
import { asksAlike, replayOf } from '../replay.ts';
import type { AppliedRule } from './apply.ts';

interface Uncertain {
  readonly uncertain: string;
}

/** A change of one element in the stored responses of one parent. */
interface PlannedPatch {
  readonly path: string;
  readonly element: ElementLocation;
  /** The change, or why it is uncertain. */
  readonly change: Change | Uncertain;
  readonly write: PatchingWrite;
  /** The fields that selected the representation to be put. */
  readonly vary: readonly string[] | '*';
  /** What else the record covers. If this includes the parent, other changes also affect it and it is not patched. */
  readonly others: Coverage;
}

/** An answered write and the representations that it transferred. */
export interface PatchingWrite {
  readonly request: ClientRequest;
  readonly answer: Pick<OriginResponse, 'status' | 'headers'>;
  /** A read of the resource alone gets the variant that was written (`readsWritten`). */
  readonly isPlain: boolean;
  /** Targeted fields whose directives apply on the write's route, in addition to `Cache-Control` (RFC 9213). */
  readonly targetedFields: readonly string[];
  /** The policy of the route on which a parent is read. */
  readonly policyOf: (resource: string) => CachePolicy;
  /** The bodies, if they were sent as JSON in UTF-8 without a content coding. */
  readonly text: { readonly request: string | undefined; readonly response: string | undefined };
}

/**
 * Plans the patches of a rule for one write. An uncertain change is planned, too, with its reason: otherwise another
 * patch of the same parent would be applied alone and leave the parent stale.
 * @param others what else the record covers, without the rule's own tags
 */
export function planPatches({ match, sources }: AppliedRule, write: PatchingWrite, others: Coverage): PlannedPatch[] {
  const { patch: patches } = match.rule;
  const found = patches.map((patch) => ({ patch, parents: placesOf(patch.path, sources, match.method) }));
  // An unknown parent could be any path, including one that another patch names.
  if (found.some(({ parents }) => parents === undefined)) return [];
  return found.flatMap(({ patch, parents = [] }): PlannedPatch[] => {
    const gaining = parentsAfterWrite(patch.path, sources, match.method);
    const element = { at: patch.at, key: patch.config.key };
    const put = putOf(patch, sources, write);
    const vary = patch.with.root === 'response' ? parseVary(write.answer.headers.get('vary')) : [];
    const remove = removalOf(patch, sources);
    const changeOf = (path: string): Change | Uncertain => {
      // RFC 9110 §15.3: 202 promises nothing, 203 was modified by a proxy, other statuses do not say it was applied.
      if (!done.has(write.answer.status))
        return { uncertain: `the status ${write.answer.status} does not say what was done` };
      if (!write.isPlain) return { uncertain: 'the query or Content-Language of the write may name another variant' };
      if (gaining === undefined) return { uncertain: 'only before names it: the element may have moved' };
      return gaining.includes(path) ? put : remove;
    };
    return parents.map((path) => ({ path, element, change: changeOf(path), write, vary, others }));
  });
}

const done = new Set([200, 201, 204]);

/**
 * Parents that have the element after the write: those named by any source except `before`. None after DELETE;
 * undefined if only `before` names them.
 */
function parentsAfterWrite(path: PathTemplate, sources: Sources, method: string): string[] | undefined {
  if (method === 'DELETE') return [];
  const placeholders = path.placeholders.map((placeholder) => ({
    ...placeholder,
    sources: placeholder.sources.filter(({ root }) => root !== 'before'),
  }));
  // If only `before` names the parent, it is unknown whether the write moved the element.
  if (placeholders.some((placeholder) => placeholder.sources.length === 0)) return undefined;
  return placesOf({ ...path, placeholders }, sources, method);
}

function putOf(patch: CompiledPatch, sources: Sources, write: PatchingWrite): Change | Uncertain {
  const { root, steps } = patch.with;
  if (root === 'response' && write.answer.status === 204) return { uncertain: 'the answer has no representation' };
  if (mayNotBeStored(write)) return { uncertain: 'the representation may not be stored' };
  const text = write.text[root];
  // `locate` relies on text that was parsed already: only JSON that every parser reads alike gets here.
  if (text === undefined || !('value' in sources[root])) return { uncertain: `the ${root} is not JSON` };
  const tokens = steps.map((step) =>
    step.kind === 'name' ? step.name : step.kind === 'index' ? String(step.index) : '',
  );
  const span = locate(text, tokens);
  if (span === undefined) return { uncertain: `there is no ${patch.with.text}` };
  const was = wasOf(sources.before, steps);
  // Only who knows what was there before, or has created it, knows that it is not there under another key.
  const isNew =
    write.request.method === 'POST' || !('missing' in sources.before) || sources.before.missing === 'absent';
  return {
    kind: 'put',
    text: text.slice(span.start, span.end),
    add: isNew || patch.config.add === 'never' ? patch.config.add : 'unknown',
    ...(was === undefined ? {} : { was }),
  };
}

/** RFC 9111 §5.2.1.5 and §5.2.2.5: no-store covers request and answer. §5.2.2.7: `private` is for one user. */
function mayNotBeStored({ request, answer, targetedFields }: PatchingWrite): boolean {
  const targeted = responseDirectives(answer.headers, [...targetedFields, 'cdn-cache-control']).directives;
  const plain = parseCacheControl(answer.headers.get('cache-control'));
  return (
    [targeted, plain].some((directives) => directives.noStore || directives.private === true) ||
    parseCacheControl(request.headers.get('cache-control')).noStore
  );
}

/**
 * Why a change may not be shown to whoever reads a route with this policy; undefined if it may.
 *
 * RFC 9111 §3.5: what a client with credentials is answered may hold more than others may see. That the parent is
 * `public` permits nothing: only the answer speaks for what it brings, and for what the client sent. A removal shows
 * neither.
 */
export function whyWithheld({ change, write }: PlannedPatch, policy: CachePolicy): string | undefined {
  if ('uncertain' in change || change.kind === 'remove' || policy.credentials !== 'bypass') return undefined;
  // `cookies: ignore` is about reads. A write is forwarded with its cookies, so its answer may depend on them.
  const sent = withoutIdleCookies(write.request, { ...policy, cookies: 'credentials' });
  if (!hasCredentials(sent, policy)) return undefined;
  const { directives } = responseDirectives(write.answer.headers, write.targetedFields);
  return isShareable(directives) ? undefined : 'the write has credentials, and its answer may not be shared';
}

/** The element in `before`: inside the same wrapper as in the patch's source, or `before` itself. */
function wasOf(before: Json, steps: readonly PathStep[]): Body | undefined {
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
    : { uncertain: `before has no ${patch.config.key}` };
}

export interface PatchPorts {
  readonly store: Store;
  readonly routes: RouteTable;
  readonly clock: Clock;
}

/** Patches stored parents instead of leaving them invalidated. */
export class Patches {
  readonly #ports: PatchPorts;
  #planned: readonly PlannedPatch[];
  readonly #write: ClientRequest;
  readonly #since: number;
  #ready: StoredResponse[] = [];
  /** Stored parents that were not patched, and why. */
  readonly uncertain: { readonly path: string; readonly reason: string }[] = [];
  /** How many patched responses were stored. */
  put = 0;

  /** @param since the store's sequence before the write was forwarded; later entries may already have the change */
  constructor(ports: PatchPorts, planned: readonly PlannedPatch[], write: ClientRequest, since: number) {
    this.#ports = ports;
    this.#planned = planned;
    this.#write = write;
    this.#since = since;
  }

  /** Drops all patches: a conflicting write made them uncertain. */
  giveUp(): void {
    this.#planned = [];
  }

  /** Patches copies of the stored parents. Call before the record is applied on this node. */
  take(): void {
    const ready = new Map<StoredResponse, StoredResponse | undefined>();
    for (const planned of this.#planned) {
      for (const stored of this.#ports.store.tagged(pathTag(planned.path))) {
        // A second change to the same parent is applied to the result of the first.
        const base = ready.has(stored) ? ready.get(stored) : stored;
        const patched = base && this.#patched(base, planned);
        if (typeof patched === 'string') this.uncertain.push({ path: planned.path, reason: patched });
        ready.set(stored, typeof patched === 'string' ? undefined : patched);
      }
    }
    this.#ready = [...ready.values()].filter((response) => response !== undefined);
  }

  /** Stores the patched parents. Call after the record is applied and before other requests are served. */
  store(position: Position): void {
    for (const response of this.#ready) {
      if (this.#ports.store.put(response.with({ asOf: position })) === undefined) this.put += 1;
    }
  }

  /** The patched response, or why it cannot be patched. */
  #patched(stored: StoredResponse, planned: PlannedPatch): StoredResponse | string {
    const { element, change, vary, others } = planned;
    if ('uncertain' in change) return change.uncertain;
    if (stored.since === undefined || stored.since > this.#since) return 'it was filled after the write began';
    if (!stored.tags.includes(queryTag(stored.path, ''))) return 'it is the response to a query';
    if (isCoveredBy(stored, others)) return 'another target also covers it';
    const parent = textOf(stored.body, stored.headers);
    if (parent === undefined) return 'it is not JSON';
    const replay = replayOf(stored, this.#write, this.#ports.routes);
    if (replay === undefined) return 'it is for one user, or partial';
    const withheld = whyWithheld(planned, replay.route.policy.cache);
    if (withheld !== undefined) return withheld;
    if (!asksAlike(replay, this.#write)) return 'it is for another host or variant';
    // A representation selected by more fields must not be put where other clients share it. Codings are undone anyway.
    const selecting = [...stored.vary, ...replay.route.policy.cache.key.headers, 'accept-encoding'];
    if (change.kind === 'put' && (vary === '*' || vary.some((name) => !selecting.includes(name))))
      return 'the representation varies by more fields than the parent';
    const spliced = spliceElement(parent, element, change);
    if ('uncertain' in spliced) return spliced.uncertain;
    // Header fields may count elements, also those on other pages.
    if (!spliced.inPlace && counts(stored.headers)) return 'its header fields count elements';
    const body = Buffer.from(spliced.text);
    const headers = new Fields(without(stored.headers.lines, (name) => ofTheOctets.has(name)));
    const { respondedAt } = stored;
    const read = { ...replay, key: stored.key, arrived: stored.asOf, credentials: false, cursor: undefined };
    const tags = tagsOf({ read, asOf: stored.asOf, requestedAt: respondedAt, respondedAt }, headers, body, false);
    if (!Array.isArray(tags)) return tags.unstorable;
    const { client } = replay.route.policy;
    const etag = client.etag === 'strong' ? strongEtag(body) : undefined;
    return stored.with({
      encoded: undefined,
      content: ownContent(body),
      headers,
      tags,
      etag,
      clientHeaders: clientFields(headers.lines, {
        // It has just changed.
        policy: { ...client, immutable: false },
        directives: stored.directives,
        etag,
        date: formatHttpDate(respondedAt),
        stripped: [],
      }),
    });
  }
}

/**
 * `X-Total-Count`, `Content-Range`, `X-Pagination`, `Link` to adjacent pages (RFC 8288): wrong if the count changes.
 */
const counting = /(?:^|-)(?:total|count|totalcount|range|pages?|pagination)(?:-|$)|^link$/;

function counts({ lines }: Fields): boolean {
  return lines.some((name, i) => i % 2 === 0 && counting.test(name.toLowerCase()));
}

/** The origin's validators and digests, which no longer match the patched octets. */
const ofTheOctets = new Set(['etag', 'last-modified', 'content-length', ...allDigests]);
