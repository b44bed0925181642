import { execFile } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../../bench/servers/free-port.ts';
import { type Backend, Missing, type Write } from './backend.ts';
import { startServer } from './processes.ts';

const run = promisify(execFile);
/** Of the checkout, from test/backends/dist/test/backends. */
const sources = fileURLToPath(new URL('../../../rails/', import.meta.url));
/** Debian's Ruby, which finds Debian's Rails. */
const ruby = '/usr/bin/ruby';

const authors = [1, 2, 3, 4];
const books = [1, 2, 3, 4, 5, 6, 7];
/** As Rails lets them be written: all are one record. */
const spellings = ['', '.json', '-a-title'];

/** Rails as an API: nested resources, formats, counters, `touch`, validators, and a deletion that takes books along. */
export const rails: Backend = {
  name: 'Rails',
  pack: 'rails',
  async install(folder) {
    await run(ruby, ['-e', 'require "rails"; require "sqlite3"; require "puma"']).catch(() => {
      throw new Missing('apt-get install --no-install-recommends ruby-rails ruby-sqlite3 puma');
    });
    await rm(folder, { recursive: true, force: true });
    await cp(sources, folder, { recursive: true });
  },
  async start(folder) {
    const port = await freePort();
    const args = ['/usr/bin/puma', '--quiet', '--threads', '1:3', '--bind', `tcp://127.0.0.1:${port}`, 'library.ru'];
    const env = { RAILS_ENV: 'production' };
    return startServer({ command: ruby, args, folder, env, port, readyPath: '/authors' });
  },
  views: () => [
    ...['/authors', '/authors.json', '/books', '/books.json', '/books?author_id=1', '/books?page=1', '/books?page=2'],
    ...authors.flatMap((id) => [`/authors/${id}`, `/authors/${id}.json`, `/authors/${id}/books`]),
    ...books.flatMap((id) => spellings.map((spelling) => `/books/${id}${spelling}`)),
    '/authors/1/books.json',
  ],
  write(below) {
    const own = `/books/${books[below(books.length)]}${spellings[below(spellings.length)]}`;
    const author_id = authors[below(authors.length)];
    const author = `/authors/${author_id}${['', '.json'][below(2)]}`;
    const title = `b${below(9)}`;
    const format = ['', '.json'][below(2)];
    const writes: Write[] = [
      { method: 'POST', path: `/books${format}`, body: { title, author_id } },
      { method: 'POST', path: `/authors/${author_id}/books${format}`, body: { title } },
      { method: 'PUT', path: own, body: { title, author_id } },
      { method: 'PATCH', path: own, body: { author_id } },
      { method: 'PATCH', path: own, body: { title: '' } },
      { method: 'DELETE', path: own },
      { method: 'PATCH', path: author, body: { name: `a${below(9)}` } },
      { method: 'POST', path: `/authors${format}`, body: { name: `a${below(9)}` } },
      below(10) === 0 ? { method: 'DELETE', path: author } : { method: 'DELETE', path: '/authors/99' },
    ];
    return writes[below(writes.length)] as Write;
  },
};
