import type { FieldLines } from '../http/fields.ts';
import { TwoGenerations } from '../http/own-memory.ts';

/* Stored responses of one route have fields of the same names, and what clients get of them follows from what the
 * origin sent in the same way. Both are kept once for all of them, as soon as enough of them have asked. */

/** How lines follow from others: a text, or the place of one among those others. */
export type Recipe = readonly (string | number)[];

/** What is remembered of each, in each of two generations. */
const MAX_SHARED = 1_000;
/** A longer one is not shared. */
const MAX_SHARED_LENGTH = 1_024;

/**
 * The first so many have a list each, which they are charged for. An origin that invents names for each response would
 * otherwise fill memory with lists that nobody is charged for.
 */
const HAVE_THEIR_OWN = 8;

/** The lists that are kept once. */
const common = new WeakSet<Recipe>();
const names = shared<FieldLines>((own) => `${own.length}\n${own.join('\n')}`);
const recipes = shared<Recipe>((own) => JSON.stringify(own));

/** Whether a list of names, or a recipe, is one that many responses have. */
export const isCommon = (list: Recipe): boolean => common.has(list);

/**
 * The names of the lines, the same list for all that ask for the same names.
 * @param before of the response that these lines derive from: it is not another one that asks. Empty: of none
 */
export function namesIn(lines: FieldLines, before: FieldLines): FieldLines {
  const own: string[] = [];
  for (let i = 0; i < lines.length; i += 2) own.push(lines[i] as string);
  // What grows by pushing has room for more; a copy has not.
  return names(own.slice(), before);
}

export function valuesIn(lines: FieldLines): FieldLines {
  const values: string[] = [];
  for (let i = 1; i < lines.length; i += 2) values.push(lines[i] as string);
  return values.slice();
}

export function joinedLines(names: FieldLines, values: FieldLines): string[] {
  const lines: string[] = [];
  for (let i = 0; i < names.length; i++) lines.push(names[i] as string, values[i] as string);
  return lines;
}

/** How `lines` are made of `texts`, the same recipe for all that are made alike. */
export function recipeOf(lines: FieldLines, texts: FieldLines, before: Recipe): Recipe {
  const recipe = lines.map((line) => {
    const at = texts.indexOf(line);
    return at < 0 ? line : at;
  });
  return recipes(recipe, before);
}

export function madeBy(recipe: Recipe, texts: FieldLines): string[] {
  return recipe.map((step) => (typeof step === 'string' ? step : (texts[step] as string)));
}

type ListOf<T extends Recipe> = (own: T, before: T) => T;

function shared<T extends Recipe>(keyOf: (own: T) => string): ListOf<T> {
  const all = new TwoGenerations<{ asked: number; list: T | undefined }>(MAX_SHARED);
  return (own, before) => {
    if (isSame(own, before)) return before;
    const key = keyOf(own);
    if (key.length > MAX_SHARED_LENGTH) return own;
    const recent = all.recent(key);
    const kind = recent ?? all.earlier(key) ?? { asked: 0, list: undefined };
    if (recent === undefined) all.set(key, kind);
    kind.asked += 1;
    if (kind.asked <= HAVE_THEIR_OWN) return own;
    if (kind.list === undefined) {
      kind.list = own;
      common.add(own);
    }
    return kind.list;
  };
}

const isSame = (a: Recipe, b: Recipe): boolean => a.length === b.length && a.every((step, i) => step === b[i]);
