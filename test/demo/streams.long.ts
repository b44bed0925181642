import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Call } from '../../demo/api/exchange.ts';
import { BIG_FILE_BYTES, bigFileByte, fileRoutes } from '../../demo/api/files.ts';
import { startTravelApi, type TravelApi } from '../../demo/api/travel-api.ts';
import { travelSnapshot } from '../support/shared.ts';

const snapshot = await travelSnapshot();
let api: TravelApi;
const seen: string[] = [];
beforeAll(async () => {
  api = await startTravelApi({
    latencyMs: [0, 0],
    snapshot,
    onRequest: (method, target) => seen.push(`${method} ${target}`),
  });
});
afterAll(() => api.close());

async function startDownload(url: string): Promise<IncomingMessage> {
  const [response]: IncomingMessage[] = await once(httpGet(url), 'response');
  if (response === undefined) throw new Error('no response');
  return response;
}

/** How many of these bytes are those of the big file from an offset on. */
function rightBytes(bytes: Uint8Array, offset: number): number {
  // What is imported is looked up each time.
  const byteAt = bigFileByte;
  let right = 0;
  while (right < bytes.length && bytes[right] === byteAt(offset + right)) right++;
  return right;
}

describe('the big file', () => {
  const big = (headers: Record<string, string> = {}) => fetch(`${api.url}/files/big`, { headers });

  test('is streamed whole, and each byte is the one that its offset names', async () => {
    const response = await big();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe(String(BIG_FILE_BYTES));
    expect(response.headers.get('accept-ranges')).toBe('bytes');
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes.length).toBe(BIG_FILE_BYTES);
    expect(rightBytes(bytes, 0)).toBe(BIG_FILE_BYTES);
  });

  test.each([
    ['bytes=0-9', 0, 9],
    ['bytes=65515-131050', 65_515, 131_050],
    ['bytes=49999990-', 49_999_990, 49_999_999],
    ['bytes=49999990-99999999', 49_999_990, 49_999_999],
    ['bytes=-3', 49_999_997, 49_999_999],
  ])('Range: %s answers 206 with bytes %i to %i', async (range, first, last) => {
    const response = await big({ range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${first}-${last}/${BIG_FILE_BYTES}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes.length).toBe(last - first + 1);
    expect(rightBytes(bytes, first)).toBe(bytes.length);
  });

  test('a range beyond its end answers 416 with its size', async () => {
    const response = await big({ range: `bytes=${BIG_FILE_BYTES}-` });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${BIG_FILE_BYTES}`]);
    expect(await response.json()).toMatchObject({ error: 'range_not_satisfiable' });
  });

  test('If-Range can match nothing, so the whole is sent; HEAD has no ranges', async () => {
    const whole = await big({ range: 'bytes=0-9', 'if-range': '"any"' });
    expect([whole.status, whole.headers.get('content-length')]).toEqual([200, String(BIG_FILE_BYTES)]);
    await whole.body?.cancel();
    const head = await fetch(`${api.url}/files/big`, { method: 'HEAD', headers: { range: 'bytes=0-9' } });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(BIG_FILE_BYTES)]);
    expect(await head.text()).toBe('');
  });

  test('a client that leaves in the middle disturbs nobody', async () => {
    const download = await startDownload(`${api.url}/files/big`);
    await once(download, 'readable');
    download.destroy();
    expect((await fetch(`${api.url}/steps/7`)).status).toBe(200);
  });
});

describe('an upload', () => {
  test('is answered with the count and the hash of its bytes', async () => {
    const chunks = Array.from({ length: 64 }, (_, i) => Buffer.alloc(40_000, i));
    const whole = Buffer.concat(chunks);
    const response = await fetch(`${api.url}/uploads`, {
      method: 'POST',
      body: Readable.toWeb(Readable.from(chunks)) as ReadableStream,
      duplex: 'half',
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      bytes: whole.length,
      sha256: createHash('sha256').update(whole).digest('hex'),
    });
  });
});

test('an upload past its bound answers 413, and is not read further', async () => {
  const body = Readable.from([Buffer.alloc(6), Buffer.alloc(6), Buffer.alloc(6)]);
  const call: Call = { method: 'POST', path: '/uploads', query: new URLSearchParams(), headers: {}, params: {}, body };
  await expect(fileRoutes(10)['/uploads']?.POST?.(call)).rejects.toMatchObject({ status: 413 });
  expect([body.destroyed, body.readableEnded]).toEqual([false, false]);
});

describe('the WebSocket', () => {
  const connect = (path: string) => new WebSocket(`${api.url.replace('http', 'ws')}${path}`);

  test('echoes text as text and binary as binary', async () => {
    const socket = connect('/live?room=1');
    await once(socket, 'open');
    for (const message of ['Góðan daginn', Buffer.from([0, 255])]) {
      socket.send(message);
      const [echo, isBinary]: unknown[] = await once(socket, 'message');
      expect(isBinary).toBe(typeof message !== 'string');
      expect(echo).toEqual(Buffer.from(message));
    }
    socket.close();
    await once(socket, 'close');
    expect(api.requestCount('GET', '/live?room=1')).toBe(1);
  });

  test('drops a client that does not read its echoes', async () => {
    const socket = connect('/live');
    await once(socket, 'open');
    socket.pause();
    let echoes = 0;
    socket.on('message', () => {
      echoes += 1;
      if (echoes === 64) socket.close();
    });
    socket.on('error', () => socket.terminate());
    const message = Buffer.alloc(1024 * 1024);
    const sent = Array.from({ length: 64 }, () => new Promise((resolve) => socket.send(message, resolve)));
    const closed = once(socket, 'close');
    await Promise.all(sent);
    socket.resume();
    await closed;
    expect(echoes).toBeLessThan(64);
  });

  test('refuses a message past its bound', async () => {
    const socket = connect('/live');
    await once(socket, 'open');
    socket.send(Buffer.alloc(1024 * 1024 + 1));
    const [code]: unknown[] = await once(socket, 'close');
    expect(code).toBe(1009);
  });

  test('is at one path only', async () => {
    const socket = connect('/dead');
    const [error]: unknown[] = await once(socket, 'error').catch((reason: unknown) => [reason]);
    expect(String(error)).toContain('404');
  });
});

describe('requests', () => {
  test('are counted by method and path, with the query apart', async () => {
    for (const path of ['/steps/8', '/steps/8?lang=fr', '/steps/8?lang=fr', '/steps/8?lang=en']) {
      await (await fetch(api.url + path)).text();
    }
    expect(api.requestCount('GET', '/steps/8')).toBe(4);
    expect(api.requestCount('GET', '/steps/8?lang=fr')).toBe(2);
    expect(api.requestCount('HEAD', '/steps/8')).toBe(0);
    expect(seen.slice(-2)).toEqual(['GET /steps/8?lang=fr', 'GET /steps/8?lang=en']);
  });

  test('the count is there for other processes, and asking for it is no request', async () => {
    await (await fetch(`${api.url}/steps/9?lang=fr`)).text();
    const before = seen.length;
    const query = new URLSearchParams({ method: 'GET', path: '/steps/9?lang=fr' });
    const response = await fetch(`${api.url}/_requests?${query}`);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({ count: 1 });
    expect(seen.length).toBe(before);
  });
});

/** The last test: nobody asks the API afterwards. */
test('closing ends streams and sockets that are open, and nobody listens any more', async () => {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/live`);
  await once(socket, 'open');
  const download = await startDownload(`${api.url}/files/big`);
  const cut = once(download, 'error');
  const ended = once(socket, 'close');
  await Promise.all([api.close(), api.close()]);
  await ended;
  // The reader first gets what had arrived, and only then the premature end.
  download.resume();
  expect(await cut).toMatchObject([{ code: 'ECONNRESET' }]);
  await expect(fetch(api.url)).rejects.toThrow('fetch failed');
});
