import { type Mapping, mapping } from './descriptions.ts';
import type { OpenApiDocument } from './document.ts';

/** One segment of a path: a literal or a parameter. */
export type PathPart =
  | { readonly literal: string }
  | {
      /** As it is called in the draft; undefined for a wildcard. */
      readonly parameter: string | undefined;
      /** As it is called in the document. */
      readonly written: string | undefined;
    };

/** A path of the document. */
export interface ApiPath {
  /** As written in the document. */
  readonly written: string;
  readonly parts: readonly PathPart[];
  /** `/steps/:stepId` */
  readonly pattern: string;
  readonly operations: ReadonlyMap<string, Mapping>;
  /** The path item. */
  readonly item: Mapping;
}

const methods = ['get', 'put', 'post', 'patch', 'delete'] as const;

/** The URL of the API, and the base path of its paths. */
export function serverOf({ servers }: OpenApiDocument): {
  readonly url: string;
  readonly base: string;
  readonly note?: string;
} {
  const fallback = 'http://127.0.0.1:4000';
  const [server] = servers;
  const variables = mapping(server?.variables);
  const written = String(server?.url ?? '/').replace(/\{([^}]*)\}/g, (_, name: string) =>
    String(mapping(variables[name]).default ?? name),
  );
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
  return Object.entries(document.paths).flatMap(([written, value]): ApiPath[] => {
    if (!written.startsWith('/')) return [];
    const item = document.follow(value).value;
    const operations = methods.flatMap((method) =>
      typeof item[method] === 'object' ? [[method.toUpperCase(), mapping(item[method])] as const] : [],
    );
    if (operations.length === 0) return [];
    const parts = partsOf(base + written.replace(/[?#].*$/, ''));
    return [{ written, parts, pattern: patternOf(parts), operations: new Map(operations), item }];
  });
}

/** The given methods that a path has. */
export function operationsOf({ operations }: ApiPath, wanted: readonly string[]): Mapping[] {
  return wanted.flatMap((method) => {
    const operation = operations.get(method);
    return operation === undefined ? [] : [operation];
  });
}

function partsOf(path: string): PathPart[] {
  const used = new Set<string>();
  return path
    .split('/')
    .filter((part) => part !== '')
    .map((part): PathPart => {
      const whole = /^\{([^{}]+)\}$/.exec(part)?.[1];
      // `{name}.json` and `{a}-{b}` become one wildcard segment: rules widen over what they name.
      if (whole === undefined)
        return /[{}*:$]/.test(part) ? { parameter: undefined, written: undefined } : { literal: part };
      const name = parameterName(whole);
      if (used.has(name)) return { parameter: undefined, written: whole };
      used.add(name);
      return { parameter: name, written: whole };
    });
}

/** Letters, digits and "_", as in patterns: `step-id` → `stepId`. */
function parameterName(written: string): string {
  const name = written.replace(/[^A-Za-z0-9_]+(.)?/g, (_, next: string | undefined) => (next ?? '').toUpperCase());
  return /^[A-Za-z_]/.test(name) ? name : `p${name}`;
}

function patternOf(parts: readonly PathPart[]): string {
  const segments = parts.map((part) =>
    'literal' in part ? part.literal : part.parameter === undefined ? '*' : `:${part.parameter}`,
  );
  return `/${segments.join('/')}`;
}

/** The first matching pattern applies, so literals come before parameters. */
export function inOrderOfPrecedence(paths: readonly ApiPath[]): ApiPath[] {
  const keyOf = ({ parts }: ApiPath): string =>
    parts.map((part) => ('literal' in part ? `0${part.literal}` : '1')).join('\n');
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
