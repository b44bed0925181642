import type { ApiModel, DraftRoute, DraftRule } from './draft-model.ts';
import type { ApiPath } from './operations.ts';
import type { Resource } from './resource.ts';
import { push } from './words.ts';

/** Resources named in a summary. */
const MAX_NAMED = 40;

/** What a draft consists of, a line for each kind and each resource, for people who decide where to begin. */
export function summaryOf(
  { resources, owners }: ApiModel,
  { routes, rules }: { readonly routes: readonly DraftRoute[]; readonly rules: readonly DraftRule[] },
): string[] {
  const stored = routes.filter(({ off, tags, before }) => !off && (tags.length > 0 || before === undefined)).length;
  const off = routes.filter((route) => route.off).length;
  const todos = [...routes, ...rules].flatMap(({ comments }) =>
    comments.filter((each) => each.startsWith('TODO')),
  ).length;
  const wide = rules.filter(({ targets }) => targets.some(({ text }) => /[/:]\*/.test(text))).length;
  const kept = new Set(routes.map(({ match }) => match));
  const lines = [
    `${count(stored, 'route')} may be stored, ${off} ${off === 1 ? 'is' : 'are'} not; ${count(rules.length, 'rule')}, ${wide} with a wildcard for an unknown id; ${count(todos, 'TODO')}.`,
  ];
  const byOwner = new Map<Resource, ApiPath[]>();
  for (const [path, owner] of owners) if (kept.has(path.pattern)) push(byOwner, owner, path);
  const named = [...resources.values()].flatMap((resource) => {
    const paths = byOwner.get(resource);
    return paths === undefined ? [] : [{ resource, paths }];
  });
  for (const { resource, paths } of named.slice(0, MAX_NAMED)) {
    const id = resource.idField === undefined ? 'no known id' : `by ${resource.idField}`;
    lines.push(
      `  ${resource.name} (${id}): ${paths[0]?.written}${paths.length > 1 ? ` and ${paths.length - 1} more` : ''}`,
    );
  }
  if (named.length > MAX_NAMED) lines.push(`  … and ${named.length - MAX_NAMED} more. --only drafts some of them.`);
  return lines;
}

const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
