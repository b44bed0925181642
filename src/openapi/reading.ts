import { type Mapping, mapping } from './descriptions.ts';
import type { OpenApiDocument } from './document.ts';
import type { ApiPath } from './operations.ts';
import { lastLiteral } from './resources.ts';

/** Names of reads that use POST because a query would be too long. */
const reading =
  /^(?:_?m?search|query|queries|find|filter|lookup|preview|validate|graphql|login|count|aggregate|estimate|calculate|autocomplete|suggest)$|^(?:search|find|lookup|query)(?:[A-Z_-]|by)/;

/** Whether a POST only reads, by its name. It has to answer 200 with a body: what creates answers 201, 202 or 204. */
export function isReading(document: OpenApiDocument, path: ApiPath, method: string): boolean {
  if (method !== 'POST') return false;
  const last = lastLiteral(path)?.replace(/^.*:/, '');
  if (last === undefined || !reading.test(last)) return false;
  if (['PUT', 'PATCH', 'DELETE'].some((other) => path.operations.has(other))) return false;
  const responses = mapping(path.operations.get('POST')?.responses);
  const codes = Object.keys(responses).filter((code) => /^2/.test(code));
  const hasBody = (response: unknown): boolean => {
    const { content }: Mapping = document.follow(response).value;
    return content === undefined || Object.keys(mapping(content)).length > 0;
  };
  return codes.every((code) => /^2(?:00|XX)$/i.test(code) && hasBody(responses[code]));
}
