import { type Handler, HttpError } from './exchange.ts';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
type Method = (typeof methods)[number];

/** Pattern (`/steps/:id`) → method → handler. The first pattern that matches a path owns it. */
export type RouteTable = Readonly<Record<string, Readonly<Partial<Record<Method, Handler>>>>>;

interface Match {
  readonly handle: Handler;
  readonly params: Readonly<Record<string, string>>;
}

/** @throws HttpError 400 for a malformed escape, 404 for an unknown path, 405 with `Allow` for an unsupported method */
export function matchRoute(table: RouteTable, method: string, path: string): Match {
  for (const [pattern, handlers] of Object.entries(table)) {
    const params = matchPattern(pattern, path);
    if (params === undefined) continue;
    const name = methods.find((known) => known === (method === 'HEAD' ? 'GET' : method));
    const handle = name === undefined ? undefined : handlers[name];
    if (handle !== undefined) return { handle, params };
    const message = `${method} is not allowed on ${path}.`;
    throw new HttpError(405, 'method_not_allowed', message, { headers: { allow: allowed(handlers) } });
  }
  throw new HttpError(404, 'not_found', `There is nothing at ${path}.`);
}

function allowed(handlers: object): string {
  return Object.keys(handlers)
    .flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    .join(', ');
}

function matchPattern(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, segment] of wanted.entries()) {
    const value = given[i] ?? '';
    if (segment.startsWith(':') && value !== '') params[segment.slice(1)] = decode(value);
    else if (segment !== value) return undefined;
  }
  return params;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError(400, 'bad_request', 'The path contains a malformed percent-encoding.');
  }
}
