import type { BodySources, Json } from '../../rules/types.ts';
import type { ArrivedWrite, OriginAnswer } from './write-ports.ts';

const notRead: Json = { missing: 'not-read' };

/** The sources of the write itself; with `known` also `before` and the answer. */
export function sourcesOf(write: ArrivedWrite, known?: { before: Json; answered?: OriginAnswer }): BodySources {
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
