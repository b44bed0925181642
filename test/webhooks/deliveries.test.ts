import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get } from '../support/request.ts';
import { gate, scriptedOrigin } from '../support/scripted-origin.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { endpointAt, NEXT_SECRET, type Receiver, SECRET, startReceiver } from './receiver.ts';

/* What endpoints are sent by a gateway without Redis. */

let api: SmallApi;
let receiver: Receiver;
let gateway: TestGateway;
beforeEach(async () => {
  [api, receiver] = await Promise.all([smallApi(), startReceiver()]);
});
afterEach(async () => {
  await gateway.stop();
  await receiver.close();
  await api.origin.close();
});

const begin = async (more = '', yaml = ''): Promise<void> => {
  gateway = await startGateway(api.origin.url, `webhooks:\n  - ${endpointAt(receiver, more)}\n${yaml}`);
};
const put = (path: string): Promise<Answer> => get(gateway.url + path, { method: 'PUT', body: '{}' });
const has = (count: number) => (): boolean => receiver.events.length >= count;

describe('an endpoint', () => {
  test('is sent a signed POST for each committed record, in order, after a resync', async () => {
    await begin();
    for (const path of ['/a', '/b', '/c']) await put(path);
    await receiver.until(has(3));
    expect(receiver.delivered[0]?.type).toBe('resync');
    expect(receiver.events.map(({ data }) => data.paths)).toEqual([['/a'], ['/b'], ['/c']]);
    expect(receiver.events[0]).toMatchObject({
      id: expect.stringMatching(/^\w+-1$/),
      type: 'invalidate',
      timestamp: receiver.events[0]?.data.at,
      data: { cause: { method: 'PUT', path: '/a', rule: null }, tags: [] },
    });
  });
});

describe('an endpoint that does not answer', () => {
  test('holds up neither writes, nor other endpoints, nor the end of the gateway', async () => {
    const silent = await scriptedOrigin();
    const asked = gate();
    silent.on(
      () => true,
      () => asked.pass(),
    );
    const other = `{ url: "${silent.url}/", secret: ${SECRET}, allowHttp: true, allow: [127.0.0.1] }`;
    gateway = await startGateway(api.origin.url, `webhooks:\n  - ${other}\n  - ${endpointAt(receiver)}`);
    await asked.arrived();
    for (const path of ['/a', '/b']) expect((await put(path)).status).toBeLessThan(500);
    await receiver.until(has(2));
    await gateway.stop();
    expect(silent.seen).toHaveLength(1);
    asked.release();
    await silent.close();
  });
});

test('while a secret is changed, messages are signed with both', async () => {
  await receiver.close();
  receiver = await startReceiver(NEXT_SECRET);
  const both = endpointAt(receiver).replace(`"${SECRET}"`, `["${NEXT_SECRET}", "${SECRET}"]`);
  gateway = await startGateway(api.origin.url, `webhooks:\n  - ${both}`);
  await put('/a');
  await receiver.until(has(1));
});

test('an endpoint is told the one form of all spellings, too', async () => {
  gateway = await startGateway(
    api.origin.url,
    `origin: { url: "${api.origin.url}", ignoreInPaths: [case] }\nwebhooks:\n  - ${endpointAt(receiver)}`,
  );
  await put('/Items/B');
  await receiver.until(has(1));
  expect(receiver.events[0]?.data.paths).toEqual(['/Items/B', '/items/b']);
});

describe('what an endpoint asks for', () => {
  const rules = `
rules:
  - { name: inn, on: "PUT /inns/:id", invalidate: [{ tag: "inn:{id}" }], event: inn.changed }
`;
  const rows: [string, string, string[][]][] = [
    ['paths', 'match: ["/inns/:id"]', [['/inns/42']]],
    ['tags', 'tags: ["inn:4*"]', [['/inns/42']]],
    ['either', 'match: [/b], tags: ["inn:42"]', [['/inns/42'], ['/b']]],
    ['types', 'events: [invalidate]', [['/a'], ['/b']]],
    ['types of paths', 'match: [/a, "/inns/*"], events: [inn.changed]', [['/inns/42']]],
  ];
  test.each(rows)('by %s', async (_, more, paths) => {
    await begin(more, rules);
    for (const path of ['/a', '/inns/42', '/b']) await put(path);
    await receiver.until(has(paths.length));
    await gateway.stop();
    expect(receiver.events.map(({ data }) => data.cause)).toMatchObject(paths.map(([path]) => ({ path })));
  });

  test('leaves out what subscribers are not shown either', async () => {
    await begin('', 'routes: [{ match: "/reset/:token", cache: off }]');
    for (const path of ['/reset/S3CRET', '/b']) await put(path);
    await receiver.until(has(1));
    expect(receiver.events.map(({ data }) => data.paths)).toEqual([['/b']]);
  });
});
