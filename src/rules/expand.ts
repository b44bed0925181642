import { encodeSegment, sortedQuery } from '../route/path.ts';
import type { PathTemplate, Piece, TagTemplate, Target, Template } from './types.ts';

/** Targets (or tags) that one template may come to. Placeholders multiply: two of 1,000 values would be a million. */
export const MAX_EXPANSIONS = 1_000;

/** The values of one placeholder, or `*` where it is widened. */
export type Values = readonly string[] | '*';

/** How many targets a template comes to; placeholders that are widened count once. */
export function expansions(values: readonly Values[]): number {
  return values.reduce((product, each) => product * (each === '*' ? 1 : each.length), 1);
}

/** The template for every combination of values. No more than `MAX_EXPANSIONS` of them: the caller has checked. */
export function expand(template: Template, values: readonly Values[]): Target[] {
  return combinations(values).map((chosen) =>
    template.kind === 'path' ? pathTarget(template, chosen) : tagTarget(template, chosen),
  );
}

/** One value for each placeholder; undefined is widened. */
type Chosen = readonly (string | undefined)[];

function combinations(values: readonly Values[]): Chosen[] {
  let all: Chosen[] = [[]];
  for (const each of values) {
    const choices = each === '*' ? [undefined] : each;
    all = all.flatMap((chosen) => choices.map((choice) => [...chosen, choice]));
  }
  return all;
}

function pathTarget({ segments, query }: PathTemplate, chosen: Chosen): Target {
  let path = '';
  let isPattern = false;
  for (const segment of segments) {
    const text = typeof segment === 'string' ? segment : joined(segment, chosen, encodeSegment);
    isPattern ||= text === undefined || typeof segment === 'string';
    // A segment with anything unknown in it is any segment: patterns know no `*.json`.
    path += `/${text ?? '*'}`;
  }
  if (path === '') path = '/';
  // A pattern hits every query of its paths.
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

/** As `encodeSegment`, but dots mean nothing in a query. */
function encodeQuery(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Values are data: a `*` in one is no wildcard, so wildcards are the gaps between parts and never a character. */
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
