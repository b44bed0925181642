import type { IncomingHttpHeaders } from 'node:http';
import type { Reply } from './exchange.ts';

/** A file that the API's server also serves, as legacy servers do. `headers` are in lower case. */
export interface Page {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Undefined if there is no page at this target. */
export function pageAt(
  pages: ReadonlyMap<string, Page>,
  { method = '', url = '' }: { readonly method?: string | undefined; readonly url?: string | undefined },
  fields: IncomingHttpHeaders,
): Reply | undefined {
  const found = method === 'GET' || method === 'HEAD' ? pages.get(url.split('?', 1)[0] ?? '') : undefined;
  if (found === undefined) return undefined;
  const isHeld = fields['if-none-match'] === found.headers.etag;
  return isHeld ? { status: 304, headers: found.headers } : { status: 200, ...found };
}
