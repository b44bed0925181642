import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { gaugeIs, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get } from '../support/request.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { endpointAt, type Receiver, startReceiver } from './receiver.ts';

/* GET /webhooks, and what operators do about an endpoint. */

let api: SmallApi;
let receiver: Receiver;
let gateway: TestGateway;
beforeEach(async () => {
  [api, receiver] = await Promise.all([smallApi(), startReceiver()]);
  gateway = await startGateway(api.origin.url, `webhooks:\n  - ${endpointAt(receiver)}`);
});
afterEach(async () => {
  await gateway.stop();
  await receiver.close();
  await api.origin.close();
});

interface Shown {
  state: string;
  waiting: number;
  attempts: number;
}
const put = (path: string): Promise<Answer> => get(gateway.url + path, { method: 'PUT', body: '{}' });
const post = (path: string, body: Record<string, unknown> = {}): Promise<Answer> =>
  get(`${gateway.adminUrl}/webhooks/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
const shown = async (): Promise<Shown> =>
  (await get(`${gateway.adminUrl}/webhooks`)).json<{ webhooks: [Shown] }>().webhooks[0];

test('an endpoint that answers 410 is disabled, and told to resync when it is enabled again', async () => {
  await receiver.until((all) => all.length === 1);
  receiver.answer(410);
  await put('/a');
  await until(async () => (await shown()).state === 'disabled');
  await put('/b');
  expect(await shown()).toMatchObject({ name: 'partner', state: 'disabled', waiting: 0, dead: [] });
  receiver.answer(204);
  expect((await post('partner/enable')).status).toBe(202);
  await receiver.until((all) => all.length === 3);
  expect(receiver.delivered.map(({ type, data }) => data.lastEventId ?? type)).toEqual([
    expect.stringMatching(/-0$/),
    'invalidate',
    expect.stringMatching(/-2$/),
  ]);
});

test('one that fails waits for its next attempt, and enabling it makes that at once', async () => {
  receiver.answer(500);
  await put('/a');
  await until(async () => (await shown()).state === 'failing');
  await gaugeIs(gateway, 'unstale_webhook_waiting{webhook="partner"}', 2);
  expect(await shown()).toMatchObject({
    ...{ attempts: 1, waiting: 2, reason: 'status 500' },
    nextAttemptAt: expect.any(String),
  });
  receiver.answer(204);
  await post('partner/enable');
  await until(async () => (await shown()).waiting === 0);
  expect((await shown()).state).toBe('enabled');
  const told = gateway.logs.filter(({ webhook, level }) => webhook === 'partner' && level >= 30);
  expect(told.map(({ msg }) => msg)).toEqual(['a webhook fails, and is tried again', 'a webhook has recovered']);
});

test.each([
  ['a name that there is not', 'nobody/redeliver', undefined, 404],
  ['something else to do', 'partner/explode', undefined, 404],
  ['an id that is no text', 'partner/redeliver', { id: 7 }, 400],
  ['a member that is not known', 'partner/redeliver', { ids: [] }, 400],
])('%s is refused', async (_, path, body, status) => {
  expect((await post(path, body)).status).toBe(status);
});

test('nothing that is logged, shown or measured has the URL or the secret', async () => {
  receiver.answer(500);
  await put('/a');
  await until(async () => (await shown()).state === 'failing');
  const texts = [
    JSON.stringify(gateway.logs.filter(({ webhook }) => webhook !== undefined)),
    (await get(`${gateway.adminUrl}/webhooks`)).text,
    (await get(`${gateway.adminUrl}/metrics`)).text,
  ];
  expect(texts.join('')).toContain('partner');
  for (const text of texts) expect(text).not.toMatch(/whsec_|\/hook/);
});
