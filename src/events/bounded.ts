import { withoutQuery } from '../route/path.ts';
import type { Event } from './event.ts';

/** Limit on the paths, and on the tags, of one event. It is sent to every subscriber and held for those that resume. */
const MAX_NAMES = 100;
/** Limit on the total length of the paths, and of the tags: an id from a body may be as long as the body. */
const MAX_CHARACTERS = 16 * 1024;

/**
 * Bounds the names of an event by replacing them with patterns that cover them, one step after the other until they
 * fit: queries are dropped, siblings are joined (`/steps/*`, `step:*`), paths with a common first segment are joined
 * (`/steps/**`), and finally everything is one pattern.
 */
export function boundedEvent(event: Event): Event {
  const [paths, tags] = [event.paths, event.tags];
  if (fits(paths) && fits(tags)) return event;
  // It names more than its write has changed, so it is for the writer, too.
  const { client: _, ...told } = event;
  return {
    ...told,
    paths: firstFitting(paths, [
      // A path without a query covers all its queries.
      (all) => [...new Set(all.map(withoutQuery))],
      (all) => joined(all, siblings),
      (all) => joined(all, below),
      () => ['/**'],
    ]),
    tags: firstFitting(tags, [(all) => joined(all, ofKind), () => ['*']]),
  };
}

type Generalisation = (names: readonly string[]) => readonly string[];

function firstFitting(names: readonly string[], generalisations: readonly Generalisation[]): readonly string[] {
  let found = names;
  for (const generalise of generalisations) {
    if (fits(found)) break;
    found = generalise(found);
  }
  return found;
}

function fits(names: readonly string[]): boolean {
  return names.length <= MAX_NAMES && names.reduce((sum, name) => sum + name.length, 0) <= MAX_CHARACTERS;
}

/** Replaces names by the pattern that covers them if several share it, or if a name is too long for an event. */
function joined(names: readonly string[], patternOf: (name: string) => string): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const name of new Set(names)) {
    const pattern = patternOf(name);
    const group = groups.get(pattern);
    if (group === undefined) groups.set(pattern, [name]);
    else group.push(name);
  }
  const found = new Set<string>();
  for (const [pattern, [only = pattern, another]] of groups) {
    found.add(another === undefined && only.length <= MAX_CHARACTERS / MAX_NAMES ? only : pattern);
  }
  return [...found];
}

const siblings = (path: string): string => (path.endsWith('/**') ? path : `${path.slice(0, path.lastIndexOf('/'))}/*`);

const below = (path: string): string => {
  const end = path.indexOf('/', 1);
  return end < 0 ? path : `${path.slice(0, end)}/**`;
};

const ofKind = (tag: string): string => {
  const end = tag.indexOf(':');
  return end < 0 ? '*' : `${tag.slice(0, end + 1)}*`;
};
