import type { Fields } from './fields.ts';

/** The boundary of a multipart body (RFC 2046 §5.1.1), of any length: many servers take longer ones than are allowed. */
export function boundaryOf(headers: Fields): string | undefined {
  const type = headers.get('content-type') ?? '';
  if (!/^\s*multipart\//i.test(type)) return undefined;
  const [, quoted, token] = /;\s*boundary=(?:"([^"\\]+)"|([^\s;"]+))/i.exec(type) ?? [];
  return quoted ?? token;
}
