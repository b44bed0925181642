import type { FieldLines } from '../http/fields.ts';
import { nameOf, TwoGenerations } from '../http/own-memory.ts';

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

/** Which response asks for a list. */
export interface Asker<T extends Recipe> {
  /** Of one key, they are not counted as several: a response is fetched again and again. */
  readonly key: string;
  /** The list of the response that it derives from. Empty: of none */
  readonly before: T;
}

/** The names of the lines, the same list for all that ask for the same names. */
export function namesIn(lines: FieldLines, asker: Asker<FieldLines>): FieldLines {
  const last = names.last(lines.length / 2);
  if (last !== undefined && areNamed(lines, last)) return last;
  const own: string[] = [];
  for (let i = 0; i < lines.length; i += 2) own.push(lines[i] as string);
  // What grows by pushing has room for more; a copy has not.
  return names.of(own.slice(), asker);
}

function areNamed(lines: FieldLines, names: FieldLines): boolean {
  for (let i = 0; i < names.length; i++) if (lines[2 * i] !== names[i]) return false;
  return true;
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
export function recipeOf(lines: FieldLines, texts: FieldLines, asker: Asker<Recipe>): Recipe {
  const last = recipes.last(lines.length);
  if (last !== undefined && isMadeBy(last, lines, texts)) return last;
  const recipe = lines.map((line) => {
    const at = texts.indexOf(line);
    return at < 0 ? line : at;
  });
  return recipes.of(recipe, asker);
}

function isMadeBy(recipe: Recipe, lines: FieldLines, texts: FieldLines): boolean {
  for (let i = 0; i < recipe.length; i++) {
    const step = recipe[i] as string | number;
    if ((typeof step === 'string' ? step : texts[step]) !== lines[i]) return false;
  }
  return true;
}

export function madeBy(recipe: Recipe, texts: FieldLines): string[] {
  return recipe.map((step) => (typeof step === 'string' ? step : (texts[step] as string)));
}

/** What is known of lists that are the same. */
interface Kind<T> {
  /** The keys that asked, until there are enough. */
  keys: readonly string[];
  list: T | undefined;
}

interface Shared<T extends Recipe> {
  of(own: T, asker: Asker<T>): T;
  /** The common list of this length that was asked for last: nearly all responses in a row have the same. */
  last(length: number): T | undefined;
}

function shared<T extends Recipe>(textOf: (own: T) => string): Shared<T> {
  const all = new TwoGenerations<Kind<T>>(MAX_SHARED);
  /** By length. A list of so few characters can have few lengths. */
  const lasts = new Map<number, T>();
  const of = (own: T, { key, before }: Asker<T>): T => {
    if (isSame(own, before)) return before;
    const text = textOf(own);
    if (text.length > MAX_SHARED_LENGTH) return own;
    const recent = all.recent(text);
    const kind = recent ?? all.earlier(text) ?? { keys: [], list: undefined };
    if (recent === undefined) all.set(text, kind);
    if (kind.list !== undefined) {
      lasts.set(own.length, kind.list);
      return kind.list;
    }
    const name = nameOf(key);
    if (!kind.keys.includes(name)) kind.keys = [...kind.keys, name];
    if (kind.keys.length <= HAVE_THEIR_OWN) return own;
    kind.keys = [];
    kind.list = own;
    common.add(own);
    return own;
  };
  return { of, last: (length) => lasts.get(length) };
}

const isSame = (a: Recipe, b: Recipe): boolean => a.length === b.length && a.every((step, i) => step === b[i]);
