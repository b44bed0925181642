import type { Timers } from '../../clock.ts';
import { changed } from '../../rules/changed.ts';
import { failing } from '../../rules/condition.ts';
import { placesOf } from '../../rules/resolve.ts';
import type { CompiledRule, Json, RuleMatch, Sources } from '../../rules/types.ts';

/** Resources that one lookup may read: each is a request to the origin that the client of the write waits for. */
const MAX_LOOKUP_READS = 10;
/** What the lookups of one write may take together; what has not come by then widens. */
const MAX_LOOKUP_MS = 5_000;

/** A rule that takes part in a write, with what its placeholders select from. */
export interface AppliedRule {
  readonly match: RuleMatch;
  readonly sources: Sources;
}

export interface Applied {
  readonly rules: readonly AppliedRule[];
  /** Those whose pattern matched, and why they take no part. */
  readonly skipped: readonly { readonly rule: string; readonly why: string }[];
  /** By a rule that says `onlyIfChanged` nothing has changed, and no other takes part: there is nothing to record. */
  readonly unchanged: boolean;
  /** Some take no part since what they compare seems to be as it was: where others write meanwhile that is not certain. */
  readonly compared: boolean;
}

export interface Answered {
  readonly matches: readonly RuleMatch[];
  readonly sources: Omit<Sources, 'params'>;
  readonly status: number | undefined;
  /** The write may have been applied, or not. */
  readonly indeterminate: boolean;
  /** Nobody else has written the resource since `before` was read: what equals it is as it was. */
  readonly alone: boolean;
  /** Reads the representation of the written resource once more. */
  readonly readAgain: () => Promise<Json>;
}

export interface ApplyPorts {
  readonly timers: Timers;
  /** What a lookup of that name finds at a path. */
  lookUp(name: string, path: string): Promise<Json>;
}

/** Which of the rules that matched take part, once their lookups are made. */
export async function applyRules(ports: ApplyPorts, answered: Answered): Promise<Applied> {
  const rules: AppliedRule[] = [];
  const skipped: { rule: string; why: string }[] = [];
  const after = new Once(() => representationAfter(answered));
  const deadline = new Deadline(ports.timers);
  let same = 0;
  let compared = false;
  for (const match of answered.matches) {
    const { rule } = match;
    const compares = rule.ignoring !== undefined || (rule.condition?.changed.length ?? 0) > 0;
    const skip = (why: string): void => {
      skipped.push({ rule: rule.config.name, why });
      compared ||= compares;
    };
    if (rule.ignoring !== undefined && (await isUnchanged(answered, rule, after))) {
      same += 1;
      skip('nothing has changed');
      continue;
    }
    let sources: Sources = { ...answered.sources, params: match.params };
    const why = failingOf(match, answered, sources, rule.lookups.length > 0);
    if (why !== undefined) {
      skip(why);
      continue;
    }
    if (rule.lookups.length > 0) {
      sources = await lookedUp(ports, match, sources, deadline);
      const whyNot = failingOf(match, answered, sources, false);
      if (whyNot !== undefined) {
        skip(whyNot);
        continue;
      }
    }
    rules.push({ match, sources });
  }
  deadline.cancel();
  return { rules, skipped, unchanged: same > 0 && rules.length === 0, compared };
}

/** @param ahead whether lookups are still to come: what they may tell cannot fail the condition yet */
function failingOf(
  { rule, method }: RuleMatch,
  answered: Answered,
  sources: Sources,
  ahead: boolean,
): string | undefined {
  if (rule.condition === undefined) return undefined;
  const { status, indeterminate, alone } = answered;
  const unknownHolds = ahead || rule.config.unresolved !== 'ignore';
  return failing(rule.condition, { method, sources, status, indeterminate, alone, unknownHolds });
}

/** Only what is certain counts: where somebody else wrote beside this write, what equals `before` may have been changed twice. */
async function isUnchanged(
  { sources, status, alone, indeterminate }: Answered,
  { ignoring, config }: CompiledRule,
  after: Once<Json>,
): Promise<boolean> {
  if (ignoring === undefined || indeterminate || !alone || !('value' in sources.before)) return false;
  // Accepted, and not done yet: what is there now says nothing.
  if (status === 202) return false;
  // Its reads lag behind its writes: only the answer itself could tell.
  if ((config.quarantineMs ?? 0) > 0 && isSilent(sources.response)) return false;
  return changed(sources.before, await after.get(), ignoring) === 'same';
}

function isSilent(response: Json): boolean {
  return 'missing' in response && (response.missing === 'absent' || response.missing === 'not-json');
}

/** The answer, where it brings one; else what is read again. */
async function representationAfter({ sources, readAgain }: Answered): Promise<Json> {
  return isSilent(sources.response) ? readAgain() : sources.response;
}

class Once<T> {
  readonly #make: () => Promise<T>;
  #made: Promise<T> | undefined;

  constructor(make: () => Promise<T>) {
    this.#make = make;
  }

  get(): Promise<T> {
    this.#made ??= this.#make();
    return this.#made;
  }
}

/**
 * The sources with what the rule's lookups read, one after the other: a later one may climb from what an earlier one brought.
 * Always from the origin, and after the write: what is stored may be from before another one that is under way.
 */
async function lookedUp(
  ports: ApplyPorts,
  { rule, method }: RuleMatch,
  known: Sources,
  deadline: Deadline,
): Promise<Sources> {
  let sources = known;
  for (const { name, path } of rule.lookups) {
    const places = placesOf(path, sources, method);
    const read = places !== undefined && places.length <= MAX_LOOKUP_READS ? places : undefined;
    const fetched = await Promise.all((read ?? []).map((place) => deadline.before(ports.lookUp(name, place))));
    sources = { ...sources, lookups: { ...sources.lookups, [name]: read === undefined ? [unread] : fetched } };
  }
  return sources;
}

const unread: Json = { missing: 'not-read' };

/** Of all lookups of one write, counted from the first of them. */
class Deadline {
  readonly #timers: Timers;
  #cancel: (() => void) | undefined;
  #isOver = false;
  #waiting: (() => void)[] = [];

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  before(reading: Promise<Json>): Promise<Json> {
    if (this.#isOver) return Promise.resolve(unread);
    this.#cancel ??= this.#timers.after(MAX_LOOKUP_MS, () => this.#end());
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve({ missing: 'incomplete' }));
      void reading.then(resolve);
    });
  }

  cancel(): void {
    this.#cancel?.();
  }

  #end(): void {
    this.#isOver = true;
    for (const late of this.#waiting) late();
  }
}
