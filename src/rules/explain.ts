import { parsePattern, pathMatchesPattern, patternShape } from '../route/pattern.ts';
import { bind } from './bind.ts';
import { resolve } from './resolve.ts';
import { select } from './select.ts';
import { describeTarget } from './target.ts';
import type { CompiledRule, RuleMatch, Sources } from './types.ts';

/** How one rule came to its targets, or why it took no part. */
export interface RuleExplanation {
  readonly rule: string;
  /** As written: `PUT|PATCH /accommodations/:id`, and where. */
  readonly on: string;
  readonly at: string;
  readonly applies: boolean;
  /** Why not. */
  readonly why?: string;
  readonly placeholders: readonly PlaceholderExplanation[];
  /** `/steps/7`, `/steps/*`, `tag:step:7`. */
  readonly targets: readonly string[];
}

export interface PlaceholderExplanation {
  /** The template that it stands in. */
  readonly target: string;
  readonly placeholder: string;
  /** `*` where it is widened, `dropped` where it gives nothing and the rule ignores that. */
  readonly values: readonly string[] | '*' | 'dropped';
  readonly sources: readonly {
    readonly source: string;
    readonly values: readonly string[];
    /** Why there are none, or not certainly all. */
    readonly reason?: string;
  }[];
  /** Why it is widened, or dropped. */
  readonly unresolved?: string;
}

const headOf = ({ config }: CompiledRule) => ({
  rule: config.name,
  on: `${config.methods.join('|')} ${config.pattern}`,
  at: `${config.source.file}:${config.source.line}`,
});

export function explainApplied({ rule, method }: RuleMatch, sources: Sources): RuleExplanation {
  const placeholders = rule.targets.flatMap((template) =>
    template.placeholders.map((placeholder): PlaceholderExplanation => {
      const { values, unresolved, overflow } = bind(placeholder, sources, method);
      const ignored = rule.config.unresolved === 'ignore' && !overflow;
      return {
        target: template.text,
        placeholder: placeholder.text,
        values: unresolved === undefined ? values : !ignored ? '*' : values.length === 0 ? 'dropped' : values,
        sources: placeholder.sources.map((source) => {
          const selection = select(source, sources);
          const reason = selection.reason === '' ? {} : { reason: selection.reason };
          return { source: source.text, values: selection.values, ...reason };
        }),
        ...(unresolved === undefined ? {} : { unresolved }),
      };
    }),
  );
  const { targets } = resolve({ rule, method, params: sources.params }, sources);
  return { ...headOf(rule), applies: true, placeholders, targets: targets.map(describeTarget) };
}

export function explainSkipped(rule: CompiledRule, why: string): RuleExplanation {
  return { ...headOf(rule), applies: false, why, placeholders: [], targets: [] };
}

/** Why a rule does not match a write at all. */
export function mismatch({ config }: CompiledRule, method: string, resource: string): string {
  const shape = patternShape(parsePattern(config.pattern));
  if (!pathMatchesPattern(resource, shape)) return `${resource} does not match ${config.pattern}`;
  return `it is for ${config.methods.join(', ')}, not ${method}`;
}
