import { foreignInTarget } from '../route/foreign-syntax.ts';
import { PatternError, parameterNames, parsePattern } from '../route/pattern.ts';
import { belowRoot, compileJsonPath, SelectorError } from '../rules/jsonpath.ts';
import { parseSource, roots } from '../rules/source.ts';
import { parseTemplate, TemplateError } from '../rules/template.ts';
import type { Root, Source } from '../rules/types.ts';
import { text } from './scalar.ts';
import type { Path, SourceDocument } from './source-document.ts';
import { didYouMean, nearest } from './suggest.ts';
import { ValueError } from './value-error.ts';

/** A pattern, checked with `parsePattern`, as written. @throws ValueError */
export function checkedPattern(pattern: string): string {
  try {
    parsePattern(pattern);
    return pattern;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new ValueError(error.message, error.hint);
  }
}

/** A template, checked with `parseTemplate`, as written. */
export function template(kind: 'path' | 'tag', form: { pattern?: string; examples: readonly string[] }) {
  return text(form, (written) => {
    if (kind === 'path') refuseForeign(written);
    return asValueError(() => parseTemplate(written, kind).text);
  });
}

/** A path template without wildcards or query. @throws ValueError */
export function checkedPlace(written: string): string {
  refuseForeign(written);
  const parsed = asValueError(() => parseTemplate(written, 'path'));
  if (parsed.segments.some((segment) => segment === '*' || segment === '**')) {
    throw new ValueError('a path with wildcards is not one resource', 'write the full path: /steps/{response.stepId}');
  }
  if (parsed.query !== undefined) {
    throw new ValueError(
      'the path cannot have a query',
      'name one resource by its path alone: /steps/{response.stepId}',
    );
  }
  return written;
}

function refuseForeign(written: string): void {
  const foreign = foreignInTarget(written);
  if (foreign !== undefined) throw new ValueError(foreign.message, foreign.hint);
}

const GET = 'GET ';

/** `GET` and a path template; parsed to the template alone. */
export function readTemplate() {
  return text({ pattern: '^GET /', examples: ['GET /steps/{response.stepId}'] }, (written) => {
    const path = written.startsWith(`${GET}/`) ? written.slice(GET.length) : undefined;
    if (path !== undefined) return checkedPlace(path);
    throw new ValueError(`"${written}" is not a GET and a path`, 'write GET /steps/{response.stepId}');
  });
}

/** A source without its braces: `id`, `response.stepId`. @throws ValueError */
export function checkedSource(written: string): string {
  asValueError(() => parseSource(written));
  return written;
}

/** A JSONPath below a body, the leading "$" left out. @throws ValueError */
export function checkedPath(written: string): string {
  asValueError(() => compileJsonPath(belowRoot(written)));
  return written;
}

/** `response`, `request`, or a source below one that selects one value. @throws ValueError */
export function checkedBody(written: string): string {
  if (written === 'response' || written === 'request') return written;
  const source = asValueError(() => parseSource(written));
  const single =
    (source.root === 'response' || source.root === 'request') &&
    source.steps.every((step) => step.kind === 'name' || step.kind === 'index');
  if (single) return written;
  throw new ValueError(`"${written}" is not one representation`, 'write response, request or response.accommodation');
}

function asValueError<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TemplateError || error instanceof SelectorError) {
      throw new ValueError(error.message, error.hint, error.offset);
    }
    throw error;
  }
}

export interface PlaceholderScope {
  /** The lookups of the rule, which are roots too. */
  readonly lookups?: readonly string[];
  /** The pattern with the parameters that placeholders may use. */
  readonly pattern: string;
  /** Roots that are not available here, with the reason and a hint. */
  readonly closed: ReadonlyMap<Root, { readonly message: string; readonly hint: string }>;
}

/** Reports placeholders of a valid template that can never have a value in its place. */
export function lintPlaceholders(
  document: SourceDocument,
  path: Path,
  { written, kind, read }: { written: string; kind: 'path' | 'tag'; read?: boolean },
  scope: PlaceholderScope,
): void {
  for (const placeholder of parseTemplate(written, kind).placeholders) {
    const begins = written.indexOf(`{${placeholder.text}`);
    for (const source of placeholder.sources) {
      // The first one with that text: if a template repeats it, both are wrong.
      const offset = Math.max(0, written.indexOf(source.text, begins)) + (read === true ? GET.length : 0);
      lintSource(document, path, { source, offset }, scope);
    }
  }
}

/** Reports a valid source that can never have a value in its place. */
export function lintSource(
  document: SourceDocument,
  path: Path,
  { source, offset }: { source: Source; offset: number },
  scope: PlaceholderScope,
): void {
  const closed = scope.closed.get(source.root);
  if (closed !== undefined) document.report(path, { ...closed, offset });
  if (source.root === 'lookup' && !(scope.lookups ?? []).includes(source.name)) {
    const known = [...roots, ...(scope.lookups ?? [])];
    const meant = nearest(source.name, known);
    const all = `use a path parameter, or one of ${known.join(', ')} followed by a path`;
    const hint = meant === undefined ? all : `did you mean "${meant}"?`;
    document.report(path, { message: `unknown root "${source.name}"`, hint, offset });
  }
  if (source.root !== 'params') return;
  const names = parameterNames(parsePattern(scope.pattern));
  if (names.includes(source.name)) return;
  const message = `the pattern ${scope.pattern} has no parameter "${source.name}"`;
  const hint = names.length === 0 ? `add one to the pattern: ":${source.name}"` : didYouMean(source.name, names);
  document.report(path, { message, hint, offset });
}
