import { expect, test } from 'vitest';
import { until } from '../support/scripted-origin.ts';
import { begin, every, gateway, send, useScriptedRig } from '../support/scripted-rig.ts';
import { SECRET, token } from '../support/tokens.ts';
import { type WsClient, wsClient } from '../support/ws-client.ts';

/* What a client of a WebSocket may see is what its token says, whatever it asks for by messages. */

useScriptedRig();

async function started(): Promise<void> {
  every((_, response) => void response.writeHead(204).end());
  await begin(`events: { auth: { jwt: { secret: "${SECRET}" } } }`);
}
const open = async (claims: Record<string, unknown> = {}, query = ''): Promise<WsClient> =>
  await wsClient(`${gateway.url}/_unstale/ws${query}`, { authorization: `Bearer ${await token(claims)}` });
const pathsOf = ({ events }: WsClient): unknown[] => events.map((event) => event.json().paths);

test('without a token, and with a bad one, the handshake is refused', async () => {
  await started();
  const url = `${gateway.url}/_unstale/ws`;
  await expect(wsClient(url)).rejects.toThrow('401');
  await expect(wsClient(url, { authorization: 'Bearer x' })).rejects.toThrow('401');
  await expect(open({}, '?match=/users/8/**')).rejects.toThrow('403');
});

test('a client sees what its token says: at once, by messages, and of what it missed', async () => {
  await started();
  const client = await open();
  const from = client.lastEventId;
  for (const path of ['/users/8/a', '/users/7/a', '/secret']) await send('PUT', path);
  await until(() => client.events.length === 1);
  client.say({ type: 'subscribe', ref: 'theirs', match: ['/users/8/**'] });
  expect(await client.told('error')).toMatchObject({ code: 'not-allowed', ref: 'theirs' });
  const other = await open({}, '?subscribe=none');
  other.say({ type: 'subscribe', ref: 'all', lastEventId: from });
  await other.told('subscribed');
  await send('PUT', '/users/8/b');
  await send('PUT', '/users/7/b');
  await until(() => client.events.length === 2 && other.events.length === 2);
  for (const each of [client, other]) {
    expect(pathsOf(each)).toEqual([['/users/7/a'], ['/users/7/b']]);
    expect(JSON.stringify(each.messages)).not.toMatch(/secret|users\/8/);
  }
});

test('a connection ends when its token expires', async () => {
  await started();
  const brief = await open({ exp: Math.floor(Date.now() / 1000) + 2 });
  const lasting = await open();
  await until(() => brief.closed !== undefined, 'the connection to end');
  expect(brief.closed).toEqual({ code: 4401, reason: 'the token has expired' });
  await send('PUT', '/users/7/a');
  await until(() => lasting.events.length === 1);
});

test('a client is not told of its own writes, at once and by what it missed; others are', async () => {
  await started();
  const [writer, other] = [await open({}, '?client=tab-1'), await open({}, '?client=tab-2')];
  const from = writer.lastEventId;
  await send('PUT', '/users/7/a', { headers: { 'unstale-client': 'tab-1' } });
  await send('PUT', '/users/7/b');
  await until(() => writer.events.length === 1 && other.events.length === 2);
  expect(pathsOf(writer)).toEqual([['/users/7/b']]);
  const again = await open({}, '?client=tab-1&subscribe=none');
  again.say({ type: 'subscribe', ref: 'r', match: ['/users/7/*'], lastEventId: from });
  await again.told('subscribed');
  expect(pathsOf(again)).toEqual([['/users/7/b']]);
});
