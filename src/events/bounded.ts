import type { Event } from './event.ts';

/** Paths of one event, and tags: a write that names a thousand ids is told to each subscriber, and is held for those to come. */
const MAX_NAMES = 100;
/** Characters of them together: an id in a body may be as long as the body. */
const MAX_CHARACTERS = 16 * 1024;

/**
 * The event with as many names as one may have. Beyond them it names patterns in their place, which cover them: first the
 * queries go, then siblings become one (`/steps/*`, `step:*`), then what begins alike (`/steps/**`), at last everything.
 */
export function boundedEvent(event: Event): Event {
  const [paths, tags] = [event.paths, event.tags];
  if (fits(paths) && fits(tags)) return event;
  return {
    ...event,
    paths: firstFitting(paths, [
      (all) => [...new Set(all.map(withoutQuery))],
      (all) => joined(all, siblings),
      (all) => joined(all, below),
      () => ['/**'],
    ]),
    tags: firstFitting(tags, [(all) => joined(all, ofKind), () => ['*']]),
  };
}

type Widening = (names: readonly string[]) => readonly string[];

function firstFitting(names: readonly string[], widenings: readonly Widening[]): readonly string[] {
  let found = names;
  for (const widen of widenings) {
    if (fits(found)) break;
    found = widen(found);
  }
  return found;
}

function fits(names: readonly string[]): boolean {
  return names.length <= MAX_NAMES && names.reduce((sum, name) => sum + name.length, 0) <= MAX_CHARACTERS;
}

/** Each name as the pattern that covers it, where others have the same, or where it is too long for an event. */
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

/** A path stands for all its queries. */
const withoutQuery = (path: string): string => path.split('?', 1)[0] as string;

const siblings = (path: string): string => (path.endsWith('/**') ? path : `${path.slice(0, path.lastIndexOf('/'))}/*`);

const below = (path: string): string => {
  const end = path.indexOf('/', 1);
  return end < 0 ? path : `${path.slice(0, end)}/**`;
};

const ofKind = (tag: string): string => {
  const end = tag.indexOf(':');
  return end < 0 ? '*' : `${tag.slice(0, end + 1)}*`;
};
