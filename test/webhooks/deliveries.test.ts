import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get } from '../support/request.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { endpointAt, type Receiver, startReceiver } from './receiver.ts';

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
