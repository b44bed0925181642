import type { Timers } from '../../clock.ts';
import { changed } from '../../rules/changed.ts';
import { failing } from '../../rules/condition.ts';
import { placesOf } from '../../rules/resolve.ts';
import type { BodySources, CompiledRule, Json, RuleMatch, Sources } from '../../rules/types.ts';
import { withParams } from '../../rules/with-params.ts';

/** How many resources one lookup may read. The write's client waits for each of these requests to the origin. */
const MAX_LOOKUP_READS = 10;
/** Time limit for all lookups of one write together. Lookups that miss it fall back to a wildcard. */
const MAX_LOOKUP_MS = 5_000;

/** A rule that applies to a write, with the sources that its placeholders select from. */
export interface AppliedRule {
  readonly match: RuleMatch;
  readonly sources: Sources;
}

export interface Applied {
  readonly rules: readonly AppliedRule[];
  /** Rules whose pattern matched but that do not apply, and why. */
  readonly skipped: readonly { readonly rule: string; readonly why: string }[];
  /** An `onlyIfChanged` rule found no change, and no other rule applies: there is nothing to record. */
  readonly unchanged: boolean;
  /** Some rules were skipped after comparing representations. With conflicting writes the comparison is not certain. */
  readonly compared: boolean;
}

/** An answered write, as far as its rules need it. */
export interface RuleInputs {
  readonly matches: readonly RuleMatch[];
  readonly sources: BodySources;
  readonly status: number | undefined;
  /** It is unknown whether the write was applied. */
  readonly indeterminate: boolean;
  /**
   * A representation that equals `before` is unchanged: no write conflicts since that was read, it is of the variant
   * that was written, and the answer names nothing else that has changed.
   */
  readonly alone: boolean;
  /** Reads the representation of the written resource again. */
  readonly readAgain: () => Promise<Json>;
}

export interface ApplyPorts {
  readonly timers: Timers;
  /** Reads the resource at `path` for the lookup called `name`. */
  lookUp(name: string, path: string): Promise<Json>;
}

/** What `applyRules` decides where nothing has to be read for it; undefined if something has to be. */
export function appliedAtOnce(answered: Omit<RuleInputs, 'readAgain'>): Applied | undefined {
  const { matches } = answered;
  if (matches.some(({ rule }) => rule.ignoring !== undefined || rule.lookups.length > 0)) return undefined;
  const rules: AppliedRule[] = [];
  const skipped: { rule: string; why: string }[] = [];
  let compared = false;
  for (const match of matches) {
    const sources = withParams(answered.sources, match.params);
    const why = failingOf(match, answered, sources, false);
    if (why === undefined) {
      rules.push({ match, sources });
    } else {
      skipped.push({ rule: match.rule.config.name, why });
      compared ||= compares(match.rule);
    }
  }
  return { rules, skipped, unchanged: false, compared };
}

/** Whether the rule depends on what a write has changed. */
export function compares({ ignoring, condition }: CompiledRule): boolean {
  return ignoring !== undefined || (condition?.changed.length ?? 0) > 0;
}

/** Makes the lookups of the rules that matched, and decides which of these rules apply. */
export async function applyRules(ports: ApplyPorts, answered: RuleInputs): Promise<Applied> {
  const rules: AppliedRule[] = [];
  const skipped: { rule: string; why: string }[] = [];
  const after = new Once(() => representationAfter(answered));
  const deadline = new Deadline(ports.timers);
  let same = 0;
  let compared = false;
  for (const match of answered.matches) {
    const { rule } = match;
    const skip = (why: string): void => {
      skipped.push({ rule: rule.config.name, why });
      compared ||= compares(rule);
    };
    if (rule.ignoring !== undefined && (await isUnchanged(answered, rule, after))) {
      same += 1;
      skip('nothing has changed');
      continue;
    }
    let sources = withParams(answered.sources, match.params);
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

/** @param ahead whether the rule's lookups are still to be made: values from them cannot fail the condition yet */
function failingOf(
  { rule, method, asSent }: RuleMatch,
  answered: Pick<RuleInputs, 'status' | 'indeterminate' | 'alone'>,
  sources: Sources,
  ahead: boolean,
): string | undefined {
  const { condition } = rule;
  if (condition === undefined) return undefined;
  const { status, indeterminate, alone } = answered;
  const unknownHolds = ahead || rule.config.unresolved !== 'ignore';
  const inputs = { method, status, indeterminate, alone, unknownHolds };
  const why = failing(condition, { ...inputs, sources });
  // Either id may be the one that the condition means (`ignoreInPaths`).
  if (why === undefined || asSent === undefined) return why;
  return failing(condition, { ...inputs, sources: withParams(sources, asSent) });
}

/** Whether the write certainly changed nothing. With a conflicting write, an equal representation proves nothing. */
async function isUnchanged(
  { sources, status, alone, indeterminate }: RuleInputs,
  { ignoring, config }: CompiledRule,
  after: Once<Json>,
): Promise<boolean> {
  if (ignoring === undefined || indeterminate || !alone || !('value' in sources.before)) return false;
  // 202: the write may be applied later, so the present representation says nothing.
  if (status === 202) return false;
  // The origin's reads lag behind its writes, so reading again proves nothing. Only the answer itself could.
  if ((config.quarantineMs ?? 0) > 0 && isSilent(sources.response)) return false;
  return changed(sources.before, await after.get(), ignoring) === 'same';
}

function isSilent(response: Json): boolean {
  return 'missing' in response && (response.missing === 'absent' || response.missing === 'not-json');
}

/** The representation after the write: from the answer if it has one, otherwise read again. */
async function representationAfter({ sources, readAgain }: RuleInputs): Promise<Json> {
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
 * Adds the results of the rule's lookups to the sources. Lookups run in order, so that a later one can follow the
 * parent that an earlier one found. They always ask the origin, after the write: a stored response may predate another
 * write in flight.
 */
async function lookedUp(
  ports: ApplyPorts,
  { rule, method }: RuleMatch,
  known: Sources,
  deadline: Deadline,
): Promise<Sources> {
  let sources = known;
  for (const { name, path } of rule.lookups) {
    const paths = placesOf(path, sources, method);
    const readable = paths !== undefined && paths.length <= MAX_LOOKUP_READS ? paths : undefined;
    const fetched = await Promise.all((readable ?? []).map((each) => deadline.before(ports.lookUp(name, each))));
    sources = { ...sources, lookups: { ...sources.lookups, [name]: readable === undefined ? [unread] : fetched } };
  }
  return sources;
}

const unread: Json = { missing: 'not-read' };

/** One deadline for all lookups of a write. It starts with the first lookup. */
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
