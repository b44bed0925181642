import { parsePattern, pathMatchesPattern, patternShape } from '../route/pattern.ts';
import { bind } from './bind.ts';
import { resolve } from './resolve.ts';
import { select } from './select.ts';
import { describeTarget } from './target.ts';
import type { CompiledRule, RuleMatch, Sources } from './types.ts';

/** How one rule arrived at its targets, or why it did not apply. */
export interface RuleExplanation {
  readonly rule: string;
  /** As written: `PUT|PATCH /accommodations/:id`. */
  readonly on: string;
  /** File and line. */
  readonly at: string;
  readonly applies: boolean;
  /** Why it does not apply. */
  readonly why?: string;
  readonly placeholders: readonly PlaceholderExplanation[];
  /** `/steps/7`, `/steps/*`, `tag:step:7`. */
  readonly targets: readonly string[];
}

export interface PlaceholderExplanation {
  /** The template that contains it. */
  readonly target: string;
  readonly placeholder: string;
  /** `*`: fell back to a wildcard. `dropped`: no value, and the rule has `unresolved: ignore`. */
  readonly values: readonly string[] | '*' | 'dropped';
  readonly sources: readonly {
    readonly source: string;
    readonly values: readonly string[];
    /** Why there are no values, or why there may be more. */
    readonly reason?: string;
  }[];
  /** Why it is `*` or `dropped`. */
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
  return `the rule is for ${config.methods.join(', ')}, not ${method}`;
}
