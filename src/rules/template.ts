import { decodeSegment, encodeSegment } from '../route/path.ts';
import { SelectorError } from './jsonpath.ts';
import { parseSource } from './source.ts';
import { type RawPiece, splitTemplate, splitUnion } from './template-text.ts';
import type { PathTemplate, Piece, Placeholder, TagTemplate, Template } from './types.ts';

/** Why a text is not a template; `hint` says what to write instead, `offset` where (UTF-16 code units from its start). */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly hint: string;
  readonly offset: number;
  constructor(message: string, hint: string, offset: number, options?: { cause?: unknown }) {
    super(message, options);
    this.hint = hint;
    this.offset = offset;
  }
}

/** Placeholders multiply: with more than these, two values in each are already more targets than one write may have. */
const MAX_PLACEHOLDERS = 8;

/**
 * `/steps/{before.stepId, response.stepId}`, `/accommodations?stepId={response.stepId}`, `/steps/*`, `step:{id}`. Literal text is
 * what a target names; there is no escape for braces but `%7B` and `%7D` in a path.
 * @throws TemplateError
 */
export function parseTemplate(text: string, kind: 'path'): PathTemplate;
export function parseTemplate(text: string, kind: 'tag'): TagTemplate;
export function parseTemplate(text: string, kind: 'path' | 'tag'): Template;
export function parseTemplate(text: string, kind: 'path' | 'tag'): Template {
  if (text === '') throw new TemplateError('the target is empty', 'write a path or the name of a tag', 0);
  const { pieces, fault } = splitTemplate(text);
  if (fault !== undefined) throw new TemplateError(fault.message, fault.hint, fault.offset);
  const placeholders = pieces.filter((piece) => piece.kind === 'placeholder').map(parsePlaceholder);
  if (placeholders.length > MAX_PLACEHOLDERS) {
    throw new TemplateError('too many placeholders', `${MAX_PLACEHOLDERS} at most`, 0);
  }
  let placed = 0;
  const parts = pieces.map((piece): Part => {
    if (piece.kind === 'placeholder') return { index: placed++, offset: piece.offset };
    return { text: piece.text, offset: piece.offset };
  });
  return kind === 'path' ? pathTemplate(text, parts, placeholders) : tagTemplate(text, parts, placeholders);
}

/** A literal, or a placeholder by its index, and where it stands. */
type Part = { readonly offset: number } & ({ readonly text: string } | { readonly index: number });

function parsePlaceholder(piece: RawPiece): Placeholder {
  const sources = splitUnion(piece.text).map(({ text, offset }) => {
    // One for the brace.
    const at = piece.offset + 1 + offset;
    if (text === '') throw new TemplateError('a source is missing', 'write {id} or {response.stepId}', at);
    try {
      return parseSource(text);
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      throw new TemplateError(error.message, error.hint, at + error.offset, { cause: error });
    }
  });
  return { text: piece.text.trim(), sources };
}

function pathTemplate(text: string, parts: readonly Part[], placeholders: readonly Placeholder[]): PathTemplate {
  if (!text.startsWith('/')) throw new TemplateError('a path begins with a slash', `write /${text}`, 0);
  const segments: Part[][] = [[]];
  let query: Part[] | undefined;
  for (const part of parts) {
    if ('index' in part) {
      (query ?? (segments.at(-1) as Part[])).push(part);
      continue;
    }
    checkCharacters(part.text, part.offset);
    const mark = query === undefined ? part.text.indexOf('?') : -1;
    const path = query !== undefined ? '' : mark < 0 ? part.text : part.text.slice(0, mark);
    let offset = part.offset;
    for (const [i, piece] of path.split('/').entries()) {
      if (i > 0) segments.push([]);
      if (piece !== '') segments.at(-1)?.push({ text: piece, offset });
      offset += piece.length + 1;
    }
    if (mark >= 0) query = [];
    const rest = query === undefined ? '' : part.text.slice(mark + 1);
    if (rest !== '') query?.push({ text: rest, offset: part.offset + mark + 1 });
  }
  const compiled = segments.filter((segment) => segment.length > 0).map(pathSegment);
  const rest = compiled.indexOf('**');
  if (rest >= 0 && rest < compiled.length - 1) {
    throw new TemplateError('"**" is not the last segment', 'use "*" for one segment', text.indexOf('**'));
  }
  if (query !== undefined && compiled.some((segment) => segment === '*' || segment === '**')) {
    const hint = 'leave out the query: a path with wildcards names every query';
    throw new TemplateError('a path with wildcards has a query', hint, text.indexOf('*'));
  }
  return { kind: 'path', text, placeholders, segments: compiled, query: query && queryPieces(query, text) };
}

/** What parseTarget of route/path.ts refuses in a request can name nothing in a target. */
function checkCharacters(text: string, offset: number): void {
  const bad = /[^!-~]|[\\#]|%(?![0-9A-Fa-f]{2})|%00/.exec(text);
  if (bad !== null) {
    const hint = 'percent-encode it: a space is %20, a percent sign %25, a hash %23';
    throw new TemplateError(`${JSON.stringify(bad[0])} cannot stand in a path`, hint, offset + bad.index);
  }
}

function pathSegment(parts: readonly Part[]): readonly Piece[] | '*' | '**' {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && 'text' in only) {
    if (only.text === '*' || only.text === '**') return only.text;
    if (/^(?:\.|%2e){1,2}$/i.test(only.text)) {
      throw new TemplateError(`"${only.text}" is a dot segment`, 'write the path that it leads to', only.offset);
    }
  }
  return parts.map((part) => {
    if ('index' in part) return part.index;
    if (part.text.includes('*')) {
      const hint = '"*" is a whole segment; a literal star is %2A';
      throw new TemplateError('"*" is mixed with something else', hint, part.offset + part.text.indexOf('*'));
    }
    return encodeSegment(decodeSegment(part.text));
  });
}

function queryPieces(parts: readonly Part[], text: string): Piece[] {
  if (parts.length === 0) throw new TemplateError('the query is empty', 'leave out the "?"', text.length);
  return parts.map((part) => {
    if ('index' in part) return part.index;
    const star = part.text.indexOf('*');
    if (star >= 0) {
      const hint = 'leave out the query to name every query; a literal star is %2A';
      throw new TemplateError('a query has no wildcards', hint, part.offset + star);
    }
    return part.text;
  });
}

function tagTemplate(text: string, parts: readonly Part[], placeholders: readonly Placeholder[]): TagTemplate {
  const split: Piece[][] = [[]];
  for (const part of parts) {
    if ('index' in part) {
      split.at(-1)?.push(part.index);
      continue;
    }
    const bad = /[\s\p{Cc}]/u.exec(part.text);
    if (bad !== null) {
      throw new TemplateError('a tag holds no white space', 'join words by ":" or "-"', part.offset + bad.index);
    }
    for (const [i, piece] of part.text.split('*').entries()) {
      if (i > 0) split.push([]);
      if (piece !== '') split.at(-1)?.push(piece);
    }
  }
  return { kind: 'tag', text, placeholders, parts: split };
}
