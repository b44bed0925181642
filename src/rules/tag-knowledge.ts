import { TagFamilies } from '../coherence/tag-families.ts';
import type { TagKnowledge } from '../coherence/write-set.ts';
import type { CompiledRule, TagTemplate, Template } from './types.ts';

/**
 * What the tags of a configuration tell of each other: which may be the same, and which name what a write changes.
 * @param folded one form of all tags that are taken for the same
 */
export function tagKnowledge(
  rules: readonly CompiledRule[],
  routeTags: readonly TagTemplate[],
  folded: (tag: string) => string,
): TagKnowledge {
  const ofRules = rules.flatMap(({ targets }) => targets.filter((target) => target.kind === 'tag'));
  const families = new TagFamilies([...ofRules, ...routeTags].map(beginningOf), folded);
  const opaque = new Set(rules.flatMap((rule) => opaqueFamilies(rule, families)));
  return { families, opaque: [...opaque] };
}

/**
 * Families of the tags by which a rule names what is written and not what depends on it: those made of the many ids in
 * a body, or of a query or a header field. Which resources they are is not told by the path of the write. What a body
 * names by itself is what the written resource refers to: a parent.
 */
export function opaqueFamilies({ targets }: CompiledRule, families: TagFamilies): string[] {
  return targets.flatMap((target) =>
    target.kind === 'tag' && target.placeholders.length > 0 && namesWritten(target)
      ? families.related(beginningOf(target))
      : [],
  );
}

function namesWritten({ placeholders }: Template): boolean {
  return placeholders.some(({ sources }) =>
    sources.some((source) => {
      if (source.root !== 'request') return source.root === 'query' || source.root === 'requestHeader';
      return source.steps.some(({ kind }) => kind !== 'name' && kind !== 'index');
    }),
  );
}

/** The literal text that every tag of a template begins with. */
export function beginningOf({ parts: [pieces = []] }: TagTemplate): string {
  const end = pieces.findIndex((piece) => typeof piece === 'number');
  return pieces.slice(0, end < 0 ? pieces.length : end).join('');
}
