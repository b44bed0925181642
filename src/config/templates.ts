import { PatternError, parsePattern, type Segment } from '../route/pattern.ts';
import { parseTemplate, TemplateError } from '../rules/template.ts';
import type { Root } from '../rules/types.ts';
import { text } from './scalar.ts';
import type { Path, SourceDocument } from './source-document.ts';
import { didYouMean } from './suggest.ts';
import { ValueError } from './value-error.ts';

/** A pattern that `parsePattern` takes, as written. @throws ValueError */
export function checkedPattern(pattern: string): string {
  try {
    parsePattern(pattern);
    return pattern;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new ValueError(error.message, error.hint);
  }
}

/** A text that `parseTemplate` takes, as written. */
export function template(kind: 'path' | 'tag', form: { pattern?: string; examples: readonly string[] }) {
  return text(form, (written) => {
    try {
      return parseTemplate(written, kind).text;
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw new ValueError(error.message, error.hint, error.offset);
    }
  });
}

export interface PlaceholderScope {
  /** The pattern whose parameters placeholders may name. */
  readonly pattern: string;
  /** Roots that have nothing here, each with the reason and what to do. */
  readonly closed: ReadonlyMap<Root, { readonly message: string; readonly hint: string }>;
}

/** Reports the placeholders of a sound template that could never yield a value where it stands. */
export function lintPlaceholders(
  document: SourceDocument,
  path: Path,
  { written, kind }: { written: string; kind: 'path' | 'tag' },
  scope: PlaceholderScope,
): void {
  const names = parameterNames(parsePattern(scope.pattern));
  for (const placeholder of parseTemplate(written, kind).placeholders) {
    const begins = written.indexOf(`{${placeholder.text}`);
    for (const source of placeholder.sources) {
      // The first one with that text: a template that repeats itself is wrong in both places alike.
      const offset = Math.max(0, written.indexOf(source.text, begins));
      const closed = scope.closed.get(source.root);
      if (closed !== undefined) document.report(path, { ...closed, offset });
      if (source.root !== 'params' || names.includes(source.name)) continue;
      const message = `the pattern ${scope.pattern} has no parameter "${source.name}"`;
      const hint = names.length === 0 ? `name one in the pattern: ":${source.name}"` : didYouMean(source.name, names);
      document.report(path, { message, hint, offset });
    }
  }
}

function parameterNames(segments: readonly Segment[]): string[] {
  return segments.flatMap((segment) => (segment.kind === 'one' && segment.name !== undefined ? [segment.name] : []));
}
