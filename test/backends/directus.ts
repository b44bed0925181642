import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../bench/servers/free-port.ts';
import type { Backend, Write } from './backend.ts';
import { installFromNpm, startServer } from './processes.ts';

const run = promisify(execFile);
const admin = { ADMIN_EMAIL: 'admin@example.com', ADMIN_PASSWORD: 'of a test' };
const articles = [1, 2, 3, 4, 5];
const authors = [1, 2, 3];
/** Of the administrator, who may change what the public role sees. */
let administrator: { readonly token: string; readonly permission: string };

const dependencies = { directus: '10.13.4', sqlite3: '5.1.7' };
/** As npm takes them. */
export const directusPackages = Object.entries(dependencies).map(([name, version]) => `${name}@${version}`);

export function isDirectusInstalled(folder: string): boolean {
  // npm writes the first one last. The others are compiled.
  const files = ['.package-lock.json', 'sqlite3/build/Release/node_sqlite3.node', 'isolated-vm/out/isolated_vm.node'];
  return files.every((file) => existsSync(join(folder, 'node_modules', file)));
}

/** Directus 10: a headless CMS. The public role may do everything with two collections. */
export const directus: Backend = {
  name: 'Directus',
  pack: 'directus',
  async install(folder) {
    await installFromNpm(folder, dependencies);
    if (isDirectusInstalled(folder)) return;
    await run('npm', ['rebuild', 'sqlite3', 'isolated-vm'], { cwd: folder, maxBuffer: 1e8 });
  },
  async start(folder) {
    const port = await freePort();
    const env = {
      ...admin,
      ...{ KEY: 'key', SECRET: 'secret', DB_CLIENT: 'sqlite3', DB_FILENAME: './data.db', TELEMETRY: 'false' },
      // It would answer 503 on a busy machine, to the gateway or to the comparison.
      PRESSURE_LIMITER_ENABLED: 'false',
      ...{ HOST: '127.0.0.1', PORT: `${port}`, LOG_LEVEL: 'error' },
    };
    await rm(join(folder, 'data.db'), { force: true });
    const cli = 'node_modules/directus/cli.js';
    await run(process.execPath, [cli, 'bootstrap'], { cwd: folder, env: { ...process.env, ...env } });
    const running = await startServer({
      ...{ command: process.execPath, args: [cli, 'start'], folder, env, port, readyPath: '/server/ping' },
    });
    administrator = await makeCollections(running.url);
    return running;
  },
  // For the public role: what it may see.
  description: async ({ url }) => (await fetch(`${url}/server/specs/oas`)).text(),
  views: () => [
    ...['/items/articles', '/items/articles?fields=*,author.name', '/items/articles?filter[author][_eq]=1'],
    ...['/items/articles?sort=-title&limit=2', '/items/articles?aggregate[count]=*', '/items/authors'],
    ...['/items/authors?fields=*,articles.*', '/server/ping'],
    ...articles.flatMap((id) => [`/items/articles/${id}`, `/items/articles/${id}?fields=*,author.name`]),
    ...authors.flatMap((id) => [`/items/authors/${id}`, `/items/authors/${id}?fields=*,articles.*`]),
  ],
  write(below) {
    const id = articles[below(articles.length)];
    const author = [...authors, null][below(4)];
    const title = `t${below(99)}`;
    const writes: Write[] = [
      { method: 'PATCH', path: `/items/articles/${id}`, body: { title } },
      { method: 'PATCH', path: `/items/articles/${id}`, body: { author } },
      { method: 'DELETE', path: `/items/articles/${id}` },
      { method: 'POST', path: '/items/articles', body: { title, author } },
      { method: 'POST', path: '/items/articles', body: { id, title, author } },
      { method: 'PATCH', path: '/items/articles', body: { keys: [id], data: { title, author } } },
      { method: 'DELETE', path: '/items/articles', body: [id] },
      { method: 'PATCH', path: `/items/authors/${author ?? 1}`, body: { name: title } },
      { method: 'POST', path: '/items/authors', body: { name: title } },
    ];
    return writes[below(writes.length)] as Write;
  },
  administer: (below) => ({
    method: 'PATCH',
    path: administrator.permission,
    body: { fields: below(2) === 0 ? ['*'] : ['id', 'name'] },
    headers: { authorization: `Bearer ${administrator.token}` },
  }),
};

const key = { field: 'id', type: 'integer', schema: { is_primary_key: true, has_auto_increment: true } };
const text = (field: string) => ({ field, type: 'string', schema: {} });

async function makeCollections(url: string): Promise<typeof administrator> {
  const post = async (path: string, body: object, token?: string): Promise<unknown> => {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { data: unknown }).data;
  };
  const credentials = { email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD };
  const { access_token: token } = (await post('/auth/login', credentials)) as { access_token: string };
  const collections = {
    authors: [key, text('name')],
    articles: [key, text('title'), { ...text('author'), type: 'integer' }],
  };
  let permission = '';
  for (const [collection, fields] of Object.entries(collections)) {
    await post('/collections', { collection, meta: {}, schema: {}, fields }, token);
    for (const action of ['read', 'create', 'update', 'delete']) {
      const granted = { role: null, collection, action, fields: ['*'], permissions: {}, validation: {} };
      const { id } = (await post('/permissions', granted, token)) as { id: number };
      if (collection === 'authors' && action === 'read') permission = `/permissions/${id}`;
    }
  }
  await post('/fields/authors', { field: 'articles', type: 'alias', meta: { special: ['o2m'] } }, token);
  const relation = { collection: 'articles', field: 'author', related_collection: 'authors' };
  await post('/relations', { ...relation, meta: { one_field: 'articles' }, schema: { on_delete: 'SET NULL' } }, token);
  for (const name of ['Ann', 'Bob', 'Cleo']) await post('/items/authors', { name });
  for (const id of [1, 2, 3]) await post('/items/articles', { title: `t${id}`, author: id });
  return { token, permission };
}
