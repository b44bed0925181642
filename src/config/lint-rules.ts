import { parsePattern, patternShape } from '../route/pattern.ts';
import { parseSource } from '../rules/source.ts';
import type { Root } from '../rules/types.ts';
import type { Located } from './lint-routes.ts';
import { positionOf } from './problem.ts';
import type { RuleSettings } from './rule-schema.ts';
import { valueAt } from './shape.ts';
import type { Path } from './source-document.ts';
import { lintPlaceholders, lintSource, type PlaceholderScope } from './templates.ts';

const closedWithoutBefore = new Map<Root, { message: string; hint: string }>([
  [
    'before',
    { message: '"before" is never read: the rule has before: off', hint: 'remove before: off, or this source' },
  ],
]);

export function lintRules(rules: readonly Located<RuleSettings>[]): void {
  const names = new Map<string, Located<RuleSettings>>();
  const seen = new Map<string, Located<RuleSettings>>();
  for (const rule of rules) {
    const { settings, document, path } = rule;
    const namesake = names.get(settings.name);
    if (namesake === undefined) {
      names.set(settings.name, rule);
    } else {
      const message = `the name is already used at ${at(namesake)}`;
      document.report([...path, 'name'], { message, hint: 'events and logs show the name: make it unique' });
    }
    lintAmbiguity(rule, seen);
    lintSources(rule);
    if (templatesOf(rule).length > 0) continue;
    document.report([...path, 'name'], {
      message: 'the rule invalidates nothing',
      hint: 'name targets: invalidate: [/steps]',
    });
  }
}

interface Written {
  readonly path: Path;
  readonly written: string;
  readonly kind: 'path' | 'tag';
}

/** Every target of a rule, as written. */
export function templatesOf({ settings, path }: Located<RuleSettings>): Written[] {
  const invalidate = (settings.invalidate ?? []).map((target, i): Written => {
    const at = [...path, 'invalidate', i];
    if (typeof target === 'string') return { path: at, written: target, kind: 'path' };
    return 'tag' in target
      ? { path: [...at, 'tag'], written: target.tag, kind: 'tag' }
      : { path: [...at, 'path'], written: target.path, kind: 'path' };
  });
  const refresh = (settings.refresh ?? []).map(
    (written, i): Written => ({ path: [...path, 'refresh', i], written, kind: 'path' }),
  );
  const patch = (settings.patch ?? []).map(
    (each, i): Written => ({ path: [...path, 'patch', i, 'path'], written: each.path, kind: 'path' }),
  );
  return [...invalidate, ...refresh, ...patch];
}

/** Reports sources that can never have a value in their place. */
function lintSources(rule: Located<RuleSettings>): void {
  const { settings, document, path } = rule;
  const scope: PlaceholderScope = {
    pattern: settings.on.pattern,
    closed: settings.before === 'off' ? closedWithoutBefore : new Map<Root, never>(),
    lookups: Object.keys(settings.lookup ?? {}),
  };
  for (const { path: at, written, kind } of templatesOf(rule)) lintPlaceholders(document, at, { written, kind }, scope);
  const declared: string[] = [];
  for (const [name, written] of Object.entries(settings.lookup ?? {})) {
    // In order: a lookup may use the response of an earlier one.
    lintPlaceholders(
      document,
      [...path, 'lookup', name],
      { written, kind: 'path', read: true },
      { ...scope, lookups: [...declared] },
    );
    declared.push(name);
  }
  for (const [at, written] of bareSources(settings)) {
    // A single value may be written without a list.
    const place = [...path, ...at];
    const inList = Array.isArray(valueAt(document.value, place.slice(0, -1)));
    const isIndex = typeof place.at(-1) === 'number';
    lintSource(
      document,
      isIndex && !inList ? place.slice(0, -1) : place,
      { source: parseSource(written), offset: 0 },
      scope,
    );
  }
  if (settings.before !== 'off') return;
  for (const [at, needs] of [
    ['when', settings.when?.changed !== undefined],
    ['onlyIfChanged', settings.onlyIfChanged !== undefined && settings.onlyIfChanged !== false],
  ] as const) {
    const hint = 'remove before: off';
    if (needs) document.report([...path, at], { message: 'nothing to compare with: the rule has before: off', hint });
  }
}

/** The sources written without braces, with their paths. */
function bareSources({ when, event }: RuleSettings): (readonly [Path, string])[] {
  const listed = (name: 'present' | 'absent') =>
    (when?.[name] ?? []).map((written, i) => [['when', name, i], written] as const);
  const equals = Object.keys(when?.equals ?? {}).map((written) => [['when', 'equals', written], written] as const);
  const payload = typeof event === 'object' ? Object.entries(event.payload ?? {}) : [];
  const carried = payload.map(([member, written]) => [['event', 'payload', member], written] as const);
  return [...listed('present'), ...listed('absent'), ...equals, ...carried];
}

/** All rules that match apply, so a rule with the same targets for the same writes is a mistake. */
function lintAmbiguity(rule: Located<RuleSettings>, seen: Map<string, Located<RuleSettings>>): void {
  const { methods, pattern } = rule.settings.on;
  const shape = patternShape(parsePattern(pattern));
  const { invalidate, refresh, patch, when } = rule.settings;
  const targets = [...(invalidate ?? []), ...(refresh ?? []), ...(patch ?? [])]
    .map((target) => JSON.stringify(target))
    .sort();
  const keys = methods.map((method) => JSON.stringify([method, shape, targets, when]));
  const twin = keys.map((key) => seen.get(key)).find((found) => found !== undefined);
  for (const key of keys) if (!seen.has(key)) seen.set(key, rule);
  if (twin === undefined) return;
  const message = `the rule ${twin.settings.name} (${at(twin)}) invalidates the same targets for the same writes`;
  rule.document.report([...rule.path, 'on'], { message, hint: 'merge the two, or remove one' });
}

function at({ document, path }: Located<unknown>): string {
  return positionOf(document.positionOf([...path, 'name']));
}
