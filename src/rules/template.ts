import { decodeSegment, encodeSegment } from '../route/path.ts';
import { SelectorError } from './jsonpath.ts';
import { parseSource } from './source.ts';
import { type RawPiece, splitTemplate, splitUnion } from './template-text.ts';
import type { PathTemplate, Piece, Placeholder, TagTemplate, Template } from './types.ts';

/** Why a text is not a template. `hint` says what to write instead; `offset` says where, in UTF-16 code units. */
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

/** Placeholders multiply: with more than this, two values each would exceed the targets that one write may have. */
const MAX_PLACEHOLDERS = 8;

/**
 * `/steps/{before.stepId, response.stepId}`, `/accommodations?stepId={response.stepId}`, `/steps/*`, `step:{id}`. A
 * literal brace in a path is `%7B` or `%7D`; a tag cannot have one.
 * @throws TemplateError
 */
export function parseTemplate(text: string, kind: 'path'): PathTemplate;
export function parseTemplate(text: string, kind: 'tag'): TagTemplate;
export function parseTemplate(text: string, kind: 'path' | 'tag'): Template;
export function parseTemplate(text: string, kind: 'path' | 'tag'): Template {
  if (text === '') throw new TemplateError('the target is empty', 'write a path or a tag', 0);
  const { pieces, fault } = splitTemplate(text);
  if (fault !== undefined) throw new TemplateError(fault.message, fault.hint, fault.offset);
  const placeholders = pieces.filter((piece) => piece.kind === 'placeholder').map(parsePlaceholder);
  if (placeholders.length > MAX_PLACEHOLDERS) {
    throw new TemplateError('too many placeholders', `use at most ${MAX_PLACEHOLDERS}`, 0);
  }
  let placed = 0;
  const parts = pieces.map((piece): Part => {
    if (piece.kind === 'placeholder') return { index: placed++, offset: piece.offset };
    return { text: piece.text, offset: piece.offset };
  });
  return kind === 'path' ? pathTemplate(text, parts, placeholders) : tagTemplate(text, parts, placeholders);
}

/** A literal, or a placeholder by its index, with its offset. */
type Part = { readonly offset: number } & ({ readonly text: string } | { readonly index: number });

function parsePlaceholder(piece: RawPiece): Placeholder {
  const sources = splitUnion(piece.text).map(({ text, offset }) => {
    // Skip the brace.
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
  if (!text.startsWith('/')) throw new TemplateError('a path must start with a slash', `write /${text}`, 0);
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
    throw new TemplateError('"**" must be the last segment', 'use "*" for one segment', text.indexOf('**'));
  }
  if (query !== undefined && compiled.some((segment) => segment === '*' || segment === '**')) {
    const hint = 'remove the query: a path with wildcards covers every query';
    throw new TemplateError('a path with wildcards cannot have a query', hint, text.indexOf('*'));
  }
  return { kind: 'path', text, placeholders, segments: compiled, query: query && queryPieces(query, text) };
}

/** A target may not contain what `parseTarget` (route/path.ts) refuses in a request: it could match nothing. */
function checkCharacters(text: string, offset: number): void {
  const bad = /[^!-~]|[\\#]|%(?![0-9A-Fa-f]{2})|%00/.exec(text);
  if (bad !== null) {
    const hint = 'percent-encode it: a space is %20, a percent sign %25, a hash %23';
    throw new TemplateError(`${JSON.stringify(bad[0])} is not allowed in a path`, hint, offset + bad.index);
  }
}

function pathSegment(parts: readonly Part[]): readonly Piece[] | '*' | '**' {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && 'text' in only) {
    if (only.text === '*' || only.text === '**') return only.text;
    if (/^(?:\.|%2e){1,2}$/i.test(only.text)) {
      throw new TemplateError(`"${only.text}" is a dot segment`, 'write the path that it resolves to', only.offset);
    }
  }
  return parts.map((part) => {
    if ('index' in part) return part.index;
    if (part.text.includes('*')) {
      const hint = '"*" must be a whole segment; write %2A for a literal star';
      throw new TemplateError('"*" is only part of a segment', hint, part.offset + part.text.indexOf('*'));
    }
    return encodeSegment(decodeSegment(part.text));
  });
}

function queryPieces(parts: readonly Part[], text: string): Piece[] {
  if (parts.length === 0) throw new TemplateError('the query is empty', 'remove the "?"', text.length);
  return parts.map((part) => {
    if ('index' in part) return part.index;
    const star = part.text.indexOf('*');
    if (star >= 0) {
      const hint = 'remove the query to cover every query; write %2A for a literal star';
      throw new TemplateError('a query cannot have wildcards', hint, part.offset + star);
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
      throw new TemplateError(
        'a tag cannot contain white space',
        'join words with ":" or "-"',
        part.offset + bad.index,
      );
    }
    for (const [i, piece] of part.text.split('*').entries()) {
      if (i > 0) split.push([]);
      if (piece !== '') split.at(-1)?.push(piece);
    }
  }
  return { kind: 'tag', text, placeholders, parts: split };
}
