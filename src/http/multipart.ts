import type { Fields } from './fields.ts';

/**
 * RFC 2046 §5.1.1. A body is searched for it: of 1 MiB of "-", the search for "--x---…" of 30,000 characters takes 8 s.
 */
export const MAX_BOUNDARY_CHARACTERS = 70;

/**
 * The boundary of a multipart body (RFC 2046 §5.1.1), of any length: many servers take longer ones than are allowed.
 */
export function boundaryOf(headers: Fields): string | undefined {
  const type = headers.get('content-type') ?? '';
  if (!/^\s*multipart\//i.test(type)) return undefined;
  const [, quoted, token] = /;\s*boundary=(?:"([^"\\]+)"|([^\s;"]+))/i.exec(type) ?? [];
  return quoted ?? token;
}
