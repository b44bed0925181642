import type { Located } from './lint-routes.ts';
import type { On, RuleSettings, WrittenRule } from './rule-schema.ts';

/** Gives each rule without a name one made of its `on`, different from all others. */
export function withNames(rules: readonly Located<WrittenRule>[]): Located<RuleSettings>[] {
  const taken = new Set(rules.flatMap(({ settings: { name } }) => (name === undefined ? [] : [name])));
  return rules.map((rule) => {
    const name = rule.settings.name ?? unused(nameOf(rule.settings.on), taken);
    taken.add(name);
    return { ...rule, settings: { ...rule.settings, name } };
  });
}

/** `PUT|PATCH /accommodations/:id` → `PUT-PATCH-accommodations-id`. */
function nameOf({ methods, pattern }: On): string {
  const words = [...methods, ...pattern.split('/')].map((word) =>
    word
      .replace('**', 'all')
      .replace('*', 'any')
      .replaceAll(':', '')
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^-|-$/g, ''),
  );
  return words.filter((word) => word !== '').join('-');
}

function unused(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let i = 2; ; i++) if (!taken.has(`${name}-${i}`)) return `${name}-${i}`;
}
