import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freePort } from '../../bench/servers/free-port.ts';
import type { Backend, Below, Write } from './backend.ts';
import { installFromNpm, startServer } from './processes.ts';
import { strapiProject } from './strapi-project.ts';

const admin = { email: 'admin@example.com', password: 'Of-a-test-1' };
const contentManager = '/content-manager/collection-types/api::article.article';
/** Views of more would take too long. */
const MAX_ARTICLES = 7;

/** Document ids are made by Strapi. */
const articles: string[] = [];
const authors: string[] = [];
/** Of the administrator, whose panel writes past the API. */
let token = '';

/** Strapi 5: documents with drafts, relations that are written from both sides, populated, and filtered by them. */
export const strapi: Backend = {
  name: 'Strapi',
  pack: 'strapi',
  async install(folder) {
    await installFromNpm(folder, {
      '@strapi/strapi': '5.54.0',
      '@strapi/plugin-users-permissions': '5.54.0',
      'better-sqlite3': '12.4.1',
      react: '18.3.1',
      'react-dom': '18.3.1',
      'react-router-dom': '6.30.3',
      'styled-components': '6.1.19',
    });
    for (const [path, text] of Object.entries(strapiProject)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
  },
  async start(folder) {
    await rm(join(folder, 'data.db'), { force: true });
    const port = await freePort();
    const running = await startServer({
      ...{ command: process.execPath, args: ['node_modules/@strapi/strapi/bin/strapi.js', 'start'], folder, port },
      ...{ env: { PORT: `${port}`, NODE_ENV: 'production', STRAPI_TELEMETRY_DISABLED: 'true' } },
      readyPath: '/api/articles',
    });
    await fill(running.url);
    return running;
  },
  views: () => [
    ...['/api/articles', '/api/articles?populate=*', '/api/articles?sort=title:desc&pagination[pageSize]=2'],
    ...['/api/articles?filters[author][name][$eq]=n1', '/api/articles?status=draft&populate=*', '/api/authors'],
    ...['/api/authors?populate=*', '/api/authors?filters[articles][title][$eq]=t1'],
    ...articles.flatMap((id) => [`/api/articles/${id}`, `/api/articles/${id}?populate=*`]),
    ...articles.map((id) => `/api/articles/${id}?populate[author][fields][0]=name&fields[0]=title`),
    ...authors.flatMap((id) => [`/api/authors/${id}`, `/api/authors/${id}?populate=*`]),
    ...authors.map((id) => `/api/authors/${id}?populate=articles&status=draft`),
  ],
  write(below) {
    const article = articles[below(articles.length)] as string;
    const author = authors[below(authors.length)] as string;
    const own = `/api/articles/${article}`;
    const title = `t${below(4)}`;
    const writes: Write[] = [
      { method: 'PUT', path: own, body: { data: { title } } },
      { method: 'PUT', path: own, body: { data: { author } } },
      { method: 'PUT', path: own, body: { data: { author: { connect: [author] } } } },
      { method: 'PUT', path: own, body: { data: { author: null } } },
      { method: 'PUT', path: `${own}?status=draft`, body: { data: { title, author } } },
      { method: 'POST', path: '/api/articles', body: { data: { title, author } } },
      { method: 'DELETE', path: below(3) === 0 ? own : '/api/articles/none' },
      { method: 'PUT', path: `/api/authors/${author}`, body: { data: { name: `n${below(3)}` } } },
      { method: 'PUT', path: `/api/authors/${author}`, body: { data: { articles: relation(below, article) } } },
      { method: 'POST', path: '/api/authors', body: { data: { name: `n${below(3)}` } } },
    ];
    return writes[below(writes.length)] as Write;
  },
  administer(below) {
    const headers = { authorization: `Bearer ${token}` };
    const own = `${contentManager}/${articles[below(articles.length)]}`;
    const body = { title: `t${below(4)}` };
    const writes: Write[] = [
      { method: 'PUT', path: own, body, headers },
      { method: 'POST', path: `${own}/actions/publish`, body, headers },
      { method: 'POST', path: `${own}/actions/unpublish`, body: {}, headers },
    ];
    return writes[below(writes.length)] as Write;
  },
  answered({ method, path }, { status, text }) {
    if (method !== 'POST' || status >= 300) return;
    const { documentId } = (JSON.parse(text) as Told).data;
    if (path === '/api/articles' && articles.push(documentId) > MAX_ARTICLES) articles.shift();
  },
};

interface Told {
  readonly data: { readonly documentId: string };
}

function relation(below: Below, article: string): object {
  return [{ connect: [article] }, { disconnect: [article] }, { set: [article] }, { set: [] }][below(4)] as object;
}

async function fill(url: string): Promise<void> {
  const post = async <T>(path: string, body: object): Promise<T> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { data: T }).data;
  };
  ({ token } = await post<{ token: string }>('/admin/register-admin', { ...admin, firstname: 'Ann' }));
  authors.length = 0;
  articles.length = 0;
  for (const name of ['n0', 'n1', 'n2']) {
    const { documentId } = await post<Told['data']>('/api/authors', { data: { name } });
    authors.push(documentId);
  }
  for (const [number, author] of [...authors, authors[0]].entries()) {
    const data = { title: `t${number}`, author };
    articles.push((await post<Told['data']>('/api/articles', { data })).documentId);
  }
}
