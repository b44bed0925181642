import type { Appended } from '../../coherence/log.ts';
import { type Announcement, type Invalidation, mergeCoverage, type Position } from '../../coherence/record.ts';
import type { Outcome } from '../../coherence/transaction.ts';
import { clientIdIn } from '../../http/client-id.ts';
import type { BodySources, Json, RuleMatch } from '../../rules/types.ts';
import type { ClientRequest, Effect } from '../ports.ts';
import { type Applied, appliedAtOnce, applyRules, compares, type RuleInputs } from './apply.ts';
import type { CompletedRecord, ConcludingWrite, OwnRecord } from './conclude.ts';
import { effectOf, namesItselfAlone, readsWritten } from './effect.ts';
import { patchingOf, WriteLocally } from './local-step.ts';
import { representationAt } from './plan.ts';
import { readFor, readRepresentation } from './representation.ts';
import type { ResolvedWrite } from './resolved-write.ts';
import { sourcesOf } from './sources.ts';
import type { NotedRequest, OriginAnswer, WritePorts, WriteResult } from './write-ports.ts';

/** What is reported of a write besides what is known of its request and its answer. */
type Reported = Pick<WriteResult, 'outcome' | 'effect' | 'position' | 'removed' | 'patched' | 'resolved'>;

/** An answered write and the effect of its rules. The rules are applied again if conflicting writes disturbed it. */
export class AnsweredWrite implements ConcludingWrite {
  readonly #ports: WritePorts;
  readonly #write: NotedRequest;
  readonly #answered: OriginAnswer;
  readonly #indeterminate: boolean;
  readonly #sources: BodySources;
  readonly #lookedUp = new Set<string>();
  /** Its own record is in quarantine. */
  #quarantined = false;
  #applied: Applied;

  private constructor(ports: WritePorts, write: NotedRequest, answered: OriginAnswer) {
    this.#ports = ports;
    this.#write = write;
    this.#answered = answered;
    this.#indeterminate = answered.answer === undefined || answered.answer.status >= 500;
    this.#sources = sourcesOf(write, { before: beforeOf(write, answered), answered });
    this.#applied = { rules: [], skipped: [], unchanged: false, compared: false };
  }

  /** For a write that was, or may have been, applied: applies its rules. */
  static of(ports: WritePorts, write: NotedRequest, answered: OriginAnswer): AnsweredWrite | Promise<AnsweredWrite> {
    const made = new AnsweredWrite(ports, write, answered);
    const applying = made.#apply(!write.inFlight.conflicted);
    return applying === undefined ? made : applying.then(() => made);
  }

  /** For a write that was refused: it has no record of its own. */
  static refused(ports: WritePorts, write: NotedRequest, answered: OriginAnswer): AnsweredWrite {
    return new AnsweredWrite(ports, write, answered);
  }

  get transaction() {
    return this.#write.transaction;
  }

  get inFlight() {
    return this.#write.inFlight;
  }

  get note() {
    return this.#write.note;
  }

  get outcome(): Outcome {
    if (this.#indeterminate) return 'indeterminate';
    return this.#applied.unchanged ? 'unchanged' : 'done';
  }

  get selects(): boolean {
    const { before, tags } = this.#write.needs;
    return before || tags || this.#lookedUp.size > 0;
  }

  get readsQuarantined(): boolean {
    const { fence, rules } = this.#ports;
    return fence.readsQuarantined(this.#write.reads, rules.knowledge);
  }

  /**
   * Whether the record announces what its client knows, and nothing else. Not if a conflicting write may have been
   * carried over, and not if it is unknown what the write did, or may do yet.
   */
  get #echoes(): boolean {
    return !this.#indeterminate && !this.#quarantined && !this.inFlight.conflicted;
  }

  /** An indeterminate write to the same resource may be applied after this one, and then changes its targets again. */
  get #quarantinedForMs(): number {
    const { fence, rules, indeterminateMs } = this.#ports;
    const ms = fence.quarantinedForMs(this.#write.reads, rules.knowledge);
    return Number.isFinite(ms) ? Math.ceil(ms) : indeterminateMs;
  }

  async own(disturbed: boolean): Promise<OwnRecord> {
    if (this.#applied.unchanged || (disturbed && this.#applied.compared)) await this.#apply(false);
    return this.#own();
  }

  #own(): OwnRecord {
    const ruleMs = quarantineMsOf(this.#applied.rules.map(({ match }) => match));
    const ownMs = this.#indeterminate ? Math.max(this.#ports.indeterminateMs, ruleMs) : ruleMs;
    const quarantineMs = Math.max(ownMs, this.#quarantinedForMs);
    this.#quarantined = quarantineMs > 0;
    const whole = this.#effect();
    const effect = this.#quarantined ? this.#ports.quarantines.bounded(whole) : whole;
    const local = new WriteLocally(this.#ports, this.#write, {
      rules: this.#indeterminate ? [] : this.#applied.rules,
      answered: this.#answered,
      sources: this.#sources,
    });
    const { coverage } = effect;
    const announcements = this.#echoes ? echoesTo(this.#write.request, effect.announcements) : effect.announcements;
    return {
      invalidation:
        quarantineMs > 0 ? { coverage, announcements, quarantine: true, quarantineMs } : { coverage, announcements },
      local,
      made: (appended) => this.#made(appended, { effect, local, quarantineMs }),
    };
  }

  async complete(): Promise<CompletedRecord> {
    if (this.#applied.compared) await this.#apply(false);
    const whole = this.#effect();
    // The record of an indeterminate write may have come in between.
    const quarantineMs = this.#quarantined ? 0 : this.#quarantinedForMs;
    if (quarantineMs === 0) {
      const { coverage, announcements } = whole;
      return { invalidation: { coverage, announcements }, made: () => {} };
    }
    const effect = this.#ports.quarantines.bounded(whole);
    const { coverage, announcements } = effect;
    return {
      invalidation: { coverage, announcements, quarantine: true, quarantineMs },
      made: ({ record }) => this.#quarantine(effect, record.position, quarantineMs),
    };
  }

  noted(): Invalidation {
    // A refused write announces nothing. The conflicting writes are announced by their own records.
    if (this.#applied.rules.length === 0) return { coverage: this.#write.reach.coverage, announcements: [] };
    const unknown = { before: { missing: 'incomplete' }, lookups: {} } as const;
    const rules = this.#applied.rules.map(({ match, sources }) => ({ match, sources: { ...sources, ...unknown } }));
    const { request } = this.#write;
    const { paths } = this.#ports.rules;
    const sources = { ...this.#sources, ...unknown };
    const effect = effectOf({ request, rules, sources, paths }, this.inFlight.carriedOver());
    return {
      coverage: mergeCoverage([effect.coverage, this.#write.reach.coverage]),
      announcements: effect.announcements,
    };
  }

  /** Reports a write that has no record. */
  reportUnrecorded(): void {
    const resolved = this.#applied.unchanged ? this.#resolved : undefined;
    const nothing = { effect: undefined, position: undefined, removed: 0, patched: undefined };
    this.#report({ outcome: 'unchanged', ...nothing, resolved });
  }

  #effect(): Effect {
    const { request, inFlight } = this.#write;
    const { paths } = this.#ports.rules;
    const write = { request, rules: this.#applied.rules, sources: this.#sources, paths };
    return effectOf(write, this.selects ? inFlight.carriedOver() : undefined);
  }

  /** Undefined where nothing had to be read for that. */
  #apply(alone: boolean): Promise<void> | undefined {
    const { matches } = this.#write;
    const inputs = {
      matches,
      sources: this.#sources,
      status: this.#answered.answer?.status,
      indeterminate: this.#indeterminate,
      alone: alone && (this.#isComparable || !matches.some(({ rule }) => compares(rule))),
    };
    const applied = appliedAtOnce(inputs);
    if (applied === undefined) return this.#read(inputs);
    this.#applied = applied;
    return undefined;
  }

  get #isComparable(): boolean {
    const { request, route } = this.#write;
    return readsWritten(request, route) && namesItselfAlone(request, this.#sources, this.#ports.rules.paths);
  }

  async #read(inputs: Omit<RuleInputs, 'readAgain'>): Promise<void> {
    const { request, address, inFlight } = this.#write;
    const { fence, routes, rules, resolveBytes: maxBytes } = this.#ports;
    const onFailure = (error: unknown): void => this.#ports.failed(error, request);
    const options = { maxBytes, onFailure };
    this.#applied = await applyRules(
      {
        timers: this.#ports.timers,
        lookUp: (_, path) => {
          this.#lookedUp.add(path);
          const reads = [representationAt(rules, routes, path)];
          inFlight.reads(reads);
          // As with `before`: in quarantine, the origin's answer may be outdated.
          if (fence.readsQuarantined(reads, rules.knowledge)) return Promise.resolve({ missing: 'incomplete' });
          const { route } = routes.find(path);
          return readRepresentation(readFor(request, { path, resource: path, route }), route, options);
        },
      },
      {
        ...inputs,
        readAgain: async () =>
          address === undefined ? { missing: 'incomplete' } : readRepresentation(address.get, address.route, options),
      },
    );
  }

  #made(
    { record, removed }: Appended,
    { effect, local, quarantineMs }: { effect: Effect; local: WriteLocally; quarantineMs: number },
  ): void {
    const { refresher } = this.#ports;
    if (quarantineMs > 0) this.#quarantine(effect, record.position, quarantineMs);
    refresher.refresh(local.refreshed, this.#write.request);
    this.#report({
      outcome: this.#indeterminate ? 'indeterminate' : 'applied',
      effect,
      position: record.position,
      removed,
      patched: local.patches,
      resolved: this.#resolved,
    });
  }

  #quarantine(effect: Effect, position: Position, ms: number): void {
    const { quarantines, endQuarantineLater } = this.#ports;
    const { address } = this.#write.request.client;
    const giveBack = quarantines.take(effect, this.#indeterminate ? address : undefined);
    endQuarantineLater(effect, position, ms, giveBack);
  }

  readonly #resolved = (): ResolvedWrite => {
    const { request, inFlight } = this.#write;
    return {
      request,
      applied: this.#applied,
      sources: this.#sources,
      status: this.#answered.answer?.status,
      indeterminate: this.#indeterminate,
      patching: inFlight.conflicted ? undefined : patchingOf(this.#write, this.#answered, this.#ports.routes),
    };
  };

  #report({ outcome, effect, position, removed, patched, resolved }: Reported): void {
    const { matches, startedAt, request } = this.#write;
    const { rules, skipped, unchanged } = this.#applied;
    const taking = rules.length > 0 || unchanged || skipped.length > 0 ? rules.map(({ match }) => match) : matches;
    this.#ports.report({
      request,
      status: this.#answered.answer?.status,
      outcome,
      rules: taking.map(({ rule }) => rule.config.name),
      skipped,
      effect,
      position,
      removed,
      patched,
      resolved,
      ms: this.#ports.clock.monotonic() - startedAt,
    });
  }
}

/** Marks what is announced as caused by the client, which is then not told. */
function echoesTo({ headers }: ClientRequest, announcements: readonly Announcement[]): readonly Announcement[] {
  const client = clientIdIn(headers);
  return client === undefined ? announcements : announcements.map((each) => ({ ...each, client }));
}

/** The longest quarantine that the rules of a write declare. */
export function quarantineMsOf(matches: readonly RuleMatch[]): number {
  let longest = 0;
  for (const { rule } of matches) longest = Math.max(longest, rule.config.quarantineMs ?? 0);
  return longest;
}

/**
 * A PATCH that was carried out shows that the resource exists: the 404 only hid it from this writer. So does a PUT,
 * unless it was answered 201 (RFC 9110 §9.3.4: one that creates must be).
 */
function beforeOf({ request, before }: NotedRequest, { answer }: OriginAnswer): Json {
  if (!('missing' in before) || before.missing !== 'absent') return before;
  const mayBeHidden = request.method === 'PATCH' || (request.method === 'PUT' && answer?.status !== 201);
  return mayBeHidden ? { missing: 'incomplete' } : before;
}
