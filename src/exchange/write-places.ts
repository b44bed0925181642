import { headOf, type Places } from '../coherence/places.ts';
import { resolve } from '../rules/resolve.ts';
import type { RuleMatch, Sources, Template } from '../rules/types.ts';
import type { ClientRequest } from './ports.ts';

/**
 * Where a write may change a resource: its own and what is below it, and what its rules name as another address of the same, by the
 * request's head, or as the many that a batch is about, by its body. Not the parents that its rules invalidate because they embed
 * what it changes: what those themselves refer to stays as it is.
 */
export function placesOfWrite(
  { method, target: { resource } }: ClientRequest,
  matches: readonly RuleMatch[],
  sources: Omit<Sources, 'params'>,
): Places {
  const exact = new Set([resource]);
  // What is posted to a collection is a new member of it, unless a rule says otherwise.
  const below = new Set(method === 'POST' ? [] : [resource]);
  for (const match of matches) {
    const { rule, params } = match;
    const targets = rule.targets.filter(namesWritten);
    const config = { ...rule.config, unresolved: 'widen' as const };
    const bare = { ...rule, config, targets, refresh: [], patch: [], cascades: [] };
    const named = resolve({ ...match, rule: bare }, { ...sources, params });
    for (const target of named.targets) {
      if (target.kind === 'pattern') below.add(headOf(target.pattern));
      const path = target.kind === 'path' || target.kind === 'query' ? target.path : resource;
      if (!resource.startsWith(`${path}/`)) exact.add(path);
    }
  }
  return { exact: [...exact], below: [...below] };
}

/** Whether what a target names may be what is written. What a body names by itself is what the written refers to: a parent. */
function namesWritten({ placeholders }: Template): boolean {
  return placeholders.every(({ sources }) =>
    sources.some((source) => {
      if (source.root === 'request') return source.steps.some(({ kind }) => kind !== 'name' && kind !== 'index');
      return ofTheHead.has(source.root);
    }),
  );
}

const ofTheHead: ReadonlySet<string> = new Set(['params', 'query', 'requestHeader']);
