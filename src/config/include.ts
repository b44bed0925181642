import { dirname, isAbsolute, join } from 'node:path';
import type { SourceDocument } from './source-document.ts';

/** How included files are found and read. Errors have the `code` of `node:fs`. */
export interface FileAccess {
  readFile(file: string): string;
  /** The names in a folder, in any order; none if it does not exist. */
  readFolder(folder: string): readonly string[];
}

/** Files per configuration: `*` in a large folder is a mistake, and must be reported quickly. */
const MAX_INCLUDED = 1000;

export interface Included {
  readonly file: string;
  /** The index of the element of `include` that matched it. */
  readonly index: number;
}

/**
 * The files that `include` matches, in its order; the matches of a `*` are sorted by name, and duplicates are dropped.
 * Reports entries that match no file.
 */
export function includedFiles(document: SourceDocument, entries: readonly unknown[], files: FileAccess): Included[] {
  const included = new Map<string, Included>();
  for (const [index, entry] of entries.entries()) {
    if (typeof entry !== 'string') continue;
    if (entry.includes('**')) {
      const hint = 'name the folders: "*" matches one name';
      document.report(['include', index], {
        message: '"**" cannot be used in include',
        hint,
        offset: entry.indexOf('**'),
      });
      continue;
    }
    const path = isAbsolute(entry) ? entry : join(dirname(document.file), entry);
    try {
      const found = entry.includes('*') ? expand(path, files) : [path];
      if (found.length === 0) {
        const hint = 'the path is relative to this file; "*" matches one name';
        document.report(['include', index], { message: `"${entry}" matches no file`, hint });
      }
      for (const file of found) if (!included.has(file)) included.set(file, { file, index });
    } catch (error) {
      const message = `"${entry}" cannot be read (${reasonOf(error)})`;
      document.report(['include', index], { message, hint: 'name folders that the gateway can read' });
    }
  }
  const all = [...included.values()];
  if (all.length <= MAX_INCLUDED) return all;
  document.report(['include'], {
    message: `${all.length} files are included`,
    hint: `include at most ${MAX_INCLUDED}`,
  });
  return all.slice(0, MAX_INCLUDED);
}

/** An error code such as `ENOENT`, or the message. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message : String(error);
}

/** Expands a path with `*`. Names with a leading dot match only patterns with a leading dot. */
function expand(path: string, { readFolder }: Pick<FileAccess, 'readFolder'>): string[] {
  const segments = path.split('/').filter((segment) => segment !== '');
  const wild = segments.findIndex((segment) => segment.includes('*'));
  const root = `${isAbsolute(path) ? '/' : ''}${segments.slice(0, wild).join('/')}`;
  let found: string[] = [root];
  for (const segment of segments.slice(wild)) {
    const matches = matcher(segment);
    found = found.flatMap((folder) =>
      [...readFolder(folder === '' ? '.' : folder)]
        .filter((name) => matches(name) && (segment.startsWith('.') || !name.startsWith('.')))
        .sort()
        .map((name) => join(folder, name)),
    );
  }
  return found;
}

function matcher(segment: string): (name: string) => boolean {
  const parts = segment.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`^${parts.join('.*')}$`, 's');
  return (name) => pattern.test(name);
}
