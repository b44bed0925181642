import { describe, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import { answerForAMinute, begin, every, gateway, send, useScriptedRig } from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';
import { type WsClient, wsClient } from '../support/ws-client.ts';

/* What clients and the gateway say to each other over a WebSocket, in addition to test/events/parity.test.ts. */

const NOTHING = '?subscribe=none';

useScriptedRig();

async function start(yaml = ''): Promise<void> {
  every(answerForAMinute);
  await begin(yaml);
}
const open = (query = NOTHING): Promise<WsClient> => wsClient(`${gateway.url}/_unstale/ws${query}`);

async function write(...paths: string[]): Promise<void> {
  for (const path of paths) expect((await send('PUT', path, { body: 'x' })).status).toBe(200);
}
const pathsOf = ({ events }: WsClient): string[] =>
  events.map((event) => (event.json().paths as string[])[0] as string);

/** Resolves when everything that the gateway had to say has come. */
async function settled(client: WsClient): Promise<void> {
  const before = client.messages.filter(({ type }) => type === 'pong').length;
  client.say({ type: 'ping' });
  await until(() => client.messages.filter(({ type }) => type === 'pong').length > before, 'a pong');
}

async function subscribe(client: WsClient, ref: string, asked: object = {}): Promise<void> {
  const earlier = client.messages.length;
  client.say({ type: 'subscribe', ref, ...asked });
  await until(
    () => client.messages.slice(earlier).some(({ type }) => type === 'subscribed'),
    `${ref} to be subscribed`,
  );
}

describe('subscriptions', () => {
  test('are added and taken away; a client gets what any of them selects, once', async () => {
    await start();
    const client = await open();
    await write('/a');
    await subscribe(client, 'one', { match: ['/b/:id'] });
    await subscribe(client, 'two', { match: ['/b/1', '/c'] });
    await write('/a', '/b/1', '/b/2', '/c');
    client.say({ type: 'unsubscribe', ref: 'one' });
    await client.told('unsubscribed', ({ ref }) => ref === 'one');
    await write('/b/1', '/b/2');
    client.say({ type: 'unsubscribe', ref: 'two' });
    await client.told('unsubscribed', ({ ref }) => ref === 'two');
    await write('/b/1');
    await settled(client);
    expect(pathsOf(client)).toEqual(['/b/1', '/b/2', '/c', '/b/1']);
  });

  test('the one of the URL has the name "url", and one with a name that is taken replaces it', async () => {
    await start();
    const client = await open('?match=/a');
    await subscribe(client, 'url', { match: ['/b'] });
    await write('/a', '/b');
    client.say({ type: 'unsubscribe', ref: 'url' });
    await client.told('unsubscribed');
    await write('/a', '/b');
    await settled(client);
    expect(pathsOf(client)).toEqual(['/b']);
  });

  test('one without a filter selects everything, and gives way to the others when it is taken away', async () => {
    await start();
    const client = await open('?match=/a');
    await subscribe(client, 'all');
    await write('/b');
    client.say({ type: 'unsubscribe', ref: 'all' });
    await client.told('unsubscribed');
    await write('/b', '/a');
    await settled(client);
    expect(pathsOf(client)).toEqual(['/b', '/a']);
  });

  test('one that resumes gets what it missed before "subscribed", and nothing that came already', async () => {
    await start();
    await write('/b/0');
    const first = await open('?match=/none');
    const from = first.lastEventId;
    await write('/b/1', '/a');
    const client = await open('?match=/a');
    await write('/b/2', '/a', '/c');
    await until(() => client.events.length === 1);
    client.say({ type: 'subscribe', ref: 'more', match: ['/b/:id', '/a'], lastEventId: from });
    await client.told('subscribed');
    const order = client.messages.map(
      ({ type, data }) => (data as { paths?: string[] } | undefined)?.paths?.[0] ?? type,
    );
    // The last '/a' came at once. The first one is from before this connection.
    expect(order).toEqual(['ready', '/a', '/b/1', '/a', '/b/2', 'subscribed']);
    await write('/b/3');
    await until(() => pathsOf(client).at(-1) === '/b/3');
    expect(client.messages.filter(({ type }) => type === 'subscribed')).toHaveLength(1);
  });

  test('what was confirmed can be resumed from: all filters, from the id that came last', async () => {
    await start();
    const client = await open('?match=/a');
    await write('/a');
    await until(() => client.events.length === 1);
    client.say({ type: 'subscribe', ref: 'b', match: ['/b'] });
    const { id } = await client.told('subscribed');
    client.close();
    await write('/b', '/c', '/a');
    const again = await open(`?match=/a&match=/b&lastEventId=${String(id)}`);
    await settled(again);
    expect(pathsOf(again)).toEqual(['/b', '/a']);
  });

  test('one that resumes from what is not held is told to resync, and the others are not', async () => {
    await start();
    const client = await open('?match=/a');
    await write('/b');
    await subscribe(client, 'b', { match: ['/b'], lastEventId: 'other-1' });
    const { id, ref, data } = await client.told('resync');
    expect({ ref, data }).toEqual({ ref: 'b', data: {} });
    expect(id).toBe(client.lastEventId);
    await write('/b');
    await settled(client);
    expect(pathsOf(client)).toEqual(['/b']);
  });
});

describe('messages that cannot be understood', () => {
  const long = 'a'.repeat(1_025);
  test.each([
    ['no JSON', '{', 'not JSON', undefined],
    ['no object', '[]', 'no JSON object', undefined],
    ['null', 'null', 'no JSON object', undefined],
    ['no type', '{}', '"type" is none of subscribe, unsubscribe, ping', undefined],
    ['an unknown type', '{"type":"toString","ref":"r"}', '"type" is none of', 'r'],
    ['an unknown member', '{"type":"subscribe","ref":"r","tag":["a"]}', 'has no member "tag", only type, ref', 'r'],
    ['no ref', '{"type":"subscribe"}', '"ref" is no text', undefined],
    ['an empty ref', '{"type":"subscribe","ref":""}', '"ref" is no text', undefined],
    ['a long ref', `{"type":"unsubscribe","ref":"${long}"}`, '"ref" is no text of 1 to 64', undefined],
    ['a filter that is no list', '{"type":"subscribe","ref":"r","match":"/a"}', '"match" is no list of texts', 'r'],
    ['a list of something else', '{"type":"subscribe","ref":"r","tags":[1]}', '"tags" is no list of texts', 'r'],
    ['a bad pattern', '{"type":"subscribe","ref":"r","match":["a"]}', 'must start with a slash', 'r'],
    ['a long filter', `{"type":"subscribe","ref":"r","match":["/${long}"]}`, 'more than 1024 characters', 'r'],
    ['a wrong id', '{"type":"subscribe","ref":"r","lastEventId":5}', '"lastEventId" is no id', 'r'],
    ['an unknown subscription', '{"type":"unsubscribe","ref":"r"}', 'no subscription with this ref', 'r'],
  ])('%s: an error says what is wrong, and everything goes on', async (_what, message, detail, ref) => {
    await start();
    const client = await open('?match=/a');
    client.say(message);
    const error = await client.told('error');
    expect(error).toMatchObject({ code: 'bad-request', detail: expect.stringContaining(detail) });
    expect(error.ref).toBe(ref);
    await write('/a');
    await until(() => client.events.length === 1);
    client.close();
  });

  test('too many subscriptions, or filters of all together', async () => {
    await start();
    const client = await open();
    const match = (ref: string): string[] => Array.from({ length: 16 }, (_, i) => `/${ref}/${i}`);
    for (const ref of ['a', 'b', 'c', 'd']) await subscribe(client, ref, { match: match(ref) });
    client.say({ type: 'subscribe', ref: 'e', match: ['/e'] });
    expect((await client.told('error')).detail).toContain(
      'with the other subscriptions of this connection: more than 64',
    );
    // In the place of another one there is room.
    await subscribe(client, 'd', { match: match('other') });
    await write('/d/1', '/other/1');
    await settled(client);
    expect(pathsOf(client)).toEqual(['/other/1']);
    client.close();
    const many = await open();
    for (let i = 0; i < 64; i++) await subscribe(many, `r${i}`);
    many.say({ type: 'subscribe', ref: 'one more' });
    expect((await many.told('error')).detail).toContain('more than 64 subscriptions');
  });
});

describe('ends', () => {
  const closed = async (client: WsClient): Promise<WsClient['closed']> => {
    await until(() => client.closed !== undefined, 'the connection to be closed');
    return client.closed;
  };

  test.each([
    ['a binary message', 1003, (client: WsClient) => client.socket.send(Buffer.from('{}'))],
    [
      'a text that is not UTF-8',
      1007,
      (client: WsClient) => client.socket.send(Buffer.from([0xff]), { binary: false }),
    ],
    ['a large message', 1009, (client: WsClient) => client.say('x'.repeat(17 * 1024))],
    ['many fragments', 1008, (client: WsClient) => fragments(client, 100)],
    ['many messages', 1008, (client: WsClient) => many(() => client.say({ type: 'ping' }))],
    ['many pings', 1008, (client: WsClient) => many(() => client.socket.ping('x'))],
  ])('%s ends the connection with a code, and no other one', async (_what, code, attack) => {
    await start();
    const [client, other, stream] = [await open(), await open(''), await sseClient(`${gateway.url}/_unstale/events`)];
    attack(client);
    expect((await closed(client))?.code).toBe(code);
    await write('/a');
    await until(() => other.events.length === 1 && stream.events.length === 1);
    await until(async () => (await get(`${gateway.adminUrl}/metrics`)).text.includes('unstale_subscribers 2\n'));
  });
  const many = (say: () => void): void => {
    for (let i = 0; i < 200; i++) say();
  };
  function fragments({ socket }: WsClient, count: number): void {
    for (let i = 0; i < count; i++) socket.send(' ', { fin: i === count - 1 });
  }

  test('a ping is answered, by a frame and by a message', async () => {
    await start();
    const client = await open();
    let answered = '';
    client.socket.on('pong', (data) => {
      answered = String(data);
    });
    client.socket.ping('hello');
    await until(() => answered === 'hello');
    await settled(client);
  });

  test('a client that answers heartbeats stays, one that does not is dropped', async () => {
    await start('events: { heartbeat: 20ms }');
    const good = await open('');
    const dead = await wsClient(`${gateway.url}/_unstale/ws`, {}, { autoPong: false });
    let pings = 0;
    good.socket.on('ping', () => {
      pings += 1;
    });
    expect((await closed(dead))?.code).toBe(1006);
    const seen = pings;
    await until(() => pings > seen + 5);
    expect(good.closed).toBeUndefined();
  });

  test('a stopping gateway says so, and tells each client another time at which to come back', async () => {
    await start();
    const clients = await Promise.all(Array.from({ length: 20 }, () => open()));
    await gateway.stop();
    const told = new Set<number>();
    for (const client of clients) {
      const end = await closed(client);
      expect(end?.code).toBe(1012);
      told.add(Number(/reconnect after (\d+) ms$/.exec(end?.reason ?? '')?.[1]));
    }
    expect(told.size).toBeGreaterThan(10);
    for (const ms of told) expect(ms).toBeGreaterThanOrEqual(1_000);
    await begin();
  });
});
