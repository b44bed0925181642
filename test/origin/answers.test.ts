import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { FieldLines } from '../../src/http/fields.ts';
import { standstill } from '../support/barrier.ts';
import { answering, clientOf, get, raw, scripted, textOf } from './origin-under-test.ts';

const ok = 'HTTP/1.1 200 OK\r\n';

describe('an answer', () => {
  it('keeps its fields as they stood: order, case, repetitions, bytes above ASCII', async () => {
    const origin = await answering((s) =>
      s.write(
        Buffer.from(
          `${ok}X-B: 1\r\nset-Cookie: a\r\nX-A: caf\xe9\r\nSet-Cookie:  b \r\nCONTENT-LENGTH: 2\r\n\r\nab`,
          'latin1',
        ),
      ),
    );
    const { status, headers, body } = await clientOf(origin.url).fetch(get());
    expect(status).toBe(200);
    expect(headers.lines).toEqual([
      ...['X-B', '1', 'set-Cookie', 'a', 'X-A', 'caf\xe9', 'Set-Cookie', 'b', 'CONTENT-LENGTH', '2'],
    ]);
    expect(await textOf(body)).toBe('ab');
  });

  it.each([
    ['a length', `${ok}Content-Length: 4\r\n\r\nabcd`, 'abcd'],
    ['chunks, with an extension', `${ok}Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n2\r\ncd\r\n0\r\n\r\n`, 'abcd'],
    ['a coding that does not exist, to the close', `${ok}Transfer-Encoding: nonesuch\r\n\r\nab`, 'ab'],
    ['chunks, whatever the case of their name', `${ok}Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`, 'ab'],
    ['the close', `${ok}\r\nabcd`, 'abcd'],
    ['the close, in HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nabcd', 'abcd'],
    ['no reason phrase', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab', 'ab'],
  ])('has a body delimited by %s', async (_name, bytes, expected) => {
    const origin = await answering((s) => s.end(bytes));
    const { body } = await clientOf(origin.url).fetch(get());
    expect(await textOf(body)).toBe(expected);
  });

  it.each([
    ['a 304 that names a length', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 5\r\n\r\n', 304],
    ['a 304 that names chunks', 'GET', 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', 304],
    ['a plain 304', 'GET', 'HTTP/1.1 304 Not Modified\r\n\r\n', 304],
    ['a 204 that names a length', 'GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', 204],
    ['an answer to HEAD with a length', 'HEAD', `${ok}Content-Length: 5\r\n\r\n`, 200],
    ['an answer to HEAD with chunks', 'HEAD', `${ok}Transfer-Encoding: chunked\r\n\r\n`, 200],
    ['an answer to HEAD that wrongly has a body', 'HEAD', `${ok}Content-Length: 5\r\n\r\nabcde`, 200],
  ])('has no body: %s', async (_name, method, bytes, status) => {
    const origin = await answering((s) => s.write(bytes));
    const client = clientOf(origin.url, { connections: 1 });
    // Twice: what was wrong with the first must not spill into the second.
    for (const _ of [1, 2]) {
      const answer = await client.fetch(get('/', { method }));
      expect(answer.status).toBe(status);
      expect(await textOf(answer.body)).toBe('');
      expect(answer.body.stream().errored).toBeNull();
      // RFC 9110 §8.6: a 204 has none.
      const length = bytes.includes('Content-Length') && status !== 204 ? '5' : undefined;
      expect(answer.headers.get('content-length')).toBe(length);
    }
  });

  it('gives its trailers once the body has ended', async () => {
    const origin = await answering((s) =>
      s.write(`${ok}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 7\r\nx-Sum: 8\r\n\r\n`),
    );
    const { body, trailers } = await clientOf(origin.url).fetch(get());
    expect(await textOf(body)).toBe('ab');
    expect(trailers()).toEqual(['X-Sum', '7', 'x-Sum', '8']);
  });

  it('is preceded by its interim answers', async () => {
    const origin = await answering((s) =>
      s.write(
        `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nlink: </b.css>\r\n\r\n${ok}Content-Length: 2\r\n\r\nab`,
      ),
    );
    const interim: [number, FieldLines][] = [];
    const answer = await clientOf(origin.url).fetch(get('/', { onInterim: (...args) => interim.push(args) }));
    expect(interim).toEqual([
      [102, []],
      [103, ['Link', '</a.css>', 'link', '</b.css>']],
    ]);
    expect([answer.status, await textOf(answer.body)]).toEqual([200, 'ab']);
  });

  it('shows its interim answers before the final one has come', async () => {
    const origin = await answering((s, { head }) => {
      if (head.startsWith('GET /hinted')) s.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n');
    });
    const controller = new AbortController();
    const hinted = new Promise((resolve) => {
      const request = get('/hinted', { onInterim: resolve, signal: controller.signal });
      clientOf(origin.url)
        .fetch(request)
        .catch(() => {});
    });
    expect(await hinted).toBe(103);
    controller.abort();
  });

  it('may have a status that nobody has heard of', async () => {
    const origin = await answering((s) => s.write('HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\nab'));
    const answer = await clientOf(origin.url).fetch(get());
    expect([answer.status, await textOf(answer.body)]).toEqual([799, 'ab']);
  });

  it.each([
    ['longer than its length', `${ok}Content-Length: 2\r\n\r\nabcdef`],
    [
      'followed by another that was not asked for',
      `${ok}Content-Length: 2\r\n\r\nab${ok}Content-Length: 6\r\n\r\npoison`,
    ],
  ])('%s: the rest answers nobody, and the connection is given up', async (_name, bytes) => {
    const origin = await answering((s, { connection }) =>
      s.write(connection === 1 ? bytes : `${ok}Content-Length: 4\r\n\r\nnext`),
    );
    const client = clientOf(origin.url, { connections: 1 });
    const first = await client.fetch(get('/1'));
    expect(await textOf(first.body)).toBe('ab');
    const next = await client.fetch(get('/2'));
    expect(await textOf(next.body)).toBe('next');
    expect(origin.accepted).toBe(2);
  });

  it('that nobody asked for, on an idle connection, answers nobody', async () => {
    const origin = await answering((s, { connection }) => {
      s.write(`${ok}Content-Length: 4\r\n\r\nnum${connection}`, () => {
        if (connection === 1) s.write(`${ok}Content-Length: 6\r\n\r\npoison`);
      });
    });
    const client = clientOf(origin.url, { connections: 1 });
    for (const expected of ['num1', 'num2']) {
      const { body } = await client.fetch(get());
      expect(await textOf(body)).toBe(expected);
    }
  });
});

describe('a request', () => {
  it('is sent as it was given, below the base path of the origin', async () => {
    const origin = await scripted();
    origin.on(
      () => true,
      (_request, response) => void response.end(),
    );
    const client = clientOf(`${origin.url}/base/path/`);
    const headers = ['X-B', '1', 'host', 'client.example:8080', 'Accept', 'a', 'accept', 'b', 'Expect', '100-continue'];
    await textOf((await client.fetch(get('/steps/7?b=%2F&a=', { headers }))).body);
    const seen = origin.seen[0];
    expect([seen?.method, seen?.url]).toEqual(['GET', '/base/path/steps/7?b=%2F&a=']);
    expect(seen?.rawHeaders).toEqual([
      ...['host', 'client.example:8080', 'connection', 'keep-alive', 'X-B', '1', 'Accept', 'a', 'accept', 'b'],
    ]);
  });

  it.each(['GET', 'PATCH', 'DELETE', 'OPTIONS', 'M-SEARCH', 'PURGE', 'PROPFIND', 'QUERY', 'UNHEARD-OF'])(
    '%s with a body',
    async (method) => {
      let received = '';
      const origin = await raw((socket) => {
        socket.on('data', (chunk: Buffer) => {
          received += chunk.toString('latin1');
          if (received.endsWith('body')) socket.write(`${ok}Content-Length: 2\r\n\r\nab`);
        });
      });
      const answer = await clientOf(origin.url).fetch(get('/x', { method, body: Buffer.from('body') }));
      expect(await textOf(answer.body)).toBe('ab');
      expect(received).toMatch(new RegExp(`^${method} /x HTTP/1\\.1\\r\\n[^]*content-length: 4\\r\\n\\r\\nbody$`));
    },
  );
});

describe('a body that is there whole', () => {
  it.each([
    ['with its head', ['Content-Length: 2\r\n\r\nab'], 'ab'],
    ['chunked', ['Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n'], 'ab'],
    ['empty', ['Content-Length: 0\r\n\r\n'], ''],
    ['in part', ['Content-Length: 2\r\n\r\na'], undefined],
  ])('needs no stream: %s', async (_name, [bytes = ''], expected) => {
    const origin = await answering((s) => s.write(ok + bytes));
    const { body, isDelimited } = await clientOf(origin.url).fetch(get());
    expect(body.whole()?.toString()).toBe(expected);
    expect(isDelimited()).toBe(true);
    body.destroy();
  });

  it('is not delimited if more follows it', async () => {
    const origin = await answering((s) => s.write(`${ok}Content-Length: 2\r\n\r\nabc`));
    const { body, isDelimited } = await clientOf(origin.url).fetch(get());
    expect([body.whole()?.toString(), isDelimited()]).toEqual(['ab', false]);
  });

  it('is read as a stream by whoever asks for one, and is no longer whole then', async () => {
    const origin = await answering((s) => s.write(`${ok}Content-Length: 2\r\n\r\nab`));
    const { body } = await clientOf(origin.url).fetch(get());
    expect(await textOf(body)).toBe('ab');
    expect(body.whole()).toBeUndefined();
  });
});

describe('a body at the reader’s pace', () => {
  const CHUNK = randomBytes(64 * 1024);
  const CHUNKS = 800;
  const TOTAL = CHUNK.byteLength * CHUNKS;
  /** The kernel's buffers of both ends (Linux grows them to 6 and 4 MB), and room. */
  const MAX_AHEAD = 20 * 1024 * 1024;

  it('50 MB pass while little of it is ever held', async () => {
    let written = 0;
    const origin = await answering((socket) => {
      socket.write(`${ok}Content-Length: ${TOTAL}\r\n\r\n`);
      const more = () => {
        while (written < CHUNKS) {
          written += 1;
          if (!socket.write(CHUNK)) return;
        }
      };
      socket.on('drain', more);
      more();
    });
    const answer = await clientOf(origin.url).fetch(get());
    // Nobody has asked for the stream yet.
    await standstill(() => written);
    expect(written * CHUNK.byteLength).toBeLessThan(MAX_AHEAD);
    const body = answer.body.stream();
    await once(body, 'readable');
    await standstill(() => written);
    expect(body.readableLength).toBeLessThanOrEqual(2 * CHUNK.byteLength);
    expect(written * CHUNK.byteLength).toBeLessThan(MAX_AHEAD);
    let bytes = 0;
    let held = 0;
    for await (const chunk of body) {
      bytes += (chunk as Buffer).byteLength;
      held = Math.max(held, body.readableLength);
    }
    expect(bytes).toBe(TOTAL);
    expect(held).toBeLessThanOrEqual(2 * CHUNK.byteLength);
  });

  it('a slow reader is not taken for a silent origin', async () => {
    const origin = await answering(
      (s) => s.write(`${ok}Content-Length: ${TOTAL}\r\n\r\n`) && s.write(Buffer.alloc(TOTAL)),
    );
    const client = clientOf(origin.url, { timeoutMs: 100 });
    const { body } = await client.fetch(get());
    // Another request runs into the timeout meanwhile, so that it has had the time to pass for this one too.
    const silent = await answering(() => {});
    await clientOf(silent.url, { timeoutMs: 200 })
      .fetch(get())
      .catch(() => {});
    expect(await textOf(body)).toHaveLength(TOTAL);
  });
});
