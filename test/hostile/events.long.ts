import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin, until } from '../support/scripted-origin.ts';
import { type SseClient, sseClient } from '../support/sse-client.ts';
import { handshakeFields } from '../support/web-socket-handshake.ts';

/**
 * Clients of the event stream that mean harm. During each attack, a well-behaved subscriber gets its events; what the
 * attacker holds is given back.
 */

const EVENTS = '/_unstale/events';
const subscription = `GET ${EVENTS} HTTP/1.1\r\nHost: h.test\r\n\r\n`;

let origin: ScriptedOrigin;
let gateway: TestGateway;
beforeEach(async () => {
  origin = await scriptedOrigin();
  origin.on(
    () => true,
    (_request, response) => void response.end('{}'),
  );
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});

async function begin(yaml = ''): Promise<void> {
  gateway = await startGateway(origin.url, yaml);
}

async function figure(name: string): Promise<number> {
  const { text } = await get(`${gateway.adminUrl}/metrics`);
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
}

async function subscribersBecome(count: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  let found = -1;
  while (found !== count && performance.now() < deadline) found = await figure('unstale_subscribers');
  expect(found).toBe(count);
}

/** A write, and that the subscriber hears of it. */
async function heard(subscriber: SseClient, path: string): Promise<void> {
  const { length } = subscriber.events;
  await get(`${gateway.url}${path}`, { method: 'POST', body: 'x' });
  await until(() => subscriber.events.length > length, `the event of ${path}`);
  expect(subscriber.events.at(-1)?.json()).toMatchObject({ paths: [path] });
}

describe('streams of one connection', () => {
  test('what is pipelined behind a stream cuts the connection, and nothing of it is carried out', async () => {
    await begin();
    const good = await sseClient(gateway.url + EVENTS);
    for (let i = 0; i < 9; i++) {
      const attacker = await rawClient(gateway.url);
      attacker.write(`${subscription.repeat(1_300)}DELETE /behind HTTP/1.1\r\nHost: h.test\r\n\r\n`);
      await attacker.ended();
      await attacker.close();
    }
    await subscribersBecome(1);
    expect(origin.requests('DELETE /behind')).toEqual([]);
    await heard(good, '/pub/x');
    good.close();
    await subscribersBecome(0);
  });

  test('what comes behind a stream later cuts it too', async () => {
    await begin();
    const attacker = await rawClient(gateway.url);
    attacker.write(subscription);
    await until(() => attacker.pending.includes('\n\n'), 'the stream to open');
    await subscribersBecome(1);
    attacker.write('POST /behind HTTP/1.1\r\nHost: h.test\r\nContent-Length: 0\r\n\r\n');
    await attacker.ended();
    await subscribersBecome(0);
    expect(origin.requests('POST /behind')).toEqual([]);
    await attacker.close();
  });

  test('so does a request of which a part came with the stream, when the rest of it comes', async () => {
    await begin();
    const attacker = await rawClient(gateway.url);
    attacker.write(`${subscription}DELETE /behind HTTP/1.1\r\n`);
    await until(() => attacker.pending.includes('\n\n'), 'the stream to open');
    await subscribersBecome(1);
    attacker.write('Host: h.test\r\n\r\n');
    await attacker.ended();
    await subscribersBecome(0);
    expect(origin.requests('DELETE /behind')).toEqual([]);
    await attacker.close();
  });

  test.each([
    ['a read', 'GET /behind HTTP/1.1\r\nHost: h.test\r\n\r\n'],
    ['a write', 'POST /behind HTTP/1.1\r\nHost: h.test\r\nContent-Length: 0\r\n\r\n'],
    ['what is no request', 'behind\r\n\r\n'],
  ])('so does %s in one piece with the subscription: no stream opens', async (_what, behind) => {
    await begin();
    const attacker = await rawClient(gateway.url);
    attacker.write(subscription + behind);
    await attacker.ended();
    expect(attacker.pending.toString()).not.toContain('text/event-stream');
    await subscribersBecome(0);
    // A read may have begun beside it.
    expect(origin.seen.map(({ method }) => method)).not.toContain('POST');
    await attacker.close();
  });

  test('a subscription behind a request that is not answered yet begins when it is', async () => {
    await begin();
    let answer = (): void => {};
    origin.on('GET /slow', (_request, response) => {
      answer = () => void response.end('slow');
    });
    const client = await rawClient(gateway.url);
    client.write(`GET /slow HTTP/1.1\r\nHost: h.test\r\n\r\n${subscription}`);
    await origin.until((seen) => seen.length === 1);
    expect(await figure('unstale_subscribers')).toBe(0);
    answer();
    expect((await client.answer()).status).toBe(200);
    await until(() => client.pending.includes('text/event-stream'), 'the stream to open');
    expect(await figure('unstale_subscribers')).toBe(1);
    await client.close();
    await subscribersBecome(0);
  });

  test('one that waits behind a request, and leaves, was never a subscriber', async () => {
    await begin();
    origin.on('GET /slow', () => {});
    const client = await rawClient(gateway.url);
    client.write(`GET /slow HTTP/1.1\r\nHost: h.test\r\n\r\n${subscription.repeat(3)}`);
    await origin.until((seen) => seen.length === 1);
    await client.close();
    const good = await sseClient(gateway.url + EVENTS);
    await subscribersBecome(1);
    await heard(good, '/pub/x');
    good.close();
  });
});

describe('streams of one address', () => {
  const limits = (streams: number, maxSubscribers: number, trusted = '[]'): string =>
    `server: { listen: "127.0.0.1:0", trustedProxies: ${trusted}, limits: { perAddress: { streams: ${streams} } } }
events: { maxSubscribers: ${maxSubscribers} }`;
  const opened: RawClient[] = [];
  afterEach(async () => {
    for (const client of opened.splice(0)) await client.close();
  });
  /** The status that a subscription is answered with; it is left open. */
  async function subscribe(headers = '', path = EVENTS): Promise<number> {
    const client = await rawClient(gateway.url);
    opened.push(client);
    client.write(`GET ${path} HTTP/1.1\r\nHost: h.test\r\n${headers}\r\n`);
    await until(() => client.pending.includes('\r\n\r\n'), 'an answer');
    return Number(client.pending.toString('latin1').split(' ')[1]);
  }
  const from = (address: string): string => `X-Forwarded-For: ${address}\r\n`;

  const handshake = `${handshakeFields.join('\r\n')}\r\n`;
  test.each([
    ['event streams', 200, (): Promise<number> => subscribe()],
    ['WebSockets', 101, (): Promise<number> => subscribe(handshake, '/_unstale/ws')],
  ])('are bounded, and what is closed makes room again: %s', async (_, granted, open) => {
    await begin(limits(3, 100));
    expect([await open(), await open(), await open(), await open()]).toEqual([granted, granted, granted, 429]);
    expect(opened.at(-1)?.pending.toString()).toContain('urn:unstale:problem:too-many-streams');
    await opened[0]?.close();
    await subscribersBecome(2);
    expect([await open(), await open()]).toEqual([granted, 429]);
  });

  test('never take more than half of the room for subscribers', async () => {
    await begin(limits(1_000, 6, '[127.0.0.1]'));
    const first = [];
    for (let i = 0; i < 6; i++) first.push(await subscribe(from('192.0.2.1')));
    expect(first).toEqual([200, 200, 200, 429, 429, 429]);
    expect(await subscribe(from('192.0.2.2'))).toBe(200);
  });

  test('a refused subscription is not counted', async () => {
    await begin(limits(1, 100));
    for (let i = 0; i < 3; i++) expect((await get(`${gateway.url}${EVENTS}?match=x`)).status).toBe(400);
    expect(await subscribe()).toBe(200);
  });

  test('nor is one for which there is no room, on a connection that stays open', async () => {
    await begin(limits(1, 2, '[127.0.0.1]'));
    for (const address of ['192.0.2.1', '192.0.2.2']) expect(await subscribe(from(address))).toBe(200);
    expect(await subscribe(from('192.0.2.3'))).toBe(503);
    await opened[0]?.close();
    await subscribersBecome(1);
    expect(await subscribe(from('192.0.2.3'))).toBe(200);
  });

  test('a connection on which each is refused holds no more after the last than after the first', async () => {
    await begin(limits(1, 2, '[127.0.0.1]'));
    for (const address of ['192.0.2.1', '192.0.2.2']) expect(await subscribe(from(address))).toBe(200);
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const client = await rawClient(gateway.url);
    for (const [address, status] of [
      ['192.0.2.1', 429],
      ['192.0.2.3', 503],
    ] as const) {
      for (let i = 0; i < 15; i++) {
        client.write(`GET ${EVENTS} HTTP/1.1\r\nHost: h.test\r\n${from(address)}\r\n`);
        expect((await client.answer()).status).toBe(status);
      }
    }
    await client.close();
    process.off('warning', warned);
    expect(warnings).toEqual([]);
  });

  test.each([
    ['a trusted proxy forwards the address', '[127.0.0.1]', ['192.0.2.1', '192.0.2.2'], [200, 200]],
    [
      'what is in front of what it wrote counts nothing',
      '[127.0.0.1]',
      ['1.1.1.1, 192.0.2.1', '2.2.2.2, 192.0.2.1'],
      [200, 429],
    ],
    ['nobody else is believed', '[]', ['192.0.2.1', '192.0.2.2'], [200, 429]],
    ['one network of IPv6 is one client', '[127.0.0.1]', ['2001:db8::1', '2001:db8:0:0:ffff::2'], [200, 429]],
    ['another network of IPv6 is another', '[127.0.0.1]', ['2001:db8::1', '2001:db8:0:1::1'], [200, 200]],
    ['IPv4 written as IPv6 is the same', '[127.0.0.1]', ['192.0.2.1', '::ffff:192.0.2.1'], [200, 429]],
  ])('%s', async (_what, trusted, [one = '', other = ''], statuses) => {
    await begin(limits(1, 100, trusted));
    expect([await subscribe(from(one)), await subscribe(from(other))]).toEqual(statuses);
  });
});

test('paths that are not cached are announced to no one, unless a rule declares an event', async () => {
  await begin(`routes:
  - { match: /reset/**, cache: off }
  - { match: /notifications/**, cache: off }
rules:
  - { name: notified, on: POST /notifications/:user, event: notified, invalidate: ["/notifications/{user}"] }
  - { name: reset, on: POST /reset/:token, invalidate: [/users] }`);
  const stranger = await sseClient(gateway.url + EVENTS);
  for (const path of ['/reset/S3CRET', '/reset/S3CRET/deep', '/notifications/7', '/pub/x'])
    await get(`${gateway.url}${path}`, { method: 'POST', body: 'x', headers: { cookie: 's=alice' } });
  await until(() => stranger.events.length === 3, 'the events');
  expect(stranger.events.map(({ json }) => json())).toMatchObject([
    { paths: ['/users'], cause: { path: '/reset/**' } },
    { paths: ['/notifications/7'], cause: { path: '/notifications/7' } },
    { paths: ['/pub/x'] },
  ]);
  expect(JSON.stringify(stranger.events.map(({ data }) => data))).not.toContain('S3CRET');
  stranger.close();
});

describe('what others wait for', () => {
  const batch = `rules:
  - name: batch
    on: POST /batch
    invalidate: ["/x/{request.ids[*]}", { tag: "t:{request.ids[*]}" }]`;

  test('a write that names a thousand ids is one small event and one short line of the log', async () => {
    await begin(`events: { historySize: 1MiB }\n${batch}`);
    const good = await sseClient(`${gateway.url}${EVENTS}?match=/x/5&tag=t:5`);
    for (let i = 0; i < 5; i++) {
      const ids = Array.from({ length: 990 }, (_, k) => `${i}-${k}-`.padEnd(1_000, 'z'));
      await get(`${gateway.url}/batch`, { method: 'POST', body: { ids } });
    }
    await until(() => good.events.length === 5, 'the events');
    for (const { data, json } of good.events) {
      expect(data.length).toBeLessThan(1_000);
      expect(json()).toMatchObject({ paths: ['/x/*', '/batch'], tags: ['t:*'] });
    }
    const lines = gateway.logs.filter(({ msg }) => msg === 'write');
    expect(lines.map(({ of }) => of)).toEqual(Array.from({ length: 5 }, () => 1_981));
    for (const line of lines) expect(JSON.stringify(line).length).toBeLessThan(50_000);
    for (const line of gateway.logs) expect(JSON.stringify(line).length).toBeLessThan(500_000);
    expect(await figure('unstale_event_history_bytes')).toBeLessThan(1024 * 1024);
    good.close();
  });

  test('resumes of the whole history that are never read hold no one else back', async () => {
    await begin();
    const path = `/pub/${'p'.repeat(4_000)}`;
    const good = await sseClient(gateway.url + EVENTS);
    const epoch = good.lastEventId?.replace(/-\d+$/, '');
    const writer = await rawClient(gateway.url);
    const statuses = new Set<number>();
    for (let i = 0; i < 3; i++) {
      writer.write(`POST ${path} HTTP/1.1\r\nHost: h.test\r\nContent-Length: 0\r\n\r\n`.repeat(100));
      for (let k = 0; k < 100; k++) statuses.add((await writer.answer()).status);
    }
    expect([...statuses]).toEqual([200]);
    await writer.close();
    const resumes: RawClient[] = [];
    for (let i = 0; i < 40; i++) {
      const resume = await rawClient(gateway.url, { reads: false });
      resume.write(`GET ${EVENTS}?lastEventId=${epoch}-0 HTTP/1.1\r\nHost: h.test\r\n\r\n`);
      resumes.push(resume);
    }
    await subscribersBecome(41);
    await heard(good, '/pub/x');
    expect((await get(`${gateway.url}/pub/y`)).status).toBe(200);
    const reader = await sseClient(`${gateway.url}${EVENTS}?lastEventId=${epoch}-0`);
    await until(() => reader.events.length === 301, 'everything that was missed');
    expect(await figure('unstale_event_history_bytes')).toBeLessThan(16 * 1024 * 1024);
    for (const each of [...resumes, reader, good]) await each.close();
    await subscribersBecome(0);
  });

  test('patterns that an event does not match cost it nothing, and go with their subscriber', async () => {
    await begin();
    const good = await sseClient(`${gateway.url}${EVENTS}?match=/pub/**`);
    const matching = (i: number): string =>
      Array.from({ length: 5 }, (_, k) => `match=${'/*'.repeat(25 + k)}/${i}-${k}`).join('&');
    const attackers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => sseClient(`${gateway.url}${EVENTS}?${matching(i)}`)),
    );
    await heard(good, `/pub${'/a'.repeat(1_500)}`);
    expect(attackers.flatMap(({ events }) => events)).toEqual([]);
    for (const attacker of attackers) attacker.close();
    await subscribersBecome(1);
    await heard(good, '/pub/x');
    good.close();
  });

  test('patterns of too many segments are refused', async () => {
    await begin();
    const { status, text } = await get(
      `${gateway.url}${EVENTS}?match=${'/*'.repeat(30)}/x&match=${'/*'.repeat(255)}/y`,
    );
    expect(status).toBe(400);
    expect(text).toContain('256 segments');
  });
});
