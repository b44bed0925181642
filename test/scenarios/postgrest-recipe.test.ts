import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/**
 * rules/backends/postgrest.yaml against what PostgREST's documentation says of requests and answers: PostgREST itself
 * does not come from a registry, so `npm run test:backends` does not play it.
 */

interface Row {
  id: number;
  name: string;
  author_id?: number;
}

let tables: Record<string, Row[]>;
let origin: ScriptedOrigin;
let gateway: TestGateway;

beforeEach(async () => {
  tables = {
    authors: [
      { id: 1, name: 'Ann' },
      { id: 2, name: 'Bob' },
    ],
    books: [
      { id: 1, name: 'One', author_id: 1 },
      { id: 2, name: 'Two', author_id: 2 },
      { id: 3, name: 'Three', author_id: 1 },
    ],
  };
  origin = await scriptedOrigin();
  origin.on(
    () => true,
    (request, response, { body }) => {
      const { status, fields, rows } = answerTo(
        request,
        body.length === 0 ? {} : (JSON.parse(`${body}`) as Partial<Row>),
      );
      response.writeHead(status, fields).end(rows === undefined ? undefined : JSON.stringify(rows));
    },
  );
  gateway = await startGateway(origin.url, 'include: [rules/backends/postgrest.yaml]');
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});

const views = [
  '/books',
  '/books?author_id=eq.1',
  '/books?id=eq.2',
  '/books?select=*,authors(name)',
  '/authors',
  '/authors?select=*,books(name)',
];

const ask = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  get(gateway.url + path, { method, ...options });
const isHit = (answer: Answer): boolean => /unstale; hit/.test(String(answer.headers['cache-status']));

describe('each write drops what shows it, without a body in its answer', () => {
  const writes = [
    { method: 'POST', path: '/books', body: { id: 9, name: 'Nine', author_id: 1 } },
    { method: 'PATCH', path: '/books?id=eq.2', body: { author_id: 1 } },
    { method: 'DELETE', path: '/books?author_id=eq.1' },
    { method: 'PUT', path: '/books?id=eq.2', body: { id: 2, name: 'Second', author_id: 2 } },
    { method: 'PATCH', path: '/authors?id=eq.1', body: { name: 'Anna' } },
    { method: 'DELETE', path: '/authors?id=eq.1' },
    { method: 'POST', path: '/rpc/rename_all', body: { name: 'Same' } },
  ];
  test.each(writes)('$method $path', async ({ method, path, body }) => {
    for (const view of views) {
      await ask('GET', view);
      expect(isHit(await ask('GET', view)), `${view} is stored`).toBe(true);
    }
    const written = await ask(method, path, body === undefined ? {} : { body });
    expect(written.status).toBeLessThan(300);
    for (const view of views) {
      expect((await ask('GET', view)).json(), view).toEqual((await get(origin.url + view)).json());
    }
  });
});

test.each([
  { field: 'accept-profile', one: 'public', other: 'archive' },
  { field: 'accept', one: 'application/json', other: 'application/vnd.pgrst.object+json' },
  { field: 'prefer', one: 'count=none', other: 'count=exact' },
])('requests that differ in $field do not share an answer', async ({ field, one, other }) => {
  const read = (value: string) => ask('GET', '/books', { headers: { [field]: value } });
  const first = await read(one);
  const second = await read(other);
  expect(isHit(second)).toBe(false);
  expect((await read(one)).body).toEqual(first.body);
});

test('a page by Range is the page that was asked for', async () => {
  await ask('GET', '/books');
  for (const [range, names] of Object.entries({ '0-0': ['One'], '1-2': ['Two', 'Three'] })) {
    for (const _ of [1, 2]) {
      const page = await ask('GET', '/books', { headers: { 'range-unit': 'items', range } });
      expect(page.json<Row[]>().map(({ name }) => name)).toEqual(names);
      expect(page.headers['content-range']).toBe(`${range}/*`);
    }
  }
});

interface Scripted {
  readonly status: number;
  readonly fields?: Record<string, string>;
  readonly rows?: unknown;
}

/** As PostgREST answers: reads with `Content-Range`, writes without a body unless `Prefer` asks for one. */
function answerTo(request: IncomingMessage, body: Partial<Row>): Scripted {
  const url = new URL(request.url ?? '/', 'http://x');
  const [, table = ''] = url.pathname.split('/');
  const filters = [...url.searchParams].flatMap(([column, value]) =>
    value.startsWith('eq.') ? [{ column, value: value.slice(3) }] : [],
  );
  const chosen = (row: Row) => filters.every(({ column, value }) => String(row[column as keyof Row]) === value);
  const rows = tables[table] ?? [];
  switch (request.method) {
    case 'GET':
      return page(embedded(table, rows.filter(chosen), url.searchParams.get('select')), request);
    case 'DELETE':
      tables[table] = rows.filter((row) => !chosen(row));
      if (table === 'authors') {
        const left = new Set(tables.authors?.map(({ id }) => id));
        tables.books = (tables.books ?? []).filter(({ author_id = 0 }) => left.has(author_id));
      }
      return { status: 204 };
    case 'POST':
      if (table === 'rpc') for (const row of Object.values(tables).flat()) Object.assign(row, body);
      else rows.push(body as Row);
      return { status: table === 'rpc' ? 204 : 201 };
    default:
      for (const row of rows.filter(chosen)) Object.assign(row, body);
      return { status: 204 };
  }
}

function embedded(table: string, rows: readonly Row[], select: string | null): unknown[] {
  const { authors = [], books = [] } = tables;
  if (select === null) return [...rows];
  if (table === 'books')
    return rows.map((row) => ({ ...row, authors: authors.find(({ id }) => id === row.author_id) }));
  return rows.map((row) => ({ ...row, books: books.filter(({ author_id }) => author_id === row.id) }));
}

function page(rows: unknown[], { headers }: IncomingMessage): Scripted {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
  const first = Number(from ?? 0);
  const shown = rows.slice(first, to === undefined ? undefined : Number(to) + 1);
  const total = headers.prefer === 'count=exact' ? rows.length : '*';
  return {
    status: 200,
    fields: {
      'content-type': headers.accept === 'application/vnd.pgrst.object+json' ? headers.accept : 'application/json',
      'content-range': `${first}-${first + shown.length - 1}/${total}`,
      'content-profile': headers['accept-profile']?.toString() ?? 'public',
    },
    rows: shown,
  };
}
