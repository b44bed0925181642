import { dirname, isAbsolute, join, resolve } from 'node:path';
import { validationBy } from '../validation/compile.ts';
import { SchemaProblem } from '../validation/schema-problem.ts';
import { type FileAccess, reasonOf } from './include.ts';
import type { Located } from './lint-routes.ts';
import type { SchemaDocuments } from './model.ts';
import type { Problem } from './problem.ts';
import type { WriteSettings } from './writes-schema.ts';

/** What a schema says is shown as far as a line of a terminal has room for it. */
const MAX_EXCERPT_LENGTH = 200;

export interface ValidationFiles {
  /** By the settings of the entry: the files that its schema consists of. */
  readonly documents: ReadonlyMap<WriteSettings, SchemaDocuments>;
  /** In files that are no configurations. */
  readonly problems: readonly Problem[];
}

/**
 * Reads and compiles what `validate` names. A gateway checks by what was compiled here, and so by what `unstale check`
 * has seen.
 */
export function lintValidation(
  writes: readonly Located<WriteSettings>[],
  { readFile }: Pick<FileAccess, 'readFile'>,
): ValidationFiles {
  const documents = new Map<WriteSettings, SchemaDocuments>();
  const problems: Problem[] = [];
  for (const { settings, document, path } of writes) {
    const { validate, on } = settings;
    if (validate === undefined) continue;
    const kind = 'schema' in validate ? 'schema' : 'openapi';
    const named = 'schema' in validate ? validate.schema : validate.openapi;
    const file = isAbsolute(named) ? named : join(dirname(document.file), named);
    let text: string;
    try {
      text = readFile(resolve(file));
    } catch (error) {
      const message = `"${named}" cannot be read (${reasonOf(error)})`;
      document.report([...path, 'validate', kind], { message, hint: 'the path is relative to this file' });
      continue;
    }
    const texts: Record<string, string> = { '': text };
    try {
      validationBy(texts, { kind, ...on }, (other) => readInto(texts, other, resolve(dirname(file)), readFile));
      documents.set(settings, texts);
    } catch (error) {
      if (!(error instanceof SchemaProblem)) throw error;
      problems.push(problemOf(error, file, texts));
    }
  }
  return { documents, problems };
}

/** Files in the folder of the schema, and below it. The caller has made `path` relative to that folder. */
function readInto(
  texts: Record<string, string>,
  path: string,
  folder: string,
  readFile: FileAccess['readFile'],
): string | undefined {
  try {
    const text = readFile(join(folder, path));
    texts[path] = text;
    return text;
  } catch {
    // It does not exist, or is no file: the reference to it is reported.
    return undefined;
  }
}

function problemOf(
  { path, line, column, message, hint }: SchemaProblem,
  file: string,
  texts: Readonly<Record<string, string>>,
): Problem {
  const excerpt = texts[path]?.split('\n')[line - 1]?.trimEnd() ?? '';
  return {
    ...{ line, column, message, hint },
    file: path === '' ? file : join(dirname(file), path),
    severity: 'error',
    excerpt: excerpt.length > MAX_EXCERPT_LENGTH ? '' : excerpt,
  };
}
