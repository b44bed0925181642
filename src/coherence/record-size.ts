import { withoutQuery } from '../route/path.ts';
import type { Announcement } from './record.ts';
import { everything } from './record.ts';
import { type Coverage, pathOfTag, type Tag } from './tag.ts';

/**
 * Limit of an encoded record. A batch that names thousands of targets is sent, kept and applied as wildcards that cover
 * them, so that one client cannot fill the log that all nodes share.
 */
export const MAX_RECORD_BYTES = 256 * 1024;
/** In a record that is too large, up to this many siblings keep their names. */
const MAX_SIBLINGS = 8;

/** What a record, and a name, take besides their characters: objects, and places in sets. */
const CHARACTERS_PER_RECORD = 500;
const CHARACTERS_PER_NAME = 32;

export interface Sized {
  readonly coverage: Coverage;
  readonly announcements: readonly Announcement[];
}

/** Encodes the record: as it is if it is small enough, else with wildcards for siblings, else covering everything. */
export function bounded<T extends Sized>(record: T, encode: (record: T) => string): string {
  const exact = encode(record);
  if (Buffer.byteLength(exact) <= MAX_RECORD_BYTES) return exact;
  const wide = encode({
    ...record,
    coverage: widened(record.coverage),
    announcements: record.announcements.map(widenedEvent),
  });
  if (Buffer.byteLength(wide) <= MAX_RECORD_BYTES) return wide;
  return encode({ ...record, ...coveringAll(record) });
}

/** A record that covers everything, in place of one that takes too much. */
export function coveringAll({ announcements }: Sized): Sized {
  return { coverage: everything, announcements: announcements.slice(0, MAX_SIBLINGS).map(announcingAll) };
}

/** What a record takes in memory, about: the characters of its names, and of what is announced of them. */
export function charactersOf({ coverage, announcements }: Sized): number {
  let characters = CHARACTERS_PER_RECORD;
  for (const tag of coverage.tags) characters += CHARACTERS_PER_NAME + tag.length;
  for (const pattern of coverage.patterns) characters += CHARACTERS_PER_NAME + pattern.length;
  for (const parts of coverage.tagPatterns) characters += CHARACTERS_PER_NAME + parts.join('').length;
  for (const { paths, tags } of announcements) {
    for (const name of paths) characters += CHARACTERS_PER_NAME + name.length;
    for (const name of tags) characters += CHARACTERS_PER_NAME + name.length;
  }
  return characters;
}

/** Replaces siblings by a wildcard. Covers no less, and is short if the targets have few parents. */
export function widened({ tags, patterns, tagPatterns }: Coverage): Coverage {
  const paths = [...tags].filter((tag) => !tag.startsWith('t:'));
  const names = [...tags].filter((tag) => tag.startsWith('t:')).map((tag) => tag.slice(2));
  const all = [...new Set([...wildcards(paths.map(pathOfTag)), ...patterns])];
  const parts = [...wildcardsOfTags(names), ...tagPatterns.map((each) => each.join('*'))];
  return {
    tags: new Set<Tag>(),
    patterns: all.length > MAX_SIBLINGS ** 2 ? wildcards(all) : all,
    tagPatterns: [...new Set(parts)].map((text) => text.split('*')),
  };
}

/** An event that names more than its write has changed is for the writer, too. */
function widenedEvent({ paths, tags, client: _, ...rest }: Announcement): Announcement {
  return { ...rest, paths: wildcards(paths.map(withoutQuery)), tags: wildcardsOfTags(tags) };
}

function announcingAll({ payload: _, client: __, ...rest }: Announcement): Announcement {
  return { ...rest, paths: ['/**'], tags: ['*'] };
}

/** `/items/1`, `/items/2` and so on become `/items/*`. Keeps `/` and `…/**`: no single segment stands for them. */
function wildcards(paths: readonly string[]): string[] {
  const others = new Set(paths.filter((path) => path === '/' || path.endsWith('/**')));
  const siblings = grouped(
    paths.filter((path) => !others.has(path)),
    (path) => path.slice(0, path.lastIndexOf('/')),
    (parent) => `${parent}/*`,
  );
  return [...siblings, ...others];
}

/** `item:1`, `item:2` and so on become `item:*`. */
function wildcardsOfTags(names: readonly string[]): string[] {
  return grouped(
    names,
    (name) => name.slice(0, name.indexOf(':') + 1),
    (head) => `${head}*`,
  );
}

function grouped(all: readonly string[], headOf: (one: string) => string, cover: (head: string) => string): string[] {
  const groups = new Map<string, Set<string>>();
  for (const one of all) {
    const head = headOf(one);
    const group = groups.get(head) ?? new Set();
    groups.set(head, group.add(one));
  }
  return [...groups].flatMap(([head, group]) => (group.size > MAX_SIBLINGS ? [cover(head)] : [...group]));
}
