import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../bench/servers/free-port.ts';
import type { Backend, Below, Write } from './backend.ts';
import { installFromNpm, startServer } from './processes.ts';

const server = `
const PouchDB = require('pouchdb-core').plugin(require('pouchdb-adapter-memory'));
const options = { mode: 'minimumForPouchDB', overrideMode: { include: ['routes/views', 'routes/find'] } };
const pouch = require('express-pouchdb')(PouchDB.defaults({ adapter: 'memory' }), { ...options, inMemoryConfig: true });
require('express')().use(pouch).listen(Number(process.argv[2]), '127.0.0.1');
`;

const ids = ['a', 'b', 'c', 'd'];
const byKind = { views: { byKind: { map: 'function (doc) { if (doc.kind) emit(doc.kind, doc.n); }' } } };
/** The present revision of each document: CouchDB refuses writes without it. */
const revisions = new Map<string, string>();

/** The HTTP interface of CouchDB, as express-pouchdb has it: documents, lists, views, attachments, batches. */
export const couchdb: Backend = {
  name: 'CouchDB (express-pouchdb)',
  pack: 'couchdb',
  install: (folder) =>
    installFromNpm(folder, {
      express: '4.21.2',
      'express-pouchdb': '4.2.0',
      'pouchdb-core': '7.3.1',
      'pouchdb-adapter-memory': '7.3.1',
      'pouchdb-find': '7.3.1',
    }),
  async start(folder) {
    await writeFile(join(folder, 'server.cjs'), server);
    const port = await freePort();
    const running = await startServer({
      ...{ command: process.execPath, args: ['server.cjs', `${port}`], folder, port, readyPath: '/' },
    });
    const put = async (path: string, body?: object): Promise<void> => {
      const answer = await fetch(running.url + path, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const { id, rev } = (await answer.json()) as { id?: string; rev?: string };
      if (id !== undefined && rev !== undefined) revisions.set(id, rev);
    };
    await put('/app');
    await put('/app/_design/all', byKind);
    for (const id of ids) await put(`/app/${id}`, { kind: 'note', n: 0 });
    return running;
  },
  views: () => [
    ...['/app/_all_docs', '/app/_all_docs?include_docs=true', '/app/_design/all/_view/byKind'],
    ...['/app/_design/all/_view/byKind?key=%22note%22&include_docs=true', '/app/_changes', '/app/_design/all'],
    ...ids.flatMap((id) => [`/app/${id}`, `/app/${id}?revs=true`, `/app/${id}/file`]),
  ],
  write(below) {
    const id = ids[below(ids.length)] as string;
    // Now and then one that is refused.
    const rev = below(10) === 0 ? '1-0' : revisions.get(id);
    const doc = { kind: ['note', 'task'][below(2)], n: below(99) };
    const writes: Write[] = [
      { method: 'PUT', path: `/app/${id}`, body: { ...doc, ...(rev !== undefined && { _rev: rev }) } },
      { method: 'PUT', path: `/app/${id}/file${rev === undefined ? '' : `?rev=${rev}`}`, body: { text: below(99) } },
      { method: 'DELETE', path: `/app/${id}?rev=${rev ?? '1-0'}` },
      { method: 'POST', path: '/app', body: { _id: id, ...doc, ...(rev !== undefined && { _rev: rev }) } },
      { method: 'POST', path: '/app/_bulk_docs', body: { docs: batch(below, doc) } },
    ];
    return writes[below(writes.length)] as Write;
  },
  answered(write, { status, text }) {
    if (status >= 400) return;
    const told = JSON.parse(text) as Told | Told[];
    for (const { id, rev, ok } of Array.isArray(told) ? told : [told]) {
      if (ok !== true || id === undefined || rev === undefined) continue;
      // A document is made anew without a revision.
      if (write.method === 'DELETE') revisions.delete(id);
      else revisions.set(id, rev);
    }
  },
};

interface Told {
  readonly ok?: boolean;
  readonly id?: string;
  readonly rev?: string;
}

function batch(below: Below, doc: object): object[] {
  const chosen = new Set([ids[below(ids.length)] as string, ids[below(ids.length)] as string]);
  return [...chosen].map((id) => {
    const rev = revisions.get(id);
    return { _id: id, ...doc, ...(rev !== undefined && { _rev: rev }) };
  });
}
