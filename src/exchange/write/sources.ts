import type { BodySources, Json } from '../../rules/types.ts';
import type { Answered, ArrivedWrite } from './ports.ts';

const notRead: Json = { missing: 'not-read' };

/** What the write itself tells; with `known` also what was read before it, and what came back. */
export function sourcesOf(write: ArrivedWrite, known?: { before: Json; answered?: Answered }): BodySources {
  const { request, upload, needs } = write;
  return {
    query: request.target.query,
    requestHeader: (name) => request.headers.get(name),
    responseHeader: (name) => known?.answered?.answer?.headers.get(name),
    request: needs.request ? upload.json() : notRead,
    response: known?.answered?.response ?? notRead,
    before: known?.before ?? notRead,
  };
}
