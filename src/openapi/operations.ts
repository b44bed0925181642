import { type Mapping, mapping } from './descriptions.ts';
import type { OpenApiDocument } from './document.ts';

/** One segment of a path: a literal or a parameter. */
export type PathPart = {
  /** As in a pattern: `steps`, `:id`, `:id.json`, `:name.:ext`, `*`. */
  readonly text: string;
} & (
  | {
      /** Without an ending such as `.json`. */
      readonly literal: string;
    }
  | {
      /** As it is called in the draft; undefined for a wildcard, and where the segment has several. */
      readonly parameter: string | undefined;
      /** As it is called in the document. */
      readonly written: string | undefined;
    }
);

/** A path of the document. */
export interface ApiPath {
  /** As written in the document. */
  readonly written: string;
  readonly parts: readonly PathPart[];
  /** `/steps/:stepId` */
  readonly pattern: string;
  /**
   * `/steps/:`, equal for paths that differ only in the names of their parameters, or in an ending such as `.json`:
   * what is below `/steps/{step}` is below `/steps/{id}.json`.
   */
  readonly shape: string;
  readonly operations: ReadonlyMap<string, Mapping>;
  /** The path item. */
  readonly item: Mapping;
}

const methods = ['get', 'put', 'post', 'patch', 'delete'] as const;

/** The URL of the API, and the base path of its paths. */
export function serverOf({ servers }: Pick<OpenApiDocument, 'servers'>): {
  readonly url: string;
  readonly base: string;
  readonly note?: string;
} {
  const fallback = 'http://127.0.0.1:4000';
  const [server] = servers;
  const variables = mapping(server?.variables);
  const filled = String(server?.url ?? '/').replace(/\{([^}]*)\}/g, (_, name: string) =>
    String(mapping(variables[name]).default ?? name),
  );
  // `localhost:8055` is a URL of the scheme "localhost" to a parser, and an address to those who write it.
  const written = /^[\w.-]+:\d+(?:\/|$)/.test(filled) ? `http://${filled}` : filled;
  if (!URL.canParse(written, fallback))
    return { url: fallback, base: '', note: `servers[0].url (${written}) is not a URL` };
  const url = new URL(written, fallback);
  const isAbsolute = URL.canParse(written) && /^https?:$/.test(url.protocol);
  const base = url.pathname.replace(/\/+$/, '');
  if (isAbsolute) return { url: url.origin, base };
  return { url: fallback, base, note: 'the document does not name a server' };
}

/** The paths in the order of the document, with the server's base path. */
export function apiPaths(document: OpenApiDocument, base: string): ApiPath[] {
  const found = Object.entries(document.paths).flatMap(([written, value]) => {
    if (!written.startsWith('/')) return [];
    const item = document.follow(value).value;
    const operations = methods.flatMap((method) =>
      typeof item[method] === 'object' ? [[method.toUpperCase(), mapping(item[method])] as const] : [],
    );
    if (operations.length === 0) return [];
    return [{ written, item, operations: new Map(operations), parts: partsOf(base + written.replace(/[?#].*$/, '')) }];
  });
  const parts = renamed(found.map((each) => each.parts));
  return found.map((path, i) => {
    const own = parts[i] ?? path.parts;
    return { ...path, parts: own, pattern: patternOf(own), shape: shapeOf(own) };
  });
}

/** The given methods that a path has. */
export function operationsOf({ operations }: ApiPath, wanted: readonly string[]): Mapping[] {
  return wanted.flatMap((method) => {
    const operation = operations.get(method);
    return operation === undefined ? [] : [operation];
  });
}

/** Names the format of a representation, not another resource. */
const ending = /\.(?:json|xml|html|csv|ya?ml)$/i;
/** A parameter that does: `/steps.{format}`. */
const formatEnding = /\.\{(?:format|ext|extension|_format)\}$/;

function partsOf(path: string): PathPart[] {
  const segments = path.split('/').filter((part) => part !== '');
  return segments.map((segment, i) => {
    const isLast = i === segments.length - 1;
    const tail = isLast ? ((ending.exec(segment) ?? formatEnding.exec(segment))?.[0] ?? '') : '';
    const bare = segment.slice(0, segment.length - tail.length);
    const text = segmentPattern(segment);
    if (!/[{}*:$<>]/.test(bare)) return { literal: bare, text };
    const whole = /^[^{}]*\{([^{}]+)\}$/.exec(bare)?.[1];
    return { parameter: text === '*' || whole === undefined ? undefined : parameterName(whole), written: whole, text };
  });
}

/** A segment as patterns have it, or a wildcard: a text may have another meaning there. */
function segmentPattern(segment: string): string {
  const pieces = segment.split(/\{([^{}]+)\}/);
  const names = pieces.filter((_, i) => i % 2 === 1).map(parameterName);
  const texts = pieces.filter((_, i) => i % 2 === 0);
  // `:id` ends where its letters end, and two parameters need a text between them.
  const isUnclear = texts.some((text, i) => i > 0 && (/^[A-Za-z0-9_]/.test(text) || (text === '' && i < names.length)));
  if (isUnclear || new Set(names).size < names.length || texts.some((text) => /[{}*:$<>]/.test(text))) return '*';
  return texts.map((text, i) => (i === 0 ? text : `:${names[i - 1]}${text}`)).join('');
}

/**
 * Gives a parameter one name in all paths that begin alike: `/users/{id}` and `/users/{userId}/posts`. Rules take the
 * id of what is above a path by that name. The name is the one that most paths have.
 */
function renamed(all: readonly (readonly PathPart[])[]): PathPart[][] {
  const counts = new Map<string, Map<string, number>>();
  for (const parts of all) {
    for (const [i, part] of parts.entries()) {
      if (!('parameter' in part) || part.parameter === undefined) continue;
      const at = shapeOf(parts.slice(0, i + 1));
      const names = counts.get(at) ?? new Map<string, number>();
      counts.set(at, names.set(part.parameter, (names.get(part.parameter) ?? 0) + 1));
    }
  }
  const chosen = new Map<string, string>();
  return all.map((parts) => {
    const used = new Set<string>();
    return parts.map((part, i): PathPart => {
      const texts = namesIn(part.text);
      if ('literal' in part || part.parameter === undefined) {
        const isTaken = texts.some((name) => used.has(name));
        for (const name of texts) used.add(name);
        return isTaken && !('literal' in part) ? { ...part, text: '*' } : part;
      }
      const at = shapeOf(parts.slice(0, i + 1));
      const names = [...(counts.get(at) ?? [])].sort(([, m], [, n]) => n - m).map(([name]) => name);
      const name = chosen.get(at) ?? names.find((each) => !used.has(each)) ?? `${part.parameter}${i}`;
      chosen.set(at, name);
      for (const each of [name, ...texts.slice(1)]) used.add(each);
      return { ...part, parameter: name, text: part.text.replace(`:${part.parameter}`, `:${name}`) };
    });
  });
}

/** The parameters in a pattern. */
export const namesIn = (pattern: string): string[] =>
  [...pattern.matchAll(/:([A-Za-z0-9_]+)/g)].map(([, name = '']) => name);

/** Letters, digits and "_", as in patterns: `step-id` → `stepId`. */
function parameterName(written: string): string {
  const name = written.replace(/[^A-Za-z0-9_]+(.)?/g, (_, next: string | undefined) => (next ?? '').toUpperCase());
  return /^[A-Za-z_]/.test(name) ? name : `p${name}`;
}

const patternOf = (parts: readonly PathPart[]): string => `/${parts.map(({ text }) => text).join('/')}`;

function shapeOf(parts: readonly PathPart[]): string {
  const segments = parts.map((part) => {
    if ('literal' in part) return part.literal;
    if (part.text === '*') return ':';
    const texts = part.text.replace(/:[A-Za-z0-9_]+/g, ':');
    return part.parameter === undefined ? texts : texts.replace(/\.:$/, '').replace(ending, '');
  });
  return `/${segments.join('/')}`;
}

/** The path with its own parameters as placeholders: `/steps/{id}`. */
export const templateOf = ({ pattern }: Pick<ApiPath, 'pattern'>): string =>
  pattern.replace(/:([A-Za-z0-9_]+)/g, '{$1}');

/** The first segments of the shape of a path. */
export const shapeUpTo = ({ shape }: ApiPath, segments: number): string =>
  shape
    .split('/')
    .slice(0, segments + 1)
    .join('/');

/** The paths by their shapes: of those that differ in an ending, one that can be read. */
export function byShape(paths: readonly ApiPath[]): ReadonlyMap<string, ApiPath> {
  const found = new Map<string, ApiPath>();
  for (const path of paths) {
    const known = found.get(path.shape);
    if (known === undefined || (path.operations.has('GET') && !known.operations.has('GET')))
      found.set(path.shape, path);
  }
  return found;
}

/** Whether a path is below another one, whatever their parameters are called. */
export const isBelow = (path: Pick<ApiPath, 'shape'>, above: Pick<ApiPath, 'shape'>): boolean =>
  path.shape.startsWith(`${above.shape}/`);

/** The first matching pattern applies, so literals come before parameters. */
export function inOrderOfPrecedence(paths: readonly ApiPath[]): ApiPath[] {
  const keyOf = ({ parts }: ApiPath): string => parts.map(rankOf).join('\n');
  const keyed = paths.map((path) => ({ path, key: keyOf(path) }));
  // If two paths differ only in parameter names, the second would be unreachable.
  const first = new Map(
    keyed
      .slice()
      .reverse()
      .map(({ path, key }) => [key, path]),
  );
  return [...first].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}

/** Literals, then parameters with the most text around them, then those that are all of their segment. */
function rankOf(part: PathPart): string {
  const texts = part.text.replace(/:[A-Za-z0-9_]+/g, ':');
  if ('literal' in part && !texts.includes(':')) return `0${texts}`;
  return texts === ':' || texts === '*' ? '2' : `1${String(1_000 - texts.length).padStart(4, '0')}${texts}`;
}
