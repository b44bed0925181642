import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { Answer } from '../support/request.ts';
import { ask, begin, isHit, jsonOf, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* Writes of one variant of a resource, by a query or by fields, and what is certain of the others. */

useScriptedRig();

const notFound = (_request: unknown, response: ServerResponse): void => void response.writeHead(404).end();
const onlyIfChanged = `defaults: { cache: { ttl: 60s } }
rules: [{ name: post, on: "PUT /posts/:id", invalidate: [/posts], onlyIfChanged: true }]`;

/** An API with posts in two languages; writes of them are answered with 204. Resolves the titles. */
function translations(): Record<string, string> {
  const titles: Record<string, string> = { en: 'One', de: 'Eins' };
  origin.on(
    () => true,
    (request, response, { body }) => {
      const { searchParams } = new URL(request.url ?? '', 'http://api.example');
      const { 'accept-language': accepted = 'en', 'content-language': written = 'en' } = request.headers;
      if (request.method === 'PUT') {
        titles[searchParams.get('lang') ?? String(written)] = JSON.parse(body.toString()).title;
        response.writeHead(204).end();
        return;
      }
      const language = searchParams.get('lang') ?? accepted.slice(0, 2);
      response.setHeader('Vary', 'Accept-Language').setHeader('Content-Language', language);
      jsonOf({ id: 1, title: titles[language] })(request, response);
    },
  );
  return titles;
}

const uno = { body: { title: 'Uno' } };
const german = { headers: { 'accept-language': 'de' } };

test.each([
  ['by its query', '/posts/1?lang=de', {}, {}],
  ['by Content-Language', '/posts/1', german, { headers: { 'content-language': 'de', 'accept-language': 'en' } }],
])('a write that names a variant %s counts as a change: what is read before and after is another', async (...row) => {
  const [, path, read, write] = row;
  await begin(onlyIfChanged);
  translations();
  await ask(path, read);
  expect((await send('PUT', path, { ...write, ...uno })).status).toBe(204);
  expect((await ask(path, read)).text).toContain('Uno');
});

test.each([
  ['Cache-Group-Invalidation', '"g"', '/grouped'],
  ['Content-Location', '/log/last', '/log/last'],
])('an answer that equals the representation before, and names something else in %s, is a change', async (...row) => {
  const [name, value, path] = row;
  await begin(onlyIfChanged);
  let writes = 0;
  origin.on(
    () => true,
    (request, response) => {
      if (request.method === 'PUT') {
        writes += 1;
        response.setHeader(name, value);
      }
      if (request.url === '/grouped') response.setHeader('Cache-Groups', '"g"');
      jsonOf(request.url === '/posts/1' ? { id: 1 } : { writes })(request, response);
    },
  );
  await ask(path);
  await send('PUT', '/posts/1', { body: {} });
  expect((await ask(path)).json()).toEqual({ writes: 1 });
});

test('a body in another language than the current one is sent on, though it is equal', async () => {
  await begin('writes: [{ on: "PUT /posts/:id", unchanged: skip }]');
  const titles = translations();
  const headers = { 'content-language': 'de', 'accept-language': 'en', 'content-type': 'application/json' };
  await send('PUT', '/posts/1', { headers, body: { id: 1, title: 'One' } });
  expect(titles).toEqual({ en: 'One', de: 'One' });
});

test('the answer to a write with a query is put into no parent', async () => {
  await begin(`defaults: { cache: { ttl: 60s } }
rules:
  - name: item
    on: PUT /items/:id
    patch: [{ path: /items, at: "", key: id, with: response }]`);
  origin.on('GET /items', jsonOf([{ id: 1, title: 'One' }]));
  origin.on('GET /items/1', jsonOf({ id: 1, title: 'One' }));
  origin.on(({ method }) => method === 'PUT', jsonOf({ id: 1, title: 'Uno' }));
  await ask('/items');
  await send('PUT', '/items/1?lang=de', uno);
  const list = await ask('/items');
  expect([list.json(), isHit(list)]).toEqual([[{ id: 1, title: 'One' }], false]);
});

test.each([
  [
    'whose key a write changes, which `before` shows',
    'invalidate: ["/authors/{before.author}"]',
    jsonOf({ slug: 'old' }),
  ],
  ['whose key a write changes, which nobody can know', 'settle: 0s', jsonOf({ slug: 'old' })],
  ['that its writer may not read', 'invalidate: ["/x/{before.none}"]', notFound],
])('an element %s is not added beside itself', async (_, more, read) => {
  let slug = 'old';
  await begin(`defaults: { cache: { ttl: 60s } }
rules:
  - name: post
    on: PUT /posts/:slug
    ${more}
    patch: [{ path: /posts, at: "", key: slug, with: response, add: start }]`);
  origin.on('GET /posts', (request, response) => jsonOf([{ slug }])(request, response));
  origin.on('GET /posts/old', read);
  origin.on('PUT /posts/old', (request, response) => {
    slug = 'new';
    jsonOf({ slug })(request, response);
  });
  await ask('/posts');
  await send('PUT', '/posts/old', { body: { slug: 'new' } });
  expect((await ask('/posts')).json()).toEqual([{ slug: 'new' }]);
});

describe('a parent is dropped although its writer is told 404 where it may not read', () => {
  /** Moves the item out of the parent that was read before. Resolves with what that parent says then. */
  async function moved(method: string, status: number): Promise<Answer> {
    let parent = 7;
    await begin(`defaults: { cache: { ttl: 60s } }
rules:
  - { name: item, on: "* /items/:id", invalidate: ["/parents/{before.parent, request.parent}"] }`);
    origin.on('GET /items/1', notFound);
    origin.on('GET /parents/7', (request, response) => jsonOf({ has: parent === 7 })(request, response));
    origin.on(`${method} /items/1`, (_, response) => {
      parent = 9;
      response.writeHead(status, status === 303 ? { Location: '/items/1' } : {}).end();
    });
    await ask('/parents/7');
    await send(method, '/items/1', { body: { parent: 9 } });
    return ask('/parents/7');
  }

  test.each([
    ['PATCH', 200],
    ['PATCH', 303],
    ['PATCH', 500],
    ['PUT', 200],
    ['PUT', 204],
    ['PUT', 500],
  ])('%s answered %i', async (method, status) => {
    expect((await moved(method, status)).json()).toEqual({ has: false });
  });

  test.each([
    ['PUT', 201],
    ['PATCH', 403],
  ])('but not by %s answered %i', async (method, status) => {
    expect(isHit(await moved(method, status))).toBe(true);
  });
});

test.each(['DELETE', 'PUT'])('%s of another variant removes no element from a parent', async (method) => {
  const one = { id: 1, title: 'One', list: 7 };
  await begin(`defaults: { cache: { ttl: 60s } }
rules:
  - name: item
    on: PUT|DELETE /items/:id
    invalidate: ["/x/{before.none}"]
    patch: [{ path: "/lists/{before.list, response.list}", at: "", key: id, with: response }]`);
  origin.on('GET /lists/7', jsonOf([one]));
  origin.on('GET /items/1', jsonOf(one));
  origin.on(
    (request) => request.method === method,
    (request, response) => {
      if (method === 'PUT') jsonOf({ ...one, list: 8 })(request, response);
      else response.writeHead(204).end();
    },
  );
  await ask('/lists/7');
  await send(method, '/items/1?lang=de', method === 'PUT' ? { body: { title: 'Eins' } } : {});
  const list = await ask('/lists/7');
  expect([list.json(), isHit(list)]).toEqual([[one], false]);
});

test.each([
  ['in UTF-8 as it is', Buffer.from('/items/café').toString('latin1')],
  ['percent-encoded', '/items/caf%C3%A9'],
])('a Location names what it names, %s', async (_, location) => {
  await begin();
  let isThere = false;
  origin.on(
    () => true,
    (request, response) => {
      if (request.method === 'POST') {
        isThere = true;
        response.writeHead(201, { Location: location }).end();
      } else {
        response.writeHead(isThere ? 200 : 404, { 'Cache-Control': 'max-age=60' }).end(String(isThere));
      }
    },
  );
  await ask('/items/caf%C3%A9');
  await send('POST', '/items', { body: {} });
  expect((await ask('/items/caf%C3%A9')).text).toBe('true');
});
