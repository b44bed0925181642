import { expand } from '../../rules/expand.ts';
import { parseTemplate, TemplateError } from '../../rules/template.ts';
import type { Target } from '../../rules/types.ts';

/** An invalidation that an operator asks for. */
export interface AskedInvalidation {
  /** `/steps/7`, `/steps/7?lang=de`, `/steps/*`, `/steps/**`. */
  readonly paths: readonly string[];
  /** `step:7`, `step:*`. */
  readonly tags: readonly string[];
  readonly dryRun: boolean;
}

/** One thing that is wrong with an invalidation: `at` is `paths[1]`. */
export interface Fault {
  readonly at: string;
  readonly message: string;
  readonly hint: string;
}

/** The targets, or everything that is wrong with them: an invalidation is done as a whole, or not at all. */
export function askedTargets({ paths, tags }: AskedInvalidation): readonly Target[] | { readonly faults: Fault[] } {
  const faults: Fault[] = [];
  const targets = [
    ...paths.map((text, i) => ({ text, kind: 'path' as const, at: `paths[${i}]` })),
    ...tags.map((text, i) => ({ text, kind: 'tag' as const, at: `tags[${i}]` })),
  ].flatMap(({ text, kind, at }): Target[] => {
    try {
      const template = kind === 'path' ? parseTemplate(text, 'path') : parseTemplate(text, 'tag');
      if (template.placeholders.length === 0) return expand(template, []);
      faults.push({ at, message: 'placeholders have nothing to stand for here', hint: 'name it in full, or use *' });
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      faults.push({ at, message: error.message, hint: error.hint });
    }
    return [];
  });
  return faults.length > 0 ? { faults } : targets;
}
