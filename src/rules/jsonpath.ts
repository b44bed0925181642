import { FunctionExpressionType, JSONPathEnvironment, JSONPathError, JSONPathLexerError, jsonpath } from 'json-p3';
import { MAX_JSON_DEPTH } from './json.ts';
import type { PathStep } from './types.ts';

/** A source that is malformed, or unsafe to apply to bodies that anyone may send. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
  readonly hint: string;
  /** Of the character at fault, in UTF-16 code units. */
  readonly offset: number;
  constructor(message: string, hint: string, offset: number, options?: { cause?: unknown }) {
    super(message, options);
    this.hint = hint;
    this.offset = offset;
  }
}

/**
 * `match()` and `search()` fail on longer strings. With this bound and the next, an expression that backtracks takes at
 * most quadratic time, whatever the body contains.
 */
const MAX_MATCHED_LENGTH = 256;
/** `*`, `+`, `?`, `{n,m}` per expression: each further one multiplies the time by the length of the string. */
const MAX_OPEN_QUANTIFIERS = 1;
/** Groups multiply their alternatives: `(a|aa)(a|aa)(a|aa)…`. */
const MAX_GROUPS = 4;

type RegularExpressionFunction = InstanceType<typeof jsonpath.functions.Match | typeof jsonpath.functions.Search>;

const matchFunction = new jsonpath.functions.Match({ throwErrors: true });
const searchFunction = new jsonpath.functions.Search({ throwErrors: true });
const environment = new JSONPathEnvironment({ maxRecursionDepth: MAX_JSON_DEPTH + 2 });
environment.functionRegister.set('match', bounded(matchFunction));
environment.functionRegister.set('search', bounded(searchFunction));

/** RFC 9535 §2.4.6, §2.4.7: only a string matches; json-p3 would convert other values. */
function bounded(inner: RegularExpressionFunction) {
  return {
    argTypes: [FunctionExpressionType.ValueType, FunctionExpressionType.ValueType],
    returnType: FunctionExpressionType.LogicalType,
    call(text: unknown, pattern: unknown): boolean {
      if (typeof text !== 'string' || typeof pattern !== 'string') return false;
      // "Does not match" could leave out what the filter should select. So the selection fails: a wildcard fallback.
      if (text.length > MAX_MATCHED_LENGTH) throw new RangeError('a string is too long for a regular expression');
      return inner.call(text, pattern);
    },
  };
}

/** The JSONPath of a field written without its `$`: `stepId`, `meta.etag`, `[0].id`. */
export function belowRoot(path: string): string {
  return path.startsWith('[') ? `$${path}` : `$.${path}`;
}

/** `path` begins with `$`. @throws SelectorError */
export function compileJsonPath(path: string): PathStep[] {
  let segments: jsonpath.JSONPathSegment[];
  try {
    segments = environment.compile(path).segments;
  } catch (error) {
    if (!(error instanceof JSONPathError)) throw error;
    // json-p3 appends the path and the offset, and names its own tokens when a path ends too early.
    const message =
      error instanceof JSONPathLexerError ? 'it ends too early' : error.message.replace(/ \('.*'\s?:\d+\)$/s, '');
    throw new SelectorError(
      `not a JSONPath: ${message}`,
      'RFC 9535: .name ["name"] [0] [*] [?@.a == 1]',
      error.token.index,
      {
        cause: error,
      },
    );
  }
  let descents = 0;
  for (const segment of segments) {
    // `$..a..b` revisits everything below each nested `a`: with k descents, the size of the body to the power of k.
    if (isDescent(segment) && ++descents > 1) {
      throw new SelectorError('".." occurs twice', 'write the full path to the field', segment.token.index);
    }
    for (const selector of segment.selectors) {
      if (selector instanceof jsonpath.selectors.FilterSelector) checkFilter(selector.expression);
    }
  }
  return segments.map(stepOf);
}

function stepOf(segment: jsonpath.JSONPathSegment): PathStep {
  const [selector] = segment.selectors;
  const { NameSelector, IndexSelector, WildcardSelector } = jsonpath.selectors;
  if (!isDescent(segment) && segment.selectors.length === 1) {
    if (selector instanceof NameSelector) return { kind: 'name', name: selector.name };
    if (selector instanceof IndexSelector) return { kind: 'index', index: selector.index };
    if (selector instanceof WildcardSelector) return { kind: 'wildcard' };
  }
  if (segment.selectors.length === 1 && selector instanceof NameSelector)
    return { kind: 'descent', name: selector.name };
  const names = segment.selectors.every((each) => each instanceof NameSelector || each instanceof IndexSelector);
  return { kind: 'segment', segment, nothingIsAnAnswer: !names };
}

/** json-p3 does not export the classes of its segments. */
function isDescent(segment: jsonpath.JSONPathSegment): boolean {
  return segment.toString().startsWith('..');
}

/**
 * A filter is evaluated for each element, so its cost per element must not grow with the body. A regular expression
 * must come from the configuration and must not backtrack for long.
 */
function checkFilter(expression: unknown): void {
  const { FunctionExtension, InfixExpression, PrefixExpression, RelativeQuery, RootQuery } = jsonpath.expressions;
  if (expression instanceof InfixExpression) {
    checkFilter(expression.left);
    checkFilter(expression.right);
  } else if (expression instanceof PrefixExpression) {
    checkFilter(expression.right);
  } else if (expression instanceof FunctionExtension) {
    if (expression.name === 'match' || expression.name === 'search') checkRegularExpression(expression);
    for (const argument of expression.args) checkFilter(argument);
  } else if (expression instanceof RootQuery || expression instanceof RelativeQuery) {
    checkFilterQuery(expression.path, expression.token.index, expression instanceof RootQuery);
  } else if (isLogical(expression)) {
    checkFilter(expression.expression);
  }
}

/** `LogicalExpression`, which json-p3 does not export. */
function isLogical(value: unknown): value is { expression: unknown } {
  return typeof value === 'object' && value !== null && 'expression' in value;
}

function checkFilterQuery(query: jsonpath.JSONPathQuery, offset: number, fromRoot: boolean): void {
  if (query.segments.some(isDescent)) {
    throw new SelectorError('".." inside a filter', 'write the full path to the field', offset);
  }
  if (fromRoot && !query.singularQuery()) {
    throw new SelectorError('a filter may not search the whole body', 'use only names and indexes after "$"', offset);
  }
  for (const selector of query.segments.flatMap((segment) => segment.selectors)) {
    if (selector instanceof jsonpath.selectors.FilterSelector) checkFilter(selector.expression);
  }
}

function checkRegularExpression(call: InstanceType<typeof jsonpath.expressions.FunctionExtension>): void {
  const offset = call.token.index;
  const pattern = call.args[1];
  if (!(pattern instanceof jsonpath.expressions.StringLiteral)) {
    throw new SelectorError(
      `the pattern of ${call.name}() comes from the body`,
      'write the pattern as a literal',
      offset,
    );
  }
  try {
    (call.name === 'match' ? matchFunction : searchFunction).call('', pattern.value);
  } catch (error) {
    throw new SelectorError('not an I-Regexp', 'see RFC 9485 for the syntax', offset, { cause: error });
  }
  // Escaped characters and character classes contain no quantifiers or groups.
  const bare = pattern.value.replace(/\\[pP]\{[^}]*\}|\\./gs, 'x').replace(/\[[^\]]*\]/g, 'x');
  const open = bare.match(/[*+?]|\{\d*,\d*\}/g) ?? [];
  const groups = bare.match(/\(/g) ?? [];
  if (/\)[*+{?]/.test(bare) || open.length > MAX_OPEN_QUANTIFIERS || groups.length > MAX_GROUPS) {
    throw new SelectorError(
      'this regular expression could take too long',
      'use no quantifier after a group, and at most one of * + ? {n,m}; join conditions with &&',
      offset,
    );
  }
}
