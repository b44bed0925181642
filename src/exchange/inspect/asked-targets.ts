import { expand } from '../../rules/expand.ts';
import { parseTemplate, TemplateError } from '../../rules/template.ts';
import type { Target } from '../../rules/types.ts';

/** An invalidation requested by an operator. */
export interface AskedInvalidation {
  /** For example `/steps/7`, `/steps/7?lang=de`, `/steps/*`, `/steps/**`. */
  readonly paths: readonly string[];
  /** For example `step:7`, `step:*`. */
  readonly tags: readonly string[];
  readonly dryRun: boolean;
}

/** An error in a requested invalidation. `at` says where, for example `paths[1]`. */
export interface Fault {
  readonly at: string;
  readonly message: string;
  readonly hint: string;
}

/** Parses the targets. Returns all errors if there are any: an invalidation is all or nothing. */
export function askedTargets({ paths, tags }: AskedInvalidation): readonly Target[] | { readonly faults: Fault[] } {
  const faults: Fault[] = [];
  const targets = [
    ...paths.map((text, i) => ({ text, kind: 'path' as const, at: `paths[${i}]` })),
    ...tags.map((text, i) => ({ text, kind: 'tag' as const, at: `tags[${i}]` })),
  ].flatMap(({ text, kind, at }): Target[] => {
    try {
      const template = kind === 'path' ? parseTemplate(text, 'path') : parseTemplate(text, 'tag');
      if (template.placeholders.length === 0) return expand(template, []);
      faults.push({ at, message: 'placeholders have no values here', hint: 'write the full name, or use *' });
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      faults.push({ at, message: error.message, hint: error.hint });
    }
    return [];
  });
  return faults.length > 0 ? { faults } : targets;
}
