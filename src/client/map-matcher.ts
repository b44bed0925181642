import { ANY, escaped, textPattern } from './key-pattern.ts';
import type { UnstaleEvent } from './types.ts';

export type Params = Readonly<Record<string, string>>;

/** The parameters of each name in the event that matches. */
export type Matcher = (event: Pick<UnstaleEvent, 'type' | 'paths' | 'tags'>) => Params[];

const TAG = 'tag:';
const EVENT = 'event:';

/** @throws TypeError for a key that is neither a path, a tag nor the type of an event */
export function matcherOf(key: string): Matcher {
  if (key.startsWith(TAG)) {
    const match = tagMatcher(key.slice(TAG.length));
    return ({ tags }) => distinct(tags.map(match));
  }
  if (key.startsWith(EVENT)) {
    const type = textPattern(key.slice(EVENT.length), '*');
    return (event) => (type.test(event.type) ? [{}] : []);
  }
  // Refused, since it would never match or mean something else: anything after `**`, a name that occurs twice, and the
  // characters of another syntax (`/steps/{id}`, `/steps/:id?`, `/steps#top`).
  if (!/^(?!.*\*\*\/.|.*(:\w+\b).*\1\b)\/[^{}?#]*$/.test(key)) {
    throw new TypeError(`the map's "${key}" must be a path (/steps/:id), tag:… or event:…`);
  }
  const match = pathMatcher(key);
  return ({ paths }) => distinct(paths.map(match));
}

function distinct(found: readonly (Params | undefined)[]): Params[] {
  const byText = new Map(found.flatMap((params) => (params === undefined ? [] : [[JSON.stringify(params), params]])));
  return [...byText.values()];
}

/** Texts and names in turn, as a pattern that captures the names. */
interface Template {
  readonly names: readonly string[];
  readonly pattern: RegExp;
  /** The text before the first name or wildcard. */
  readonly prefix: string;
}

/** @param value what captures it */
function template(text: string, name: RegExp, value: string, decode = (literal: string): string => literal): Template {
  const pieces = text.split(name);
  const names = pieces.filter((_, i) => i % 2 === 1);
  const texts = pieces.filter((_, i) => i % 2 === 0).map(decode);
  const source = texts.map((part) => part.split('*').map(escaped).join('.*')).join(value);
  return { names, pattern: new RegExp(`^${source}$`, 's'), prefix: (texts[0] ?? '').split('*', 1)[0] ?? '' };
}

function read({ names, pattern }: Template, text: string): Params | undefined {
  const found = pattern.exec(text);
  return found === null ? undefined : Object.fromEntries(names.map((name, i) => [name, found[i + 1] ?? '']));
}

const anyFor = (names: readonly string[]): Params => Object.fromEntries(names.map((name) => [name, ANY]));

function tagMatcher(written: string): (tag: string) => Params | undefined {
  const wanted = template(written, /\{(\w+)\}/, '(.+?)');
  return (tag) => {
    if (!tag.includes('*')) return read(wanted, tag);
    // Two wildcards: what comes before them must agree. The rest may.
    const prefix = tag.split('*', 1)[0] ?? '';
    const agree = prefix.startsWith(wanted.prefix) || wanted.prefix.startsWith(prefix);
    return agree ? anyFor(wanted.names) : undefined;
  };
}

function pathMatcher(written: string): (path: string) => Params | undefined {
  const wanted = segmentsOf(written).map((segment) =>
    // As in the gateway, a text between two values is found where it occurs last.
    segment === '**' ? '**' : template(segment, /:([A-Za-z_]\w*)/, '(.+)', decoded),
  );
  return (path) => {
    const own = segmentsOf(path.split('?', 1)[0] ?? '');
    const params: Record<string, string> = {};
    for (const [i, segment] of wanted.entries()) {
      if (segment === '**') return params;
      const text = own[i];
      if (text === '**') {
        // The event covers everything below, so all that is left of the pattern, too.
        for (const rest of wanted.slice(i)) if (rest !== '**') Object.assign(params, anyFor(rest.names));
        return params;
      }
      const found =
        text === undefined ? undefined : text.includes('*') ? anyFor(segment.names) : read(segment, decoded(text));
      if (found === undefined) return undefined;
      Object.assign(params, found);
    }
    const rest = own[wanted.length];
    return rest === undefined || rest === '**' ? params : undefined;
  };
}

const segmentsOf = (path: string): string[] => path.split('/').filter((segment) => segment !== '');

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
