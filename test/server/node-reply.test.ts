import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Message } from '../../src/server/message.ts';
import { NodeReply } from '../../src/server/node-reply.ts';
import { until } from '../support/barrier.ts';

const server = createServer({ IncomingMessage: Message });
afterEach(() => server.close());

/** What a server does with a request once it has come whole. */
function whenWhole<T>(
  body: string,
  answer: (message: IncomingMessage, reply: NodeReply) => Promise<T> | T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    server.once('request', (message, response) => {
      const reply = new NodeReply(response);
      const answered = until(() => message.complete).then(() => answer(message, reply));
      answered.then(resolve, reject);
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      const headers = { 'content-length': body.length, connection: 'close' };
      request({ port, method: 'POST', headers })
        .on('error', () => {})
        .end(body);
    });
  });
}

test('what is left of a body can be read after the answer', async () => {
  const text = await whenWhole('all of it', async (message, reply) => {
    reply.send(200, [], 'answer');
    let read = '';
    for await (const chunk of message) read += String(chunk);
    return read;
  });
  expect(text).toBe('all of it');
});

test('a request without a body ends with its answer, and was not aborted', async () => {
  const aborted = await whenWhole('', async (message, reply) => {
    let isAborted = false;
    message.on('aborted', () => {
      isAborted = true;
    });
    const closed = new Promise((resolve) => message.on('close', resolve));
    reply.send(200, [], Buffer.from('answer'));
    await closed;
    return isAborted || !message.readableEnded;
  });
  expect(aborted).toBe(false);
});

test('a request that is given up before it was read was aborted', async () => {
  const aborted = await whenWhole('body', (message) => {
    let isAborted = false;
    message.on('aborted', () => {
      isAborted = true;
    });
    message.destroy();
    return isAborted;
  });
  expect(aborted).toBe(true);
});
