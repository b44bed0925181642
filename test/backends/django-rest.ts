import { execFile } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../../bench/servers/free-port.ts';
import { type Backend, Missing, type Write } from './backend.ts';
import { startServer } from './processes.ts';

const run = promisify(execFile);
/** Of the checkout, from test/backends/dist/test/backends. */
const sources = fileURLToPath(new URL('../../../django-rest/', import.meta.url));
/** Debian's: python3-djangorestframework is installed for it. */
const python = '/usr/bin/python3';

const authors = [1, 2, 3];
const books = [1, 2, 3, 4, 5, 6];

/** Django REST framework: view sets with nested representations, filters, pages and a deletion that cascades. */
export const djangoRest: Backend = {
  name: 'Django REST framework',
  pack: 'django-rest',
  async install(folder) {
    await run(python, ['-c', 'import rest_framework']).catch(() => {
      throw new Missing('apt-get install python3-djangorestframework');
    });
    await rm(folder, { recursive: true, force: true });
    await cp(sources, folder, { recursive: true });
  },
  async start(folder) {
    const port = await freePort();
    await run(python, ['library.py', 'prepare'], { cwd: folder });
    const args = ['library.py', 'runserver', '--noreload', `127.0.0.1:${port}`];
    return startServer({ command: python, args, folder, port, readyPath: '/authors/' });
  },
  async description() {
    const { stdout } = await run(python, ['library.py', 'generateschema', '--format', 'openapi-json'], {
      cwd: sources,
    });
    return stdout;
  },
  views: () => [
    ...['/authors/', '/books/', '/books/?author=1', '/books/?author=2', '/books/?page=2', '/books/?search=b1'],
    ...authors.map((id) => `/authors/${id}/`),
    ...books.map((id) => `/books/${id}/`),
  ],
  write(below) {
    const id = books[below(books.length)];
    const author = authors[below(authors.length)];
    const writes: Write[] = [
      { method: 'POST', path: '/books/', body: { title: `b${below(9)}`, author } },
      { method: 'PUT', path: `/books/${id}/`, body: { title: `b${below(9)}`, author } },
      { method: 'PATCH', path: `/books/${id}/`, body: { author } },
      { method: 'PATCH', path: `/books/${id}/`, body: { title: '' } },
      { method: 'DELETE', path: `/books/${id}/` },
      { method: 'PATCH', path: `/authors/${author}/`, body: { name: `a${below(9)}` } },
      { method: 'POST', path: '/authors/', body: { name: `a${below(9)}` } },
      { method: 'DELETE', path: `/authors/${below(20) === 0 ? author : 99}/` },
    ];
    return writes[below(writes.length)] as Write;
  },
};
