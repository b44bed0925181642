import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { sseClient } from '../support/sse-client.ts';

/* The admin port: POST /invalidate and POST /explain, and who may ask. */

let api: SmallApi;
let gateway: TestGateway;
beforeAll(async () => {
  api = await smallApi();
  gateway = await startGateway(
    api.origin.url,
    `
routes:
  - { match: "/steps/:id", tags: ["inn:{response.inns[*].id}"] }
  - { match: /lists, cache: { key: { query: [page] } } }
rules:
  - name: inn
    on: "* /inns/:id"
    invalidate: ["/steps/{before.stepId, response.stepId}"]
`,
  );
});
afterAll(async () => {
  await gateway.stop();
  await api.origin.close();
});

const post = (path: string, body: RequestOptions['body'], headers: Record<string, string> = {}): Promise<Answer> =>
  get(gateway.adminUrl + path, {
    method: 'POST',
    body: body ?? '',
    headers: { 'content-type': 'application/json', ...headers },
  });
const isHit = async (path: string): Promise<boolean> =>
  /unstale; hit/.test(String((await get(gateway.url + path)).headers['cache-status']));

beforeEach(async () => {
  await post('/invalidate', { paths: ['/**'] });
  for (const path of ['/steps/7', '/steps/7?lang=de', '/steps/9', '/trips/1']) {
    await get(gateway.url + path);
    expect(await isHit(path)).toBe(true);
  }
});

describe('POST /invalidate', () => {
  const rows: [string, Record<string, unknown>, [string, number][], string[]][] = [
    ['a path, every query of it', { paths: ['/steps/7'] }, [['/steps/7', 2]], ['/steps/9', '/trips/1']],
    ['one query', { paths: ['/steps/7?lang=de'] }, [['/steps/7?lang=de', 1]], ['/steps/7', '/steps/9', '/trips/1']],
    ['a pattern', { paths: ['/steps/*'] }, [['/steps/*', 3]], ['/trips/1']],
    ['a tag', { tags: ['inn:42'] }, [['tag:inn:42', 2]], ['/steps/9', '/trips/1']],
    [
      'tags with a wildcard, and a path',
      { tags: ['inn:*'], paths: ['/trips/1'] },
      [
        ['/trips/1', 1],
        ['tag:inn:*', 2],
      ],
      ['/steps/9'],
    ],
    [
      'what is not stored',
      { paths: ['/nothing'] },
      [['/nothing', 0]],
      ['/steps/7', '/steps/7?lang=de', '/steps/9', '/trips/1'],
    ],
  ];
  test.each(rows)('%s', async (_, body, counts, kept) => {
    const dry = (await post('/invalidate', { ...body, dryRun: true })).json<{
      targets: { target: string; count: number }[];
      removed: number;
    }>();
    expect(dry.targets.map(({ target, count }) => [target, count])).toEqual(counts);
    expect(dry).not.toHaveProperty('position');
    for (const path of ['/steps/7', '/steps/7?lang=de', '/steps/9', '/trips/1']) expect(await isHit(path)).toBe(true);
    const done = await post('/invalidate', body);
    expect(done.status).toBe(200);
    expect(done.json()).toMatchObject({
      dryRun: false,
      removed: dry.removed,
      targets: dry.targets,
      position: expect.any(Number),
    });
    const left: string[] = [];
    for (const path of ['/steps/7', '/steps/7?lang=de', '/steps/9', '/trips/1']) if (await isHit(path)) left.push(path);
    expect(left).toEqual(kept);
  });

  test('samples name what would go', async () => {
    const { targets } = (await post('/invalidate', { paths: ['/steps/**'], dryRun: true })).json<{
      targets: { samples: string[] }[];
    }>();
    expect(targets[0]?.samples.sort()).toEqual(['/steps/7', '/steps/7?lang=de', '/steps/9']);
  });

  test('a query that a route keys in part invalidates what is stored of it', async () => {
    api.origin.on(
      'GET /lists',
      (_, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('[]'),
    );
    await get(`${gateway.url}/lists?page=2&utm=x`);
    const answer = await post('/invalidate', { paths: ['/lists?utm=y&page=2'] });
    expect(answer.json()).toMatchObject({ removed: 1 });
  });

  test('subscribers are told', async () => {
    const events = await sseClient(`${gateway.url}/_unstale/events`);
    await post('/invalidate', { paths: ['/steps/*'], tags: ['inn:42'] });
    expect((await events.next()).json()).toMatchObject({
      paths: ['/steps/*'],
      tags: ['inn:42'],
      cause: { method: 'POST', path: 'admin:/invalidate', rule: null },
    });
    events.close();
  });

  const wrong: [string, RequestOptions['body'], string[]][] = [
    ['nothing', {}, ['nothing is named']],
    ['no object', [], ['the body is no JSON object']],
    ['unknown members', { path: ['/a'] }, ['path: nothing is called that here']],
    [
      'no lists',
      { paths: '/a', tags: 7, dryRun: 'yes' },
      ['paths: it is no list', 'tags: it is no list', 'dryRun: it is no flag'],
    ],
    [
      'every fault of a batch at once',
      { paths: ['/steps/7', 'steps', '/a/{id}', '/a/**/b', 7], tags: ['a b', ''] },
      ['paths[4]: it is no text'],
    ],
    [
      'every faulty target at once',
      { paths: ['/steps/7', 'steps', '/a/{id}', '/a/**/b'], tags: ['a b', ''] },
      [
        'paths[1]: a path must start with a slash',
        'paths[2]: placeholders have no values here',
        'paths[3]: "**" must be the last segment',
        'tags[0]: a tag cannot contain white space',
        'tags[1]: the target is empty',
      ],
    ],
    ['too many', { paths: Array.from({ length: 10_001 }, () => '/a') }, ['more than 10000 targets']],
    ['too long', { paths: [`/${'a'.repeat(9_000)}`] }, ['paths[0]: it is longer than 8192 characters']],
  ];
  test.each(wrong)('%s: refused as a whole', async (_, body, faults) => {
    const answer = await post('/invalidate', body);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    const { errors } = answer.json<{ errors: { at: string; message: string; hint: string }[] }>();
    expect(errors.map(({ at, message }) => (at === '' ? message : `${at}: ${message}`))).toEqual(faults);
    expect(await isHit('/steps/7')).toBe(true);
  });
});

describe('POST /explain', () => {
  test('what a write would remove, with the representation that the gateway would take', async () => {
    const answer = await post('/explain', { method: 'PATCH', path: '/inns/42', response: { stepId: 9 } });
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({
      rules: [
        {
          rule: 'inn',
          applies: true,
          placeholders: [
            {
              values: ['7', '9'],
              sources: [
                { source: 'before.stepId', values: ['7'] },
                { source: 'response.stepId', values: ['9'] },
              ],
            },
          ],
        },
      ],
      outcome: 'applied',
      targets: ['/steps/7', '/steps/9', '/inns/42'],
      actions: [{ action: 'invalidate' }, { action: 'invalidate' }, { action: 'invalidate' }],
      stored: [
        { target: '/steps/7', count: 2, samples: ['/steps/7', '/steps/7?lang=de'] },
        { target: '/steps/9', count: 1, samples: ['/steps/9'] },
        { target: '/inns/42', count: 0, samples: [] },
      ],
    });
    expect(await isHit('/steps/7')).toBe(true);
    expect(api.inns.get(42)?.stepId).toBe(7);
  });

  test.each([
    ['PATCH', 404],
    ['GET', 200],
  ])('what changes nothing: %s answered %i', async (method, status) => {
    const answer = await post('/explain', { method, path: '/inns/42', status, response: { stepId: 9 } });
    expect(answer.json()).toMatchObject({ outcome: 'unchanged', targets: [], events: [], stored: [] });
  });

  test('bodies as texts keep numbers that JavaScript cannot hold', async () => {
    const response = '{"stepId":9007199254740993}';
    const { targets } = (await post('/explain', { method: 'PUT', path: '/inns/42', response, before: {} })).json<{
      targets: string[];
    }>();
    expect(targets).toContain('/steps/9007199254740993');
  });

  const wrong: [Record<string, unknown>, string][] = [
    [{}, 'method: it is no method'],
    [{ method: 'PUT', path: 'inns' }, 'path: it is no path'],
    [{ method: 'PUT', path: '/a#b' }, 'path: the path contains a character that must be escaped'],
    [{ method: 'PUT', path: '/a', status: 100 }, 'status: it is no status of an answer'],
    [{ method: 'PUT', path: '/a', requestHeaders: { a: 1 } }, 'requestHeaders.a: it is no field value'],
    [{ method: 'PUT', path: '/a', requestHeaders: { a: ['1', 'b\n'] } }, 'requestHeaders.a: it is no field value'],
    [{ method: 'PUT', path: '/a', lookups: [] }, 'lookups: it is no object'],
  ];
  test.each(wrong)('%j', async (body, detail) => {
    const answer = await post('/explain', body);
    expect(answer.status).toBe(400);
    expect(answer.json<{ detail: string }>().detail).toContain(detail);
  });
});

describe('access', () => {
  const body = { paths: ['/nothing'] };
  test('no page in a browser, whatever it pretends', async () => {
    expect((await post('/invalidate', body, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await post('/invalidate', body, { host: 'evil.example:9090' })).status).toBe(403);
    expect((await post('/invalidate', JSON.stringify(body), { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post('/invalidate', body, { host: 'localhost:1' })).status).toBe(200);
    expect((await get(`${gateway.adminUrl}/metrics`, { headers: { origin: 'http://evil.example' } })).status).toBe(403);
  });

  test('only a client with the token, if there is one', async () => {
    const guarded = await startGateway(api.origin.url, 'admin: { listen: "127.0.0.1:0", token: 0123456789abcdef }');
    const ask = (authorization: string, path = '/invalidate') =>
      get(guarded.adminUrl + path, { method: 'POST', body, headers: { authorization } });
    for (const path of ['/invalidate', '/explain', '/verify', '/snapshot']) {
      const refused = await ask('Bearer 0123456789abcdeg', path);
      expect(refused.status).toBe(401);
      expect(refused.text).not.toContain('0123456789abcdef');
    }
    for (const method of ['GET', 'DELETE'])
      expect((await get(`${guarded.adminUrl}/snapshot`, { method })).status).toBe(401);
    expect((await ask('Bearer 0123456789abcdef')).status).toBe(200);
    // With a token, a page that has it may ask.
    const headers = { authorization: 'Bearer 0123456789abcdef', origin: 'http://ops.example' };
    expect((await get(`${guarded.adminUrl}/invalidate`, { method: 'POST', body, headers })).status).toBe(200);
    expect(JSON.stringify(guarded.logs)).not.toContain('0123456789abcdef');
    await guarded.stop();
  });

  const others: [string, string, number][] = [
    ['GET', '/invalidate', 405],
    ['DELETE', '/explain', 405],
    ['GET', '/verify', 405],
    ['PUT', '/snapshot', 405],
    ['POST', '/nothing', 404],
  ];
  test.each(others)('%s %s is %d', async (method, path, status) => {
    const answer = await get(gateway.adminUrl + path, { method });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  test('no body that is no JSON, or too large', async () => {
    expect((await post('/invalidate', '{"paths":')).status).toBe(400);
    expect((await post('/invalidate', `"${'a'.repeat(9 * 1024 * 1024)}"`)).status).toBe(413);
  });
});
