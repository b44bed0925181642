import { z } from 'zod';
import { kindOf } from './scalar.ts';
import type { Finding, Path, SourceDocument } from './source-document.ts';
import { didYouMean } from './suggest.ts';

type Issue = z.core.$ZodIssue;
type Issues = readonly Issue[];

/** What was made of documents without a mistake: their parts need not be checked again. */
const sound = new WeakMap<SourceDocument, unknown>();

/** Checks a document against its schema, and reports each mistake at its position. */
export function checkShape<Schema extends z.ZodType>(
  document: SourceDocument,
  schema: Schema,
): z.output<Schema> | undefined {
  const result = schema.safeParse(document.value, { error: hintsForUnknownKeys });
  if (result.success) {
    sound.set(document, result.data);
    return result.data;
  }
  for (const issue of result.error.issues) reportIssue(document, issue, []);
  return undefined;
}

/**
 * The part at a path if it is valid, so that mistakes elsewhere do not prevent further checks.
 * @param schema the same as within the schema of the document
 */
export function soundPart<Schema extends z.ZodType>(
  document: SourceDocument,
  schema: Schema,
  path: Path,
): z.output<Schema> | undefined {
  if (sound.has(document)) return valueAt(sound.get(document), path) as z.output<Schema> | undefined;
  const result = schema.safeParse(valueAt(document.value, path));
  return result.success ? result.data : undefined;
}

export function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = Reflect.get(found, step);
  }
  return found;
}

/** The schema with its known keys is available only while zod creates the issue. One hint per line, in order. */
function hintsForUnknownKeys(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'unrecognized_keys' || !(issue.inst instanceof z.ZodObject)) return undefined;
  const known = Object.keys(issue.inst.shape);
  return issue.keys.map((key) => didYouMean(key, known)).join('\n');
}

function reportIssue(document: SourceDocument, issue: Issue, above: Path): void {
  const path = [...above, ...issue.path];
  const value = valueAt(document.value, path);
  if (issue.code === 'unrecognized_keys') {
    const hints = issue.message.split('\n');
    for (const [i, key] of issue.keys.entries()) {
      document.report([...path, key], { message: `unknown key "${key}"`, hint: hints[i] ?? '', atKey: true });
    }
    return;
  }
  if (issue.code === 'invalid_union' && value !== undefined) {
    const meant = alternativeMeant(issue.errors, value);
    if (meant === undefined) document.report(path, unionFinding(value, issue.errors.flat()));
    else reportMeant(document, path, meant, issue.errors);
    return;
  }
  const finding = ofOrigins(path, value) ?? findingFor(issue, path.at(-1), value);
  document.report(path, inRule(document, path, finding));
}

/** A key that is unknown here may be one of another alternative: it is not misspelt, but excluded by what is there. */
function reportMeant(document: SourceDocument, path: Path, meant: Issues, alternatives: readonly Issues[]): void {
  const pair = exclusiveKeys(meant, alternatives);
  for (const issue of meant) {
    if (pair === undefined || issue.code !== 'unrecognized_keys') reportIssue(document, issue, path);
  }
  if (pair === undefined) return;
  const [key, other] = pair;
  const message = `"${key}" and "${other}" exclude each other`;
  document.report([...path, key], { message, hint: 'remove one of the two', atKey: true });
}

/** A key that the meant alternative does not know, and one that the alternative which knows it does not. */
function exclusiveKeys(meant: Issues, alternatives: readonly Issues[]): readonly [string, string] | undefined {
  const unknownTo = (issues: Issues): string[] =>
    issues.flatMap((issue) => (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : []));
  const here = unknownTo(meant);
  for (const alternative of alternatives) {
    const there = unknownTo(alternative);
    const key = here.find((each) => !there.includes(each));
    const other = there.find((each) => !here.includes(each));
    if (key !== undefined && other !== undefined) return [key, other];
  }
  return undefined;
}

/** `origin` has a URL, and `origins` has names. */
function ofOrigins([section, name, ...below]: Path, value: unknown): Finding | undefined {
  if (section !== 'origins' || name === undefined || below.length > 0 || typeof value !== 'string') return undefined;
  const origin =
    name === 'url' ? 'each origin has a name: origins: { api: { url: … } }' : `write ${String(name)}: { url: … }`;
  return { message: 'expected a mapping, found text', hint: origin };
}

/** An event is often made by a template or a tool, far from the name of its rule. */
function inRule(document: SourceDocument, path: Path, finding: Finding): Finding {
  if (path[0] !== 'rules' || path[2] !== 'event') return finding;
  const name = valueAt(document.value, ['rules', path[1] ?? 0, 'name']);
  return typeof name === 'string' ? { ...finding, hint: `in the rule "${name}": ${finding.hint}` } : finding;
}

function findingFor(issue: Issue, key: PropertyKey | undefined, value: unknown): Finding {
  const name = typeof key === 'string' ? `"${key}"` : 'this';
  if (value === undefined) return { message: `${name} is missing`, hint: `add ${String(key)}: …` };
  if (value === null) {
    return { message: `${name} has no value`, hint: 'give it one, or remove the key', atKey: true };
  }
  switch (issue.code) {
    case 'custom':
      return { message: issue.message, hint: String(issue.params?.hint ?? ''), offset: issue.params?.offset };
    case 'invalid_key': {
      const [inner] = issue.issues;
      if (inner?.code === 'custom' && inner.params?.hint !== undefined) {
        return { message: inner.message, hint: String(inner.params.hint), atKey: true };
      }
      return { message: `${name} is not a name`, hint: 'use a letter, then letters, digits, "_" and "-"', atKey: true };
    }
    case 'too_small':
      return { message: `${name} is empty`, hint: 'add at least one, or remove the key' };
    case 'invalid_type':
      return {
        message: `expected ${expected(issue.expected)}, found ${kindOf(value)}`,
        hint: typeHint(issue.expected),
      };
    default:
      return { message: issue.message, hint: 'see the description of this key in the JSON Schema' };
  }
}

function expected(type: string): string {
  if (type === 'array') return 'a list';
  return type === 'object' || type === 'record' ? 'a mapping' : type;
}

function typeHint(type: string): string {
  if (type === 'array') return 'write [one, two], or a line "- one" for each';
  return 'write its keys below it, indented, or { key: value }';
}

/** Every alternative reports issues. The one that is meant is for the type of the value, and has the fewest. */
function alternativeMeant(alternatives: readonly Issues[], value: unknown): Issues | undefined {
  const isText = typeof value === 'string';
  const possible = alternatives.filter((issues) =>
    issues.every(({ code, path }) => path.length > 0 || (isText ? code === 'custom' : code === 'unrecognized_keys')),
  );
  return possible.reduce<Issues | undefined>(
    (least, issues) => (least === undefined || issues.length < least.length ? issues : least),
    undefined,
  );
}

function unionFinding(value: unknown, issues: Issues): Finding {
  const words = issues.flatMap((issue) => (issue.code === 'invalid_value' ? issue.values.map(String) : []));
  const text = issues.some(({ code }) => code === 'custom') ? ['text'] : [];
  const isList = issues.some((issue) => issue.code === 'invalid_type' && issue.expected === 'array');
  const list = isList && !Array.isArray(value) ? ['a list'] : [];
  const alternatives = [...words.map((word) => `"${word}"`), ...text, ...list, 'a mapping'];
  const written = typeof value === 'string' ? `"${value}"` : kindOf(value);
  const named = alternatives.join(' or ');
  return {
    message: `expected ${named}, found ${written}`,
    hint: alternatives.length === 1 ? typeHint('object') : `write ${named}`,
  };
}
