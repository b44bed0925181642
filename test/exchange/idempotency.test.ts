import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Gate, gate, until } from '../support/barrier.ts';
import { budget } from '../support/budget.ts';
import { gaugeIs, startGateway, type TestGateway } from '../support/gateway.ts';
import { rawClient } from '../support/raw-client.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* Writes with an `Idempotency-Key`: each is carried out once, and every retry gets the same answer. */

const yaml = `
defaults: { cache: { ttl: 60s, userKey: [authorization, "cookie:session"] } }
rules:
  - { name: orders, on: POST /orders, invalidate: [/orders], event: order.created }
writes:
  - { on: POST /orders, idempotency: { key: required } }
  - { on: POST /notes, idempotency: { key: optional } }
  - { on: PUT /settings, merge: true, idempotency: { key: required } }
  - { on: POST /short, idempotency: { key: required, keep: 1s } }
`;
useScriptedRig(yaml);

const post = (
  key: string | undefined,
  options: RequestOptions & { headers?: Record<string, string> } = {},
  path = '/orders',
) =>
  send('POST', path, {
    body: { item: 1 },
    ...options,
    headers: { ...options.headers, ...(key === undefined ? {} : { 'Idempotency-Key': key }) },
  });
const problem = (answer: Answer): string => answer.json<{ type: string }>().type.replace('urn:unstale:problem:', '');
const isReplay = (answer: Answer): boolean => answer.headers['idempotency-replayed'] === 'true';
const orders = (): number => origin.requests('POST /orders').length;

/** Each order that is made has a number of its own. */
function makesOrders(): void {
  let made = 0;
  origin.on('POST /orders', (_request, response) => {
    made += 1;
    response.writeHead(201, { Location: `/orders/${made}`, 'Content-Type': 'application/json' }).end(`{"id":${made}}`);
  });
}

describe('a key', () => {
  test('that is missing or malformed is told so, and nothing is sent', async () => {
    makesOrders();
    const [missing, malformed] = [await post(undefined), await post('a, b')];
    expect([missing.status, problem(missing)]).toEqual([400, 'idempotency-key-missing']);
    expect([malformed.status, problem(malformed)]).toEqual([400, 'idempotency-key-malformed']);
    expect(orders()).toBe(0);
  });

  test('that is optional need not be there', async () => {
    origin.on('POST /notes', (_request, response) => void response.writeHead(201).end());
    await post(undefined, {}, '/notes');
    await post(undefined, {}, '/notes');
    expect(origin.requests('POST /notes')).toHaveLength(2);
    await post('k', {}, '/notes');
    expect(isReplay(await post('k', {}, '/notes'))).toBe(true);
  });

  test('gets the first answer again: status, fields and body', async () => {
    makesOrders();
    const [first, again] = [await post('k'), await post('"k"')];
    expect(isReplay(first)).toBe(false);
    expect(isReplay(again)).toBe(true);
    expect([again.status, again.text, again.headers.location]).toEqual([201, '{"id":1}', '/orders/1']);
    expect(again.headers['unstale-position']).toBe(first.headers['unstale-position']);
    expect(again.headers['cache-status']).toBe('unstale; detail=REPLAYED');
    expect(orders()).toBe(1);
    await gaugeIs(gateway, 'unstale_repeated_writes_total', 1);
  });

  test('of an answer without content gets that again', async () => {
    origin.on('POST /orders', (_request, response) => void response.writeHead(204).end());
    await post('k');
    const again = await post('k');
    expect([again.status, isReplay(again), again.text]).toEqual([204, true, '']);
  });

  test('of another payload is refused, however it is spelt', async () => {
    makesOrders();
    await post('k', { body: '{"item":1,"at":"é"}' });
    const other = await post('k', { body: '{"item":2,"at":"é"}' });
    expect([other.status, problem(other)]).toEqual([422, 'idempotency-key-reused']);
    expect(isReplay(await post('k', { body: '{ "at": "\\u00e9", "item": 1.0 }' }))).toBe(true);
    expect(orders()).toBe(1);
  });

  test('is told that the first request is under way', async () => {
    const held = gate();
    origin.on('POST /orders', async (_request, response) => {
      await held.pass();
      response.writeHead(201).end('made');
    });
    const first = post('k');
    await held.arrived();
    const second = await post('k');
    expect([second.status, problem(second), second.headers['retry-after']]).toEqual([
      409,
      'idempotency-key-in-use',
      '1',
    ]);
    held.release();
    expect((await first).text).toBe('made');
    expect((await post('k')).text).toBe('made');
    expect(orders()).toBe(1);
  });

  test('many times at once is carried out once', async () => {
    const times = budget({ local: 200, ci: 1_000 });
    makesOrders();
    const answers = await Promise.all(Array.from({ length: times }, () => post('k')));
    const made = answers.filter(({ status }) => status === 201);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(times - made.length);
    expect(made.filter((answer) => !isReplay(answer))).toHaveLength(1);
    expect(new Set(made.map(({ text }) => text))).toEqual(new Set(['{"id":1}']));
    expect(orders()).toBe(1);
  });

  test('is forgotten when its time is over', async () => {
    origin.on('POST /short', (_request, response) => void response.writeHead(201).end());
    await post('k', {}, '/short');
    await until(async () => !isReplay(await post('k', {}, '/short')), 'the key to be forgotten');
  });
});

describe('one and the same key', () => {
  const user = { Authorization: 'Bearer a', Cookie: 'session=1' };
  test.each([
    ['another user', { ...user, Authorization: 'Bearer b' }, '/orders'],
    ['another session', { ...user, Cookie: 'session=2' }, '/orders'],
    ['another host', { ...user, Host: 'other.example' }, '/orders'],
    ['another path', user, '/notes'],
    ['another query', user, '/orders?dry=1'],
  ])('of %s is another one', async (_, headers, path) => {
    origin.on(
      ({ method }) => method === 'POST',
      (_request, response) => void response.writeHead(201).end(),
    );
    await post('k', { headers: user });
    expect(isReplay(await post('k', { headers: user }))).toBe(true);
    expect(isReplay(await post('k', { headers }, path))).toBe(false);
  });

  test.each([
    ['another cookie than the named one', 'admin_sid=1', undefined],
    ['another cookie, and an empty one of that name', 'session=; admin_sid=1', 'session='],
    ['two cookies of that name', 'session=2; session=1', 'session=2'],
    ['a cookie of that name in another spelling', 'session=2; SESSION=1', 'session=2'],
  ])("of a user whom the API may know by %s is nobody else's", async (_, theirs, others) => {
    makesOrders();
    const cookies = (cookie: string | undefined) => ({ headers: cookie === undefined ? {} : { Cookie: cookie } });
    await post('k', cookies(theirs));
    expect(isReplay(await post('k', cookies(theirs)))).toBe(true);
    expect(isReplay(await post('k', cookies(others)))).toBe(false);
  });

  test('of one user is the same, whatever other cookies there are', async () => {
    makesOrders();
    const headers = (other: string) => ({ Authorization: 'Bearer a', Cookie: `_ga=${other}; session=1` });
    await post('k', { headers: headers('1') });
    expect(isReplay(await post('k', { headers: headers('2') }))).toBe(true);
  });
});

describe('the first request', () => {
  test('whose client has gone is carried out, and its answer is there for the retry', async () => {
    const held = gate();
    origin.on('POST /orders', async (_request, response) => {
      await held.pass();
      response.writeHead(201).end('made');
    });
    const client = await rawClient(gateway.url);
    client.write('POST /orders HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nContent-Length: 2\r\n\r\n{}');
    await held.arrived();
    await client.close();
    held.release();
    const retry = () => send('POST', '/orders', { body: '{}', headers: { 'Idempotency-Key': 'k', Host: 'a' } });
    let answer = await retry();
    await until(async () => {
      answer = await retry();
      return answer.status !== 409;
    }, 'the first answer');
    expect([answer.status, answer.text, isReplay(answer)]).toEqual([201, 'made', true]);
    expect(orders()).toBe(1);
  });

  test('that is answered 500 is not carried out again', async () => {
    origin.on('POST /orders', (_request, response) => void response.writeHead(500).end('half done'));
    await post('k');
    const again = await post('k');
    expect([again.status, again.text, isReplay(again)]).toEqual([500, 'half done', true]);
    expect(orders()).toBe(1);
  });

  test('that is answered 409 or 422 is answered so again', async () => {
    origin.on('POST /orders', (_request, response) => void response.writeHead(422).end('no such item'));
    await post('k');
    const again = await post('k');
    expect([again.status, again.text, isReplay(again)]).toEqual([422, 'no such item', true]);
  });

  test('that came too early (429) may come again', async () => {
    let answers = 0;
    origin.on('POST /orders', (_request, response) => void response.writeHead(answers++ === 0 ? 429 : 201).end());
    expect((await post('k')).status).toBe(429);
    expect((await post('k')).status).toBe(201);
    expect((await post('k')).status).toBe(201);
    expect(orders()).toBe(2);
  });

  test('that gets no answer in time is not carried out again, and the answer says why', async () => {
    const held = gate();
    origin.on('POST /orders', async (_request, response) => {
      await held.pass();
      response.destroy();
    });
    expect((await post('k')).status).toBe(504);
    const again = await post('k');
    expect([again.status, problem(again)]).toEqual([409, 'idempotency-key-unknown']);
    held.release();
    expect(orders()).toBe(1);
  });

  test.each(['before its head', 'in its body'])('whose answer breaks off %s is not carried out again', async (when) => {
    origin.on('POST /orders', (_request, response) => {
      if (when === 'before its head') response.destroy();
      else response.writeHead(201, { 'Content-Length': '100' }).write('made', () => response.destroy());
    });
    await post('k').catch(() => undefined);
    const again = await post('k');
    expect([again.status, problem(again)]).toEqual([409, 'idempotency-key-unknown']);
    expect(orders()).toBe(1);
  });

  test('that never reached the API may come again', async () => {
    const away = await startGateway('http://127.0.0.1:1', yaml);
    try {
      const key = { 'Idempotency-Key': 'k' };
      for (let i = 0; i < 2; i++) {
        const answer = await get(`${away.url}/orders`, { method: 'POST', body: '{}', headers: key });
        expect([answer.status, problem(answer)]).toEqual([502, 'origin-refused']);
      }
    } finally {
      await away.stop();
    }
  });

  describe('that waits for the only connection', () => {
    let narrow: TestGateway;
    let held: Gate;
    let slow: Promise<Answer>;
    beforeEach(async () => {
      makesOrders();
      held = gate();
      origin.on('GET /slow', async (_request, response) => {
        await held.pass();
        response.end();
      });
      narrow = await startGateway('', `origin: { url: "${origin.url}", connections: 1 }\n${yaml}`);
      slow = get(`${narrow.url}/slow`);
      await held.arrived();
    });
    afterEach(async () => {
      vi.restoreAllMocks();
      await narrow.stop();
    });

    const order = (): Promise<Answer> =>
      get(`${narrow.url}/orders`, { method: 'POST', body: '{}', headers: { 'Idempotency-Key': 'k', Host: 'a' } });

    test('until its lease has ended is not sent: others were told that its outcome is unknown', async () => {
      const first = order();
      await gaugeIs(narrow, 'unstale_waiting_for_share', 1);
      // As if the process had been paused for so long.
      const now = performance.now.bind(performance);
      vi.spyOn(performance, 'now').mockImplementation(() => now() + 15_000);
      held.release();
      const refused = await first;
      vi.restoreAllMocks();
      await slow;
      expect([refused.status, problem(refused), orders()]).toEqual([503, 'uncoordinated', 0]);
      expect([(await order()).status, orders()]).toEqual([201, 1]);
    });

    test('and whose client has gone is not carried out, and may come again', async () => {
      const client = await rawClient(narrow.url);
      client.write('POST /orders HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nContent-Length: 2\r\n\r\n{}');
      await gaugeIs(narrow, 'unstale_waiting_for_share', 1);
      await client.close();
      await gaugeIs(narrow, 'unstale_waiting_for_share', 0);
      held.release();
      await slow;
      const retry = await order();
      expect([retry.status, isReplay(retry), orders()]).toEqual([201, false, 1]);
    });
  });

  test('that the gateway refuses may come again', async () => {
    let state = '{"a":1}';
    origin.on('GET /settings', (_request, response) => void response.end(state));
    origin.on('PUT /settings', (_request, response) => void response.end('{"a":2}'));
    const put = (headers: Record<string, string>) =>
      send('PUT', '/settings', { body: { a: 2 }, headers: { 'Idempotency-Key': 'k', ...headers } });
    expect((await put({ 'If-None-Match': '*' })).status).toBe(412);
    state = '{"a":1,"b":1}';
    expect((await put({})).status).toBe(200);
    expect(isReplay(await put({}))).toBe(true);
  });

  test('with an answer that is too large to be kept is not carried out again', async () => {
    const body = Buffer.alloc(300 * 1024, 'x');
    origin.on('POST /orders', (_request, response) => void response.writeHead(201).end(body));
    expect(digest((await post('k')).body)).toBe(digest(body));
    const again = await post('k');
    expect([again.status, problem(again)]).toEqual([409, 'idempotency-answer-not-kept']);
    expect(again.json<{ detail: string }>().detail).toContain('201');
    expect(orders()).toBe(1);
  });
});

test('an answer that is repeated invalidates nothing, and announces nothing', async () => {
  makesOrders();
  origin.on('GET /orders', (_request, response) => void response.end('[]'));
  await post('k');
  await send('GET', '/orders');
  await post('k');
  expect((await send('GET', '/orders')).headers['cache-status']).toContain('hit');
  expect(gateway.logs.filter(({ msg }) => msg === 'write')).toHaveLength(1);
});

const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
