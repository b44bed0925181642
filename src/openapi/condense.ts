import type { DraftRoute, DraftRule, DraftTarget } from './draft-model.ts';
import { patternsMeet } from './pattern-sets.ts';
import { coversTarget, isAsWideOn, widened } from './target-sets.ts';
import { plainWord, push, singular } from './words.ts';

/** Fewer rules than these are easier to read apart. */
const MIN_SHARED = 3;

/** The same rules in fewer lines. What each write makes stale, of the routes that are stored, stays the same. */
export function condensed(rules: readonly DraftRule[], routes: readonly DraftRoute[]): DraftRule[] {
  const stored = routes.filter(({ off }) => !off).map(({ match }) => match);
  const brief = rules.map((rule) => ({ ...rule, targets: withoutCovered(rule.targets) }));
  return sharedOnce(brief).flatMap((rule) => {
    const targets = mergedLiterals(rule.targets, stored);
    return targets.length === 0 ? [] : [withNeeds({ ...rule, targets })];
  });
}

/** Without targets that another one of the rule covers. */
function withoutCovered(targets: readonly DraftTarget[]): DraftTarget[] {
  return targets.filter(
    (target, i) =>
      !targets.some(
        (other, k) =>
          k !== i && coversTarget(other.text, target.text) && (k < i || !coversTarget(target.text, other.text)),
      ),
  );
}

/** Only what the targets that are left need is read. */
function withNeeds(rule: DraftRule): DraftRule {
  const texts = rule.targets.map(({ text }) => text).join(' ');
  const lookups = Object.fromEntries(Object.entries(rule.lookups).filter(([root]) => texts.includes(`${root}.`)));
  const before = /[{ ]before[.[]/.test([texts, ...Object.values(lookups)].join(' '));
  return { ...rule, lookups, before };
}

/**
 * Whatever is written below `/repos/:owner/:repo` makes the repository and its lists stale: one rule says so, in place
 * of each rule below it. Only what every write there has in common, and only by what the path tells.
 */
function sharedOnce(rules: readonly DraftRule[]): DraftRule[] {
  const left = rules.map((rule) => ({ rule, targets: [...rule.targets] }));
  const names = new Set(rules.map(({ name }) => name));
  const shared: DraftRule[] = [];
  const byPattern = new Map<string, Left[]>();
  for (const each of left) push(byPattern, each.rule.pattern, each);
  for (const [prefix, below] of belowPrefixes(left)) {
    // Of `/things`, where all is below `/things/:id`, that one tells more.
    const next = new Set(below.map(({ rule }) => rule.pattern.slice(prefix.length).split('/')[1]));
    if (below.length < MIN_SHARED || next.size < 2) continue;
    const at = byPattern.get(prefix) ?? [];
    const common = commonTargets(below, prefix);
    const used = below.reduce((sum, { targets }) => sum + targets.filter(({ text }) => common.has(text)).length, 0);
    // A rule has five lines of its own.
    if (used - common.size <= 5) continue;
    const atPrefix = targetsByWrite(at);
    const isOfPrefix = [...common.keys()].every((text) => isNamedByAll(atPrefix, text));
    const concerned = isOfPrefix ? [...below, ...at] : below;
    for (const each of concerned) each.targets = each.targets.filter(({ text }) => !common.has(text));
    const word = wordOf(prefix);
    const name = uniqueName(`below-${word}`, names);
    shared.push({
      comments: [`any write below ${prefix}: what the rules of ${count(below)} writes have in common`],
      name,
      methods: [...new Set(concerned.flatMap(({ rule }) => rule.methods))],
      pattern: isOfPrefix ? `${prefix}/**` : `${prefix}/*/**`,
      before: false,
      lookups: {},
      targets: [...common.values()],
      event: `${word}.changed`,
    });
  }
  return [...shared, ...left.map(({ rule, targets }) => ({ ...rule, targets }))];
}

interface Left {
  readonly rule: DraftRule;
  targets: DraftTarget[];
}

/** The rules below what their patterns begin with, the shortest first. */
function belowPrefixes(rules: readonly Left[]): [string, Left[]][] {
  const found = new Map<string, Left[]>();
  for (const each of rules) {
    const segments = each.rule.pattern.split('/');
    for (let i = 2; i < segments.length; i++) push(found, segments.slice(0, i).join('/'), each);
  }
  return [...found].sort(([a], [b]) => a.split('/').length - b.split('/').length);
}

/** By their text: the targets that all writes have, and that need nothing but the parameters of the prefix. */
function commonTargets(below: readonly Left[], prefix: string): Map<string, DraftTarget> {
  const parameters = new Set([...prefix.matchAll(/:([A-Za-z0-9_]+)/g)].map(([, name]) => name));
  const isOfPath = (text: string): boolean =>
    [...text.matchAll(/\{([^}]*)\}/g)].every(([, inner]) => inner?.split(', ').every((each) => parameters.has(each)));
  const counts = new Map<string, DraftTarget[]>();
  for (const { targets } of below) for (const target of targets) push(counts, target.text, target);
  const writes = targetsByWrite(below);
  const common = new Map<string, DraftTarget>();
  for (const [text, [first, ...more]] of counts) {
    if (first === undefined || more.length + 1 < MIN_SHARED || !isOfPath(text)) continue;
    if (isNamedByAll(writes, text)) common.set(text, first);
  }
  return common;
}

/** The targets of each write. Several rules may be of one. */
function targetsByWrite(rules: readonly Left[]): string[][] {
  const writes = new Map<string, string[]>();
  for (const { rule, targets } of rules) {
    for (const method of rule.methods) {
      const write = `${method} ${rule.pattern}`;
      writes.set(write, [...(writes.get(write) ?? []), ...targets.map(({ text }) => text)]);
    }
  }
  return [...writes.values()];
}

const isNamedByAll = (writes: readonly string[][], text: string): boolean =>
  writes.every((targets) => targets.includes(text) || targets.some((each) => coversTarget(each, text)));

/** `/users/{id}/followers` and `/users/{id}/following` as one, where no other stored route is like them. */
function mergedLiterals(targets: readonly DraftTarget[], stored: readonly string[]): DraftTarget[] {
  let merged = [...targets];
  for (;;) {
    const groups = new Map<string, DraftTarget[]>();
    for (const target of merged)
      if (target.kind === 'path') for (const wider of widened(target.text)) push(groups, wider, target);
    const found = [...groups]
      .filter(([, group]) => group.length > 1)
      .sort(([, a], [, b]) => b.length - a.length)
      .find(([wider]) => isExact(wider, merged, stored));
    if (found === undefined) return merged;
    const [text, group] = found;
    const [first] = group;
    if (first === undefined) return merged;
    const comment = `${first.comment} (${group.length} of them)`;
    merged = withoutCovered(merged.map((each) => (each === first ? { kind: 'path', text, comment } : each)));
  }
}

function isExact(wider: string, targets: readonly DraftTarget[], stored: readonly string[]): boolean {
  return stored
    .filter((route) => patternsMeet(wider, route))
    .every((route) => targets.some(({ kind, text }) => kind === 'path' && isAsWideOn(route, text, wider)));
}

const wordOf = (prefix: string): string => {
  const literals = prefix.split('/').filter((segment) => segment !== '' && !/[:*]/.test(segment));
  return plainWord(singular(literals.at(-1) ?? 'root')) || 'root';
};

function uniqueName(wanted: string, names: Set<string>): string {
  let name = wanted;
  for (let i = 2; names.has(name); i++) name = `${wanted}-${i}`;
  names.add(name);
  return name;
}

const count = (below: readonly Left[]): number =>
  new Set(below.map(({ rule }) => `${rule.methods} ${rule.pattern}`)).size;
