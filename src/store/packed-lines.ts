import type { FieldLines } from '../http/fields.ts';
import { TwoGenerations } from '../http/own-memory.ts';

/* Stored responses of one route have fields of the same names, and what clients get of them follows from what the
 * origin sent in the same way. Both are kept once for all of them. */

/** How lines follow from others: a text, or the place of one among those others. */
export type Recipe = readonly (string | number)[];

/** What is remembered of each, in each of two generations. */
const MAX_SHARED = 1_000;
/** A longer one is not shared. */
const MAX_SHARED_LENGTH = 1_024;

const names = shared<FieldLines>();
const recipes = shared<Recipe>();

/** The names of the lines, the same list for all that ask for the same names. */
export function namesIn(lines: FieldLines): FieldLines {
  const own: string[] = [];
  for (let i = 0; i < lines.length; i += 2) own.push(lines[i] as string);
  return names(`${own.length}\n${own.join('\n')}`, own);
}

export function valuesIn(lines: FieldLines): FieldLines {
  const values: string[] = [];
  for (let i = 1; i < lines.length; i += 2) values.push(lines[i] as string);
  // What grows by pushing has room for more; a copy has not.
  return values.slice();
}

export function joinedLines(names: FieldLines, values: FieldLines): string[] {
  const lines: string[] = [];
  for (let i = 0; i < names.length; i++) lines.push(names[i] as string, values[i] as string);
  return lines;
}

/** How `lines` are made of `texts`, the same recipe for all that are made alike. */
export function recipeOf(lines: FieldLines, texts: FieldLines): Recipe {
  const recipe = lines.map((line) => {
    const at = texts.indexOf(line);
    return at < 0 ? line : at;
  });
  return recipes(JSON.stringify(recipe), recipe);
}

export function madeBy(recipe: Recipe, texts: FieldLines): string[] {
  return recipe.map((step) => (typeof step === 'string' ? step : (texts[step] as string)));
}

function shared<T>(): (key: string, own: T) => T {
  const all = new TwoGenerations<T>(MAX_SHARED);
  return (key, own) => {
    if (key.length > MAX_SHARED_LENGTH) return own;
    const recent = all.recent(key);
    if (recent !== undefined) return recent;
    const known = all.earlier(key) ?? own;
    all.set(key, known);
    return known;
  };
}
