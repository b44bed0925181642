import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { endpointAt, type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { run } from './run.ts';

const token = '0123456789abcdef';
let api: SmallApi;
let receiver: Receiver;
let gateway: TestGateway;
beforeAll(async () => {
  [api, receiver] = await Promise.all([smallApi(), startReceiver()]);
  gateway = await startGateway(
    api.origin.url,
    `admin: { listen: "127.0.0.1:0", token: ${token} }\nwebhooks:\n  - ${endpointAt(receiver)}`,
  );
  await receiver.until(({ length }) => length > 0);
});
afterAll(async () => {
  await gateway.stop();
  await receiver.close();
  await api.origin.close();
});
beforeEach(() => receiver.answer(204));

const cli = (...argv: string[]) =>
  run(['webhooks', ...argv], { env: { UNSTALE_ADMIN_URL: gateway.adminUrl, UNSTALE_ADMIN_TOKEN: token } });
const says = async (text: string | RegExp): Promise<void> => {
  const look = async (): Promise<boolean> => {
    const { stdout } = await cli();
    return typeof text === 'string' ? stdout.includes(text) : text.test(stdout);
  };
  await until(look, `${text}`);
};

test('shows how an endpoint stands, for people and as JSON', async () => {
  await says('enabled, 0 messages wait');
  const { code, stdout } = await cli('status', '--json');
  expect([code, JSON.parse(stdout)]).toEqual([0, { webhooks: [expect.objectContaining({ state: 'enabled' })] }]);
});

test('enables one that has answered 410, and makes the next attempt of one that fails', async () => {
  const name = /^(\S+):/.exec((await cli()).stdout)?.[1] ?? '';
  receiver.answer(410);
  await get(`${gateway.url}/items/1`, { method: 'PUT', body: '{}' });
  await says(': disabled, 0 messages wait');
  receiver.answer(503);
  expect((await cli('enable', name)).code).toBe(0);
  await says(/failing, 1 message waits\n {2}status 503, after 1 attempt\n {2}next attempt: 2/);
  receiver.answer(204);
  expect((await cli('enable', name)).stdout).toBe(`${name}: the node that delivers to it is told\n`);
  await says('enabled, 0 messages wait');
});

test('says what it does not know', async () => {
  const name = /^(\S+):/.exec((await cli()).stdout)?.[1] ?? '';
  expect(await cli('enable', 'other')).toMatchObject({
    code: 2,
    stderr: `unstale: no webhook is called "other": there is ${name}\n`,
  });
  expect(await cli('redeliver', name, 'e-1')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no dead letter "e-1"'),
  });
  expect((await cli('redeliver', name)).code).toBe(0);
});
