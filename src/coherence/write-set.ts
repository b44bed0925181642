import { type Coverage, isCoveredBy, namedTag, pathTag, queryTag, severalQueriesTag, type Tag } from './tag.ts';
import { TagFamilies } from './tag-families.ts';

/**
 * What a write may change, before its answer is known. Two writes conflict unless it is certain that what one may
 * change and what the other reads are disjoint. Both sets are reduced to terms; writes conflict when they share a term.
 * So the index that finds conflicts, in memory and in Redis, compares strings and knows nothing of paths and tags.
 */
export interface WriteSet {
  /** Everything that its record may cover, as far as the request tells, with wildcards for the rest. */
  readonly coverage: Coverage;
  /** Paths below which it may change everything. */
  readonly below: readonly string[];
  /** Families of tags by which it names what it changes, where only the origin knows which resources carry the tag. */
  readonly opaque: readonly string[];
  /** Tags that the representations at its paths are known to carry: a write that names one changes the same thing. */
  readonly carried?: readonly string[];
}

/** A representation that a write selects targets from, or that its answer reveals something of. */
export interface Representation {
  /** Canonical. */
  readonly path: string;
  /** Names of the tags that it is known to carry. */
  readonly tags: readonly string[];
  /** Families of which it may carry any tag: its body decides. */
  readonly open: readonly string[];
}

/** What the configuration says about tags. */
export interface TagKnowledge {
  readonly families: TagFamilies;
  /** Families that some rule uses to name what is written (`WriteSet.opaque`). */
  readonly opaque: readonly string[];
}

export const nothingKnown: TagKnowledge = { families: new TagFamilies(), opaque: [] };

export type Term = string;

/** Stands for every term: its write conflicts with every other. */
const anything: Term = '*';

/** A write with more terms conflicts with everything: keeps batches of thousands of ids from filling the index. */
const MAX_TERMS = 256;

/** The terms of what a write may change. */
export function postedTerms(
  { coverage, below, opaque, carried = [] }: WriteSet,
  { families }: TagKnowledge,
): ReadonlySet<Term> {
  const terms = new Set<Term>();
  for (const tag of coverage.tags) addPosted(terms, tag, families);
  for (const pattern of coverage.patterns) terms.add(`d${shallow(literalHead(pattern))}`);
  for (const path of below) terms.add(`d${shallow(path)}`);
  for (const [beginning = ''] of coverage.tagPatterns) {
    for (const family of families.related(beginning)) terms.add(`w${family}`).add(`f${family}`);
  }
  for (const family of opaque) terms.add(`o${family}`);
  for (const tag of carried) terms.add(`t${tag}`);
  return terms.size > MAX_TERMS ? new Set([anything]) : terms;
}

/** The terms of what a record covers. It does not cover a write that reads none of them. */
export function recordTerms(coverage: Coverage, knowledge: TagKnowledge): ReadonlySet<Term> {
  const { families, opaque } = knowledge;
  const named: (string | undefined)[] = [];
  for (const tag of coverage.tags) if (tag.startsWith('t:')) named.push(families.of(tag.slice(2)));
  const terms = postedTerms(
    { coverage, below: [], opaque: opaque.filter((family) => named.includes(family)) },
    knowledge,
  );
  return named.includes(undefined) ? new Set([...terms, anything]) : terms;
}

function addPosted(terms: Set<Term>, tag: Tag, families: TagFamilies): void {
  const name = tag.slice(2);
  if (tag.startsWith('t:')) {
    const family = families.of(name);
    terms.add(`t${name}`);
    if (family !== undefined) terms.add(`f${family}`);
    return;
  }
  const query = tag.startsWith('p:') ? -1 : name.indexOf('?');
  terms.add(`e${query < 0 ? name : name.slice(0, query)}`);
}

/** The terms of what a write reads. It conflicts with every write that posts one of them. */
export function probedTerms(reads: readonly Representation[], knowledge: TagKnowledge): ReadonlySet<Term> {
  const { families, opaque } = knowledge;
  const terms = new Set<Term>([anything]);
  for (const { path, tags, open } of reads) {
    terms.add(`e${path}`);
    for (const at of ancestry(path)) terms.add(`d${at}`);
    const known = new Set(open);
    for (const family of open) terms.add(`f${family}`);
    for (const tag of tags) {
      const family = families.of(tag);
      terms.add(`t${tag}`);
      if (family === undefined) continue;
      terms.add(`w${family}`);
      known.add(family);
    }
    // A write may name this resource by a tag that it is not known to carry.
    for (const family of opaque) if (!known.has(family)) terms.add(`o${family}`);
  }
  return terms;
}

/** Whether a record may cover a representation. Exact where only known tags and paths are compared. */
export function mayCover(coverage: Coverage, read: Representation, { families, opaque }: TagKnowledge): boolean {
  const { path, tags, open } = read;
  if (isCoveredBy({ path, tags: tagsOf(read) }, coverage)) return true;
  const known = new Set(tags.map((tag) => families.of(tag)));
  const mayCarry = (family: string | undefined): boolean =>
    // A tag without a family is a name that an origin made up: it is not known which responses carry it.
    family === undefined || open.includes(family) || (opaque.includes(family) && !known.has(family));
  for (const tag of coverage.tags) if (tag.startsWith('t:') && mayCarry(families.of(tag.slice(2)))) return true;
  return coverage.tagPatterns.some(([beginning = '']) =>
    families.related(beginning).some((family) => mayCarry(family)),
  );
}

/** All tags that a representation is known to carry. */
export function tagsOf({ path, tags }: Representation): Tag[] {
  return [pathTag(path), queryTag(path, ''), severalQueriesTag(path), ...tags.map(namedTag)];
}

/** Whether it may carry other tags than those. */
export function mayCarryMore({ tags, open }: Representation, { families, opaque }: TagKnowledge): boolean {
  if (open.length > 0) return true;
  const known = new Set(tags.map((tag) => families.of(tag)));
  return opaque.some((family) => !known.has(family));
}

/** Terms in wire form: hashes, separated by commas. A collision causes a needless conflict. */
export function encodeTerms(terms: Iterable<Term>): string {
  return [...terms].map(hashOf).join(',');
}

/**
 * Begins the term of a turn, which conflicts with no other kind of term, and means the same under any configuration.
 */
export const turnMark = '=';

/** The encoded term of whoever writes a resource in its turn. */
export function turnTerm(resource: string): string {
  return turnMark + hashOf(resource);
}

/** 53 bits (cyrb53) in base 36: a term may be a path of any length and content. */
function hashOf(term: Term): string {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < term.length; i++) {
    const code = term.charCodeAt(i);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return base36(4294967296 * (2097151 & low) + (high >>> 0));
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const PAIR = DIGITS.length ** 2;
const pairs = Array.from({ length: PAIR }, (_, i) => `${DIGITS[Math.floor(i / 36)]}${DIGITS[i % 36]}`);

/** A whole number below 2^53 as `toString(36)` has it, which takes several times as long. */
export function base36(value: number): string {
  let text = '';
  let rest = value;
  while (rest >= PAIR) {
    // Exact: the quotient is below 2^43, so what is lost of it is less than 1 / PAIR.
    const higher = Math.floor(rest / PAIR);
    text = `${pairs[rest - higher * PAIR]}${text}`;
    rest = higher;
  }
  const first = pairs[rest] as string;
  return (first.startsWith('0') ? first.slice(1) : first) + text;
}

/** A path and all its ancestors, down to the depth that is told apart: `/a/b`, `/a`, and "" for the root. */
export function ancestry(path: string): string[] {
  const found: string[] = [];
  for (let at = shallow(path); at !== ''; at = at.slice(0, at.lastIndexOf('/'))) found.push(at);
  found.push('');
  return found;
}

/** Longer paths count as their ancestor of this depth: bounds the terms of a path of thousands of segments. */
const MAX_DEPTH = 32;

function shallow(path: string): string {
  let end = 0;
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    end = path.indexOf('/', end + 1);
    if (end < 0) return path;
  }
  return path.slice(0, end);
}

/** The literal beginning of a pattern: `/steps` of `/steps/*`. */
export function literalHead(pattern: string): string {
  const segments = pattern.split('/');
  const wild = segments.findIndex((segment) => segment === '*' || segment === '**');
  return segments.slice(0, wild < 0 ? segments.length : wild).join('/');
}
