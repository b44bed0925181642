import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { standstill } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { rawExchange } from '../support/raw-client.ts';
import { onRequestHead, rawOrigin } from '../support/raw-origin.ts';
import { relayTo } from '../support/relay.ts';
import { get, stream } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';
import { travelApi } from '../support/shared.ts';

/* What neither comes from the cache nor goes into it passes through as it is, both ways, however large. */

const api = await travelApi();
let travel: TestGateway;
let origin: ScriptedOrigin;
let gateway: TestGateway;
beforeAll(async () => {
  travel = await startGateway(api, 'routes: [{ match: /files/**, cache: off }]');
  origin = await scriptedOrigin();
  gateway = await startGateway(
    origin.url,
    'routes: [{ match: /passed/**, cache: off }]\ndefaults: { cache: { ttl: 60s } }',
  );
});
afterAll(async () => {
  await travel.stop();
  await gateway.stop();
  await origin.close();
});

describe('large bodies', () => {
  test('50 MB come down whole', async () => {
    const whole = await get(`${travel.url}/files/big`);
    const direct = await get(`${api}/files/big`);
    expect(whole.body.byteLength).toBe(50_000_000);
    expect(whole.body.equals(direct.body)).toBe(true);
  });

  test('a range of them is the origin’s to cut', async () => {
    const part = await get(`${travel.url}/files/big`, { headers: { range: 'bytes=10-19' } });
    expect(part.status).toBe(206);
    expect(part.headers['content-range']).toBe('bytes 10-19/50000000');
    expect(part.body.byteLength).toBe(10);
  });

  test('60 MB go up whole', async () => {
    const body = randomBytes(60_000_000);
    const answer = await get(`${travel.url}/uploads`, { method: 'POST', body });
    expect(answer.json()).toMatchObject({
      bytes: 60_000_000,
      sha256: createHash('sha256').update(body).digest('hex'),
    });
  });

  test.each(['/passed/slow', '/cached/slow'])('a slow reader of %s holds the origin back', async (path) => {
    let written = 0;
    let stalled = false;
    origin.on(`GET ${path}`, async (_request, response) => {
      response.setHeader('Content-Length', 200_000_000);
      const chunk = Buffer.alloc(1_000_000);
      // Asked for once: each wait of its own would leave its listeners behind.
      const closed = once(response, 'close');
      while (written < 200_000_000 && !response.destroyed) {
        written += chunk.length;
        if (!response.write(chunk)) {
          stalled = true;
          await Promise.race([once(response, 'drain'), closed]);
          stalled = false;
        }
      }
    });
    const reading = await stream(gateway.url + path);
    reading.pause();
    // NaN is never the same: while the origin does write, nothing stands still.
    await standstill(() => (stalled ? written : Number.NaN));
    expect(written).toBeLessThan(100_000_000);
    reading.destroy();
  });
});

describe('what belongs to a message', () => {
  test.each(['/passed/trailers'])('trailers of %s', async (path) => {
    origin.on(`GET ${path}`, (_request, response) => {
      response.writeHead(200, { Trailer: 'Checksum' });
      response.write('body');
      response.addTrailers({ Checksum: 'abc' });
      response.end();
    });
    const answer = await get(gateway.url + path);
    expect(answer.text).toBe('body');
    expect(answer.trailers).toEqual(['Checksum', 'abc']);
  });

  test.each([
    ['GET', '/passed/none'],
    ['GET', '/cached/none'],
    ['OPTIONS', '/cached/none'],
    ['PUT', '/cached/none'],
    ['DELETE', '/cached/none'],
  ])('a 103 and a 204 of %s %s have no length', async (method, path) => {
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nContent-Length: 4\r\n\r\n';
    const speaking = await rawOrigin((socket) =>
      onRequestHead(socket, () => {
        socket.write(`${early}HTTP/1.1 204 No Content\r\nX: 1\r\nContent-Length: 4\r\n\r\n`);
      }),
    );
    for (const front of [true, false]) {
      const through = await startGateway(
        speaking.url,
        `server: { listen: "127.0.0.1:0", front: ${front} }\nroutes: [{ match: /passed/**, cache: off }]`,
      );
      const { status, interim, rawHeaders } = await get(through.url + path, { method });
      expect([status, interim.length]).toEqual([204, 1]);
      const names = [...(interim[0]?.rawHeaders ?? []), ...rawHeaders].map((name) => name.toLowerCase());
      expect(names).toContain('x');
      expect(names).not.toContain('content-length');
      await through.stop();
    }
    await speaking.close();
  });

  test.each([
    ['204', 'GET', '204 No Content\r\n'],
    ['304', 'GET', '304 Not Modified\r\n'],
    ['the answer to HEAD', 'HEAD', '200 OK\r\nTransfer-Encoding: chunked\r\n'],
  ])('%s announces no trailers, and what follows is read as it is', async (_, method, head) => {
    const announcing = await rawOrigin((socket) =>
      onRequestHead(socket, (asked) => {
        const next = '200 OK\r\nContent-Length: 4\r\n\r\nnext';
        socket.write(`HTTP/1.1 ${asked.includes('/next') ? next : `${head}Trailer: Checksum\r\n\r\n`}`);
      }),
    );
    const through = await startGateway(announcing.url, 'defaults: { cache: off }');
    const asked = [`${method} /first`, 'GET /next'].map((line) => `${line} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const [first, second] = await rawExchange(through.url, asked.join(''), [method, 'GET']);
    expect(`${first?.status}`).toBe(head.slice(0, 3));
    expect(second?.body.toString()).toBe('next');
    await through.stop();
    await announcing.close();
  });

  test('a client of HTTP/1.0 gets a body without its trailers', async () => {
    const body = 'x'.repeat(300_000);
    origin.on('GET /passed/old', (_request, response) => {
      response.writeHead(200, { Trailer: 'Checksum' });
      response.write(body);
      response.addTrailers({ Checksum: 'abc' });
      response.end();
    });
    const [answer] = await rawExchange(gateway.url, 'GET /passed/old HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(answer?.status).toBe(200);
    expect(answer?.body.toString()).toBe(body);
  });

  test.each([
    ['GET', '/passed/hints'],
    ['GET', '/cached/hints'],
    ['POST', '/cached/hints'],
  ])('103 ahead of the answer: %s %s', async (method, path) => {
    origin.on(`${method} ${path}`, (_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => response.end('body'));
    });
    const answer = await get(gateway.url + path, { method });
    expect(answer.text).toBe('body');
    expect(answer.interim).toHaveLength(1);
    expect(answer.interim[0]).toMatchObject({ status: 103 });
    expect(answer.interim[0]?.rawHeaders).toContain('</style.css>; rel=preload; as=style');
  });

  test('hints that Node cannot write are left out, and the answer comes all the same', async () => {
    origin.on('GET /cached/odd-hints', (_request, response) => {
      response.socket?.write('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload, </b>; rel=preload\r\n\r\n');
      response.end('body');
    });
    expect((await get(`${gateway.url}/cached/odd-hints`)).text).toBe('body');
  });

  test.each([299, 418, 599, 799])('status %i', async (status) => {
    origin.on(`GET /passed/status-${status}`, (_request, response) => {
      response.writeHead(status).end('odd');
    });
    const answer = await get(`${gateway.url}/passed/status-${status}`);
    expect(answer.status).toBe(status);
    expect(answer.text).toBe('odd');
  });

  test('repeated lines stay apart, and what is for one connection stays behind, both ways', async () => {
    origin.on('GET /passed/lines', (_request, response) => {
      response.writeHead(200, [
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
        'Connection',
        'X-Hop',
        'X-Hop',
        'secret',
        'X-Kept',
        'yes',
      ]);
      response.end();
    });
    const answer = await get(`${gateway.url}/passed/lines`, {
      headers: ['X-Two', '1', 'X-Two', '2', 'Connection', 'X-Private', 'X-Private', 'secret', 'TE', 'trailers'],
    });
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(answer.headers['x-hop']).toBeUndefined();
    expect(answer.headers['x-kept']).toBe('yes');
    const sent = origin.requests('GET /passed/lines')[0]?.rawHeaders ?? [];
    const pairs = sent.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${sent[i + 1]}`] : []));
    expect(pairs).toEqual(
      expect.arrayContaining([
        'X-Two: 1',
        'X-Two: 2',
        expect.stringMatching(/^Via: 1\.1 unstale \([\w-]+\)$/) as string,
        'X-Forwarded-Proto: http',
      ]),
    );
    expect(pairs.some((line) => /^(x-private|te):/i.test(line))).toBe(false);
  });

  test.each([
    ['a QUERY without a Content-Type', 'QUERY', {}],
    ['a QUERY with one that is not valid', 'QUERY', { 'content-type': '/' }],
    ['an OPTIONS in JSON that is broken', 'OPTIONS', { 'content-type': 'application/json' }],
    ['a PROPFIND in XML', 'PROPFIND', { 'content-type': 'application/xml' }],
    ['a GET in a form', 'GET', { 'content-type': 'multipart/form-data' }],
  ] as const)('the body of %s, which the gateway does not look at', async (_what, method, headers) => {
    const path = '/passed/body';
    origin.on(`${method} ${path}`, (_request, response, { body }) => void response.end(body));
    const answer = await get(gateway.url + path, { method, headers, body: '{"a":' });
    expect(answer.text).toBe('{"a":');
    expect(answer.status).toBe(200);
  });

  test.each(['//twice//x', '/passed/a%5Cb', '/passed/a;b?c=//d'])(
    'the target %s, which a framework might refuse',
    async (target) => {
      origin.on(
        ({ url }) => url === target,
        (_request, response) => void response.end('here'),
      );
      expect((await get(gateway.url + target, { method: 'OPTIONS' })).text).toBe('here');
    },
  );

  test('a path that is no UTF-8 passes', async () => {
    origin.on(
      ({ url }) => url === '/passed/caf%E9',
      (_request, response) => {
        response.end('latin');
      },
    );
    expect((await get(`${gateway.url}/passed/caf%e9`)).text).toBe('latin');
  });
});

describe('forwarding fields', () => {
  const lines = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'front.example' };
  const sentOf = (path: string): Record<string, string> => {
    const raw = origin.requests(`GET ${path}`).at(-1)?.rawHeaders ?? [];
    return Object.fromEntries(
      raw.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), String(raw[i + 1])]] : [])),
    );
  };
  test('are replaced where nobody is trusted', async () => {
    origin.on('GET /passed/from', (_request, response) => void response.end());
    await get(`${gateway.url}/passed/from`, { headers: lines });
    expect(sentOf('/passed/from')).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': new URL(gateway.url).host,
    });
  });
  test('are continued where the peer is a trusted proxy', async () => {
    const behind = await startGateway(
      origin.url,
      'server: { listen: "127.0.0.1:0", trustedProxies: [127.0.0.0/8] }\nroutes: [{ match: /passed/**, cache: off }]',
    );
    await get(`${behind.url}/passed/from`, { headers: lines });
    await behind.stop();
    expect(sentOf('/passed/from')).toMatchObject({
      'x-forwarded-for': '203.0.113.9, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'front.example',
    });
  });
});

test('a gateway that an origin leads back to says so instead of going round in circles', async () => {
  let own: TestGateway | undefined;
  const relay = await relayTo(() => Number(new URL(own?.url ?? '').port));
  own = await startGateway(relay.url, 'routes: [{ match: /**, cache: off }]');
  const answer = await get(`${own.url}/round`);
  expect(answer.status).toBe(508);
  expect(answer.json()).toMatchObject({ type: 'urn:unstale:problem:loop-detected' });
  await own.stop();
  await relay.close();
});

describe('WebSockets', () => {
  test('text and binary echo both ways', async () => {
    const socket = new WebSocket(`${travel.url.replace('http', 'ws')}/live`);
    await once(socket, 'open');
    socket.send('hello');
    expect(String((await once(socket, 'message'))[0])).toBe('hello');
    socket.send(Buffer.from([1, 2, 3]));
    const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
    expect([...data, isBinary]).toEqual([1, 2, 3, true]);
    socket.close(4_001, 'done');
    expect((await once(socket, 'close'))[0]).toBe(4_001);
  });

  test('the handshake carries credentials, and the origin’s base path; stopping closes the socket', async () => {
    const { createServer } = await import('node:http');
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    const handshake = once(sockets, 'connection');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const based = await startGateway(origin.url, `origin: { url: "http://127.0.0.1:${port}/base" }`);
    const socket = new WebSocket(`${based.url.replace('http', 'ws')}/live?x=1`, {
      headers: { cookie: 'session=abc', authorization: 'Bearer token' },
    });
    await once(socket, 'open');
    const [, request] = await handshake;
    expect(request.url).toBe('/base/live?x=1');
    expect(request.headers).toMatchObject({ cookie: 'session=abc', authorization: 'Bearer token' });
    const closed = once(socket, 'close');
    await based.stop();
    await closed;
    sockets.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
