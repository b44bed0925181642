import type { Clock, Timers } from '../clock.ts';
import type { WriteInFlight, WritesInFlight } from '../coherence/in-flight.ts';
import type { Committed, Intent, Log } from '../coherence/log.ts';
import { type LogRecord, nothingHit } from '../coherence/record.ts';
import { recordWrite } from '../coherence/record-write.ts';
import { pathTag } from '../coherence/tag.ts';
import type { RuleSet } from '../rules/compile.ts';
import { resolve } from '../rules/resolve.ts';
import type { Json, RuleMatch, Sources } from '../rules/types.ts';
import type { Store } from '../store/store.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { type Applied, type AppliedRule, applyRules } from './apply.ts';
import type { Place } from './before.ts';
import { effectOf, hitsBeside } from './effect.ts';
import { explain } from './explain.ts';
import { Patches, type PatchingWrite, planPatches } from './patch.ts';
import type { ClientRequest, Effect, OriginResponse, Route, RouteTable, WriteReport } from './ports.ts';
import type { Refresher } from './read/refresher.ts';
import { readFor, readRepresentation } from './representation.ts';
import type { Upload } from './upload.ts';
import { verdictOf } from './verdict.ts';

export interface WritePorts {
  readonly store: Store;
  readonly log: Log;
  readonly inFlight: WritesInFlight;
  readonly rules: RuleSet;
  readonly routes: RouteTable;
  /** Other nodes write to the log, too: a write is noted there before it is forwarded (invariant 7). */
  readonly shared: boolean;
  readonly timers: Timers;
  readonly refresher: Refresher;
  readonly clock: Clock;
  /** Bodies longer than this stream through and are not read for ids. */
  readonly resolveBytes: number;
  /** Request bodies longer than this are refused. */
  readonly requestBytes: number | undefined;
  /** After a write of unknown outcome, how long what it may have touched is passed through and not stored. */
  readonly doubtMs: number;
  /** Appends the record that ends a settle window, when it is over. */
  settleLater(effect: Effect, doubt: number, ms: number): void;
  /** One line in the log for each write. */
  report(report: WriteReport): void;
  failed(error: unknown, request: ClientRequest): void;
}

/** A write on its way. */
export interface Write {
  readonly request: ClientRequest;
  readonly route: Route;
  readonly matches: readonly RuleMatch[];
  readonly needs: { readonly before: boolean; readonly request: boolean; readonly response: boolean };
  readonly startedAt: number;
  readonly inFlight: WriteInFlight | undefined;
  readonly before: Json;
  /** Where the representation of the written resource lives, if that is known. */
  readonly place: Place | undefined;
  readonly upload: Upload;
  /** Where the log is shared: what another node would make of this one's death. */
  readonly intent: Intent | undefined;
  /** The store's sequence just before it was forwarded. */
  readonly since: number;
}

/** What came back; the answer is undefined where it is not known whether the origin did anything. */
export interface Answer {
  readonly answer: OriginResponse | undefined;
  readonly response: Json;
  /** The body's text, where it is JSON as it was sent. */
  readonly text: string | undefined;
}

type BodySources = Omit<Sources, 'params'>;

/** Makes the record of a write, and resolves when it is committed; undefined where it has changed nothing. */
export async function record(ports: WritePorts, write: Write, answered: Answer): Promise<LogRecord | undefined> {
  const { request, needs, inFlight, intent } = write;
  const { answer } = answered;
  const doubt = answer === undefined || answer.status >= 500;
  const sources = sourcesOf(write, answered);
  const lookedUp = new Set<string>();
  const applied = await rulesOf(ports, write, sources, { answer, doubt, lookedUp });
  const explained = (unchanged: boolean) => () =>
    explain(request, applied, sources, ports.rules, {
      all: false,
      verdict: verdictOf(answer?.status, doubt, unchanged),
      patching: inFlight?.alone === true ? patchingOf(write, answered) : undefined,
    }).explanation;
  if (applied.unchanged && (await undisturbed(ports, write))) {
    if (intent !== undefined) ports.log.withdraw(intent);
    inFlight?.recorded();
    report(ports, write, { outcome: 'unchanged', status: answer?.status, applied, explain: explained(true) });
    return undefined;
  }
  const settleMs = settleMsOf(applied.rules.map(({ match }) => match));
  const inDoubtMs = doubt ? Math.max(ports.doubtMs, settleMs) : settleMs;
  const beside = new Beside(ports, write, doubt ? [] : applied.rules, answered, sources);
  const { keyed } = ports.rules;
  let effect: Effect | undefined;
  const made = ({ record, removed }: Committed): void => {
    if (effect !== undefined && inDoubtMs > 0) ports.settleLater(effect, record.position, inDoubtMs);
    ports.refresher.refresh(beside.refreshed, request);
    report(ports, write, {
      outcome: doubt ? 'doubt' : 'applied',
      status: answer?.status,
      effect,
      position: record.position,
      removed,
      applied,
      patches: beside.patches,
      explain: explained(false),
    });
  };
  const { record } = await recordWrite(ports.log, {
    intent,
    // Else nothing that it does depends on what others did to its resource, or to one that it has looked up.
    inFlight: needs.before || lookedUp.size > 0 ? inFlight : undefined,
    dependsOn: [request.target.resource, ...lookedUp],
    beside,
    timers: ports.timers,
    made,
    invalidation: (inherited) => {
      const found = effectOf(request, applied.rules, sources, inherited, keyed);
      effect ??= found;
      const { hits, announcements } = found;
      return { hits, announcements, ...(inDoubtMs > 0 && { doubt: true, settleMs: inDoubtMs }) };
    },
    widened: () => {
      const unknown = { before: { missing: 'incomplete' }, lookups: {} } as const;
      const rules = applied.rules.map(({ match, sources: own }) => ({ match, sources: { ...own, ...unknown } }));
      const { hits, announcements } = effectOf(request, rules, { ...sources, ...unknown }, undefined, keyed);
      return { hits, announcements };
    },
  });
  inFlight?.recorded();
  return record;
}

/** The longest window that the rules of a write declare. */
export function settleMsOf(matches: readonly RuleMatch[]): number {
  return Math.max(0, ...matches.map(({ rule }) => rule.config.settleMs ?? 0));
}

/**
 * Whether nobody on any node has written the resource beside a write that seems to have changed nothing. On a log that is shared
 * only its order tells: a record of nothing brings with it what came before, and who is still under way. The intent stays until it
 * is known that there is nothing to record.
 */
async function undisturbed({ log, shared }: WritePorts, { request, inFlight, intent }: Write): Promise<boolean> {
  if (!shared) return true;
  const committed = await log.append(
    { hits: nothingHit, announcements: [] },
    { intent, keepsIntent: true, dependsOn: [request.target.resource] },
  );
  const others = await Promise.race([
    committed.othersRecorded(),
    // Those that have ended are known by now; who has not is beside.
    new Promise<boolean>((resolve) => setImmediate(() => resolve(false))),
  ]);
  return committed.applied && others && inFlight?.alone === true;
}

function rulesOf(
  ports: WritePorts,
  write: Write,
  sources: BodySources,
  { answer, doubt, lookedUp }: { answer: OriginResponse | undefined; doubt: boolean; lookedUp: Set<string> },
): Promise<Applied> {
  const { request, matches, inFlight, place } = write;
  const { routes, resolveBytes: maxBytes } = ports;
  const onFailure = (error: unknown): void => ports.failed(error, request);
  return applyRules(
    {
      lookUp: (_, path) => {
        lookedUp.add(path);
        return readRepresentation(readFor(request, path, path), routes.find(path).route, { maxBytes, onFailure });
      },
    },
    {
      matches,
      sources,
      status: answer?.status,
      doubt,
      alone: inFlight?.alone === true,
      readAgain: async () =>
        place === undefined
          ? { missing: 'incomplete' }
          : readRepresentation(place.get, place.route, { maxBytes, onFailure }),
    },
  );
}

/** What a write does to the memory of its own node beside its record: parents patched, and what is to be fetched again. */
class Beside {
  readonly #store: Store;
  readonly #paths: readonly string[];
  readonly #inFlight: WriteInFlight | undefined;
  readonly patches: Patches | undefined;
  refreshed: StoredResponse[] = [];

  constructor(ports: WritePorts, write: Write, rules: readonly AppliedRule[], answered: Answer, sources: BodySources) {
    this.#store = ports.store;
    this.#inFlight = write.inFlight;
    this.#paths = rules.flatMap(({ match, sources: own }) => {
      if (match.rule.refresh.length === 0) return [];
      const { targets } = resolve({ ...match, rule: { ...match.rule, targets: match.rule.refresh, patch: [] } }, own);
      return targets.flatMap((target) => (target.kind === 'path' ? [target.path] : []));
    });
    // Somebody wrote beside this write: whose change came first, and what the parent then holds, is not known.
    const patching = write.inFlight?.alone === true ? rules.filter(({ match }) => match.rule.patch.length > 0) : [];
    const done = patchingOf(write, answered);
    if (patching.length === 0 || done === undefined) return;
    const planned = patching.flatMap((rule) =>
      planPatches(rule, done, hitsBeside(rule, rules, write.request, sources, ports.rules.keyed)),
    );
    this.patches = new Patches(ports, planned, write.request, write.since);
  }

  applying(): void {
    // What came before this record on a log that others write to is known only now.
    if (this.#inFlight?.alone !== true) this.patches?.giveUp();
    this.refreshed = this.#paths.flatMap((path) => this.#store.tagged(pathTag(path)));
    this.patches?.take();
  }

  applied({ position }: { position: number }): void {
    this.patches?.store(position);
  }
}

function patchingOf({ request, route, upload }: Write, { answer, text }: Answer): PatchingWrite | undefined {
  if (answer === undefined) return undefined;
  const { targetedFields } = route.policy.cache;
  return { request, answer, targetedFields, text: { request: upload.text(), response: text } };
}

/** Everything that placeholders select from, but for the parameters of each rule's own pattern. */
export function sourcesOf(write: Omit<Write, 'matches'>, answered?: Answer): BodySources {
  const { request, upload, before, needs } = write;
  return {
    query: request.target.query,
    requestHeader: (name) => request.headers.get(name),
    responseHeader: (name) => answered?.answer?.headers.get(name),
    request: needs.request ? upload.json() : { missing: 'not-read' },
    response: answered?.response ?? { missing: 'not-read' },
    before,
  };
}

export function report(
  ports: WritePorts,
  write: Write,
  result: {
    outcome: WriteReport['outcome'];
    status: number | undefined;
    effect?: Effect | undefined;
    position?: number;
    removed?: number;
    applied?: Applied;
    patches?: Patches | undefined;
    explain?: WriteReport['explain'];
  },
): void {
  const { applied } = result;
  const rules = applied === undefined ? write.matches : applied.rules.map(({ match }) => match);
  ports.report({
    request: write.request,
    rules: rules.map(({ rule }) => rule.config.name),
    skipped: applied?.skipped ?? [],
    outcome: result.outcome,
    status: result.status,
    effect: result.effect,
    position: result.position,
    removed: result.removed ?? 0,
    patched: result.patches,
    explain: result.explain,
    ms: ports.clock.monotonic() - write.startedAt,
  });
}
