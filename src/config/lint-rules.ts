import { parsePattern, patternShape } from '../route/pattern.ts';
import type { Root } from '../rules/types.ts';
import type { Located } from './lint-routes.ts';
import { positionOf } from './problem.ts';
import type { RuleSettings } from './rule-schema.ts';
import { lintPlaceholders } from './templates.ts';

const closedWithoutBefore = new Map<Root, { message: string; hint: string }>([
  [
    'before',
    { message: '"before" is never read: the rule says before: off', hint: 'take out before: off, or this source' },
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
      const message = `a rule of this name is at ${at(namesake)}`;
      document.report([...path, 'name'], { message, hint: 'events and logs name the rule: give each its own name' });
    }
    lintAmbiguity(rule, seen);
    for (const [i, target] of settings.invalidate.entries()) {
      const isPath = typeof target === 'string';
      const scope = {
        pattern: settings.on.pattern,
        closed: settings.before === 'off' ? closedWithoutBefore : new Map<Root, never>(),
      };
      lintPlaceholders(
        document,
        [...path, 'invalidate', i, ...(isPath ? [] : ['tag'])],
        isPath ? { written: target, kind: 'path' } : { written: target.tag, kind: 'tag' },
        scope,
      );
    }
  }
}

/** All rules that match apply, so of two that do the same for the same writes one is a slip, or says something else. */
function lintAmbiguity(rule: Located<RuleSettings>, seen: Map<string, Located<RuleSettings>>): void {
  const { methods, pattern } = rule.settings.on;
  const shape = patternShape(parsePattern(pattern));
  const targets = rule.settings.invalidate.map((target) => JSON.stringify(target)).sort();
  const keys = methods.map((method) => JSON.stringify([method, shape, targets]));
  const twin = keys.map((key) => seen.get(key)).find((found) => found !== undefined);
  for (const key of keys) if (!seen.has(key)) seen.set(key, rule);
  if (twin === undefined) return;
  const message = `the rule ${twin.settings.name} (${at(twin)}) invalidates the same for the same writes`;
  rule.document.report([...rule.path, 'on'], { message, hint: 'join the two, or take one out' });
}

function at({ document, path }: Located<unknown>): string {
  return positionOf(document.positionOf([...path, 'name']));
}
