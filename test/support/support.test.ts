import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gate, until } from './barrier.ts';
import { longest, longestFirst } from './longest-first.ts';
import { rawClient, rawExchange } from './raw-client.ts';
import { onRequestHead, rawOrigin } from './raw-origin.ts';
import { get, testClient } from './request.ts';
import { type ScriptedOrigin, scriptedOrigin } from './scripted-origin.ts';

async function scripted(): Promise<ScriptedOrigin> {
  const origin = await scriptedOrigin();
  onTestFinished(() => origin.close().catch(() => {}));
  return origin;
}

describe('the scripted origin', () => {
  it('answers by the latest script that matches, and records what it saw', async () => {
    const origin = await scripted();
    origin.on('GET /a', (_request, response) => void response.end('any query'));
    origin.on('GET /a?b=1', (_request, response) => void response.end('this query'));
    origin.on('POST /a', (_request, response, seen) => void response.end(seen.body));
    expect((await get(`${origin.url}/a?c=2`)).text).toBe('any query');
    expect((await get(`${origin.url}/a?b=1`)).text).toBe('this query');
    expect((await get(`${origin.url}/a`, { method: 'POST', body: { x: 1 } })).json()).toEqual({ x: 1 });
    expect((await get(`${origin.url}/other`)).status).toBe(404);
    expect(origin.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      ...['GET /a?c=2', 'GET /a?b=1', 'POST /a', 'GET /other'],
    ]);
    expect(origin.requests('GET /a')).toHaveLength(2);
  });

  it('holds requests at a gate', async () => {
    const origin = await scripted();
    const held = gate();
    let answered = 0;
    origin.on('GET /', async (_request, response) => {
      await held.pass();
      response.end();
    });
    const both = [1, 2].map(() => get(origin.url).then(() => (answered += 1)));
    await held.arrived(2);
    await origin.until((seen) => seen.length === 2);
    expect(answered).toBe(0);
    held.release();
    await Promise.all(both);
  });

  it('fails its test when a script fails', async () => {
    const origin = await scripted();
    origin.on('GET /', () => {
      throw new Error('a mistake in the script');
    });
    await expect(get(origin.url)).rejects.toThrow();
    await expect(origin.close()).rejects.toThrow('a handler of the scripted origin failed');
  });
});

describe('the clients', () => {
  it('tell apart interim answers, body and trailers, sent and read raw', async () => {
    const bytes =
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-T: 1\r\n\r\n';
    const origin = await rawOrigin((socket) => onRequestHead(socket, () => socket.write(bytes)));
    onTestFinished(() => origin.close());
    const two = await rawExchange(origin.url, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2), ['GET', 'GET']);
    for (const answer of [...two, await get(origin.url)]) {
      expect([answer.status, answer.body.toString(), answer.trailers]).toEqual([200, 'abc', ['X-T', '1']]);
      expect(answer.interim).toEqual([{ status: 103, rawHeaders: ['Link', '</a>'] }]);
    }
  });

  it('put answers together that come in pieces', async () => {
    const first = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789';
    const bytes = first + first.replace('0123456789', 'abcdefghij');
    const length = 7;
    // A piece for each octet that the client sends.
    let at = 0;
    const origin = await rawOrigin((socket) =>
      socket.on('data', () => {
        socket.write(bytes.slice(at, at + length));
        at += length;
      }),
    );
    onTestFinished(() => origin.close());
    const client = await rawClient(origin.url);
    onTestFinished(() => client.close());
    for (let i = 0; i < bytes.length; i += length) {
      client.write('x');
      await client.arrival();
    }
    expect(client.pending.toString()).toBe(bytes);
    const bodies = [await client.answer(), await client.answer()].map(({ body }) => body.toString());
    expect(bodies).toEqual(['0123456789', 'abcdefghij']);
    expect(client.pending).toHaveLength(0);
  });

  it('say what had come when the connection ends too early', async () => {
    const origin = await rawOrigin((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab'));
    onTestFinished(() => origin.close());
    const client = await rawClient(origin.url);
    onTestFinished(() => client.close());
    await client.ended();
    await expect(client.answer()).rejects.toThrow('the connection ended after');
    expect(client.pending.toString()).toContain('ab');
    await expect(get(origin.url)).rejects.toThrow();
  });

  it('stream a body chunked, and reuse a connection where asked to', async () => {
    const origin = await scripted();
    origin.on('PUT /', (_request, response, seen) => void response.end(seen.body));
    const client = testClient({ connections: 1 });
    onTestFinished(() => client.close());
    for (const text of ['one', 'two']) {
      const answer = await client.get(origin.url, { method: 'PUT', body: Readable.from([Buffer.from(text)]) });
      expect(answer.text).toBe(text);
    }
    expect(origin.seen[0]?.rawHeaders).toContain('chunked');
    expect(await origin.connections()).toBe(1);
  });

  it('waiting for a condition passes on what asking for it throws', async () => {
    await expect(
      until(() => {
        throw new Error('asked');
      }),
    ).rejects.toThrow('asked');
  });
});

describe('the order of the files', () => {
  it('names files that exist', () => {
    expect(longest.filter((file) => !existsSync(file))).toEqual([]);
  });

  it('has the longest of a project first, and leaves projects and other files in their order', () => {
    const [one, two] = [{}, {}];
    const [first = '', second = ''] = longest;
    const files = [
      ...['test/b.test.ts', second, 'test/a.test.ts', first].map((path) => ({
        moduleId: `/repo/${path}`,
        project: two,
      })),
      ...['test/d.test.ts', 'test/c.test.ts', second].map((path) => ({ moduleId: `/repo/${path}`, project: one })),
    ];
    expect(longestFirst(files).map(({ moduleId }) => moduleId.slice('/repo/'.length))).toEqual([
      ...[first, second, 'test/b.test.ts', 'test/a.test.ts'],
      ...[second, 'test/d.test.ts', 'test/c.test.ts'],
    ]);
  });
});
