import { createHash } from 'node:crypto';
import type { Gate } from './barrier.ts';
import type { ScriptedOrigin } from './scripted-origin.ts';

/** An API that has one document at one path, and takes whatever replaces it. */
export interface DocumentApi {
  text: string;
  contentType: string;
  /** Which entity tags it gives; with strong ones it evaluates `If-Match`, and `If-None-Match: *`. */
  readonly etags: 'none' | 'weak' | 'strong';
  /** Every text that it was given. */
  readonly writes: string[];
  /** Where each PUT and PATCH waits before it takes effect. */
  gate: Gate | undefined;
  /** The strong tag of the document. */
  etag(): string;
}

export function documentApi(
  origin: ScriptedOrigin,
  path: string,
  { text, etags = 'none' }: { text: string; etags?: DocumentApi['etags'] },
): DocumentApi {
  const api: DocumentApi = {
    text,
    contentType: 'application/json',
    etags,
    writes: [],
    gate: undefined,
    etag: () => `"${createHash('sha256').update(api.text).digest('hex').slice(0, 16)}"`,
  };
  const head = (): Record<string, string> => ({
    'Content-Type': api.contentType,
    ...(etags !== 'none' && { ETag: etags === 'weak' ? `W/${api.etag()}` : api.etag() }),
  });
  origin.on(`GET ${path}`, (_, response) => void response.writeHead(200, head()).end(api.text));
  for (const method of ['PUT', 'PATCH']) {
    origin.on(`${method} ${path}`, async (request, response, { body }) => {
      await api.gate?.pass();
      const asked = request.headers['if-match'];
      const creates = request.headers['if-none-match'] === '*';
      if (etags === 'strong' && (creates || (asked !== undefined && asked !== api.etag()))) {
        response.writeHead(412, { 'Content-Type': 'application/json' }).end('{"error":"If-Match"}');
        return;
      }
      api.writes.push(body.toString());
      if (method === 'PUT') api.text = body.toString();
      else api.text = JSON.stringify({ ...JSON.parse(api.text), ...JSON.parse(body.toString()) });
      response.writeHead(200, head()).end(api.text);
    });
  }
  return api;
}
