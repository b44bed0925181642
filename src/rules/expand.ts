import { encodeSegment, sortedQuery } from '../route/path.ts';
import type { PathTemplate, Piece, TagTemplate, Target, Template } from './types.ts';

/** Targets (or tags) per template. Placeholders multiply: two with 1,000 values each would give a million. */
export const MAX_EXPANSIONS = 1_000;

/** The values of one placeholder, or the wildcard. */
export type Values = readonly string[] | '*';

/** The number of targets that a template gives; a wildcard counts once. */
export function expansions(values: readonly Values[]): number {
  return values.reduce((product, each) => product * (each === '*' ? 1 : each.length), 1);
}

/** One target for each combination of values. The caller has checked MAX_EXPANSIONS. */
export function expand(template: Template, values: readonly Values[]): Target[] {
  return combinations(values).map((chosen) =>
    template.kind === 'path' ? pathTarget(template, chosen) : tagTarget(template, chosen),
  );
}

/** One value for each placeholder; undefined is the wildcard. */
type Chosen = readonly (string | undefined)[];

function combinations(values: readonly Values[]): Chosen[] {
  let all: Chosen[] = [[]];
  for (const each of values) {
    const longer: Chosen[] = [];
    const choices = each === '*' ? [undefined] : each;
    for (const chosen of all) for (const choice of choices) longer.push([...chosen, choice]);
    all = longer;
  }
  return all;
}

function pathTarget({ segments, query }: PathTemplate, chosen: Chosen): Target {
  let path = '';
  let isPattern = false;
  for (const segment of segments) {
    const text = typeof segment === 'string' ? segment : joined(segment, chosen, encodeSegment);
    isPattern ||= text === undefined || typeof segment === 'string';
    // A segment with an unknown part becomes "*": what records cover has no `*.json`.
    path += `/${text ?? '*'}`;
  }
  if (path === '') path = '/';
  // A pattern covers every query of its paths.
  if (isPattern) return { kind: 'pattern', pattern: path };
  const exact = query && joined(query, chosen, encodeQuery);
  return exact === undefined ? { kind: 'path', path } : { kind: 'query', path, query: sortedQuery(exact) };
}

function joined(pieces: readonly Piece[], chosen: Chosen, encode: (value: string) => string): string | undefined {
  let text = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      text += piece;
    } else {
      const value = chosen[piece];
      if (value === undefined) return undefined;
      text += encode(value);
    }
  }
  return text;
}

/** As `encodeSegment`, but dots are ordinary characters in a query. */
function encodeQuery(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Values are data, and may contain "*". So a wildcard is the gap between two parts, never a character. */
function tagTarget({ parts }: TagTemplate, chosen: Chosen): Target {
  const split: string[] = [];
  for (const part of parts) {
    let text = '';
    for (const piece of part) {
      const value = typeof piece === 'string' ? piece : chosen[piece];
      if (value === undefined) {
        split.push(text);
        text = '';
      } else {
        text += value;
      }
    }
    split.push(text);
  }
  return split.length === 1 ? { kind: 'tag', tag: split[0] as string } : { kind: 'tagPattern', parts: split };
}
