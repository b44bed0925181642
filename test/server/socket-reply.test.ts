import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { NodeReply } from '../../src/server/node-reply.ts';
import { SocketReply } from '../../src/server/socket-reply.ts';
import type { StreamedReply } from '../../src/server/streamed-reply.ts';
import { rawClient } from '../support/raw-client.ts';

/* A client cannot tell whether the HTTP server has answered, or whoever has read its request from the socket. */

type Answering = (reply: StreamedReply) => void;

const TYPE = ['Content-Type', 'text/plain'];
const large = Buffer.from('large '.repeat(5_000));

const answers: readonly [string, Answering][] = [
  ['a text', (reply) => reply.send(200, TYPE, 'text')],
  ['octets', (reply) => reply.send(200, TYPE, Buffer.from([0, 255, 10, 13]))],
  ['many octets', (reply) => reply.send(200, TYPE, large)],
  ['an empty body', (reply) => reply.send(200, TYPE, '')],
  ['no body', (reply) => reply.send(200, TYPE, undefined)],
  ['the length of a body', (reply) => reply.send(200, TYPE, undefined, 17)],
  ['a date of its own', (reply) => reply.send(200, ['dATE', 'Sat, 01 Jan 2022 00:00:00 GMT'], 'text')],
  ['fields in their order and case', (reply) => reply.send(200, ['X-b', '2', 'x-A', '1', 'X-b', '3'], 'text')],
  ['octets in a field', (reply) => reply.send(200, ['X', 'caf\u00e9\t!'], 'text')],
  ['a 204', (reply) => reply.send(204, ['X', '1'], undefined)],
  ['a 204 with a body', (reply) => reply.send(204, ['X', '1'], 'text')],
  ['a 304', (reply) => reply.send(304, ['ETag', '"1"'], undefined)],
  ['a status that nobody knows', (reply) => reply.send(299, [], 'text')],
  ['a problem', (reply) => reply.fail(new GatewayError('originTimeout'), ['Cache-Status', 'unstale'])],
  ['a body of a known length', (reply) => void reply.begin(200, ['Content-Length', '4']).end('text', 'latin1')],
  [
    'pieces of a known length',
    (reply) => {
      const sink = reply.begin(200, [...TYPE, 'Content-Length', String(large.length + 6)]);
      for (const piece of ['one', large, Buffer.from('two')]) sink.write(piece, 'latin1');
      sink.end();
    },
  ],
  ['a body of an unknown length', (reply) => void reply.begin(200, TYPE).end('text', 'latin1')],
  ['nothing of an unknown length', (reply) => void reply.begin(200, TYPE).end()],
  [
    'pieces of an unknown length, and trailers',
    (reply) => {
      const sink = reply.begin(200, reply.chunks(200) ? [...TYPE, 'Trailer', 'X-Sum'] : TYPE);
      for (const piece of [Buffer.alloc(0), 'one', large, Buffer.alloc(0), 'caf\u00e9']) sink.write(piece, 'latin1');
      reply.trailers(['X-Sum', '9']);
      sink.end();
    },
  ],
  ['a streamed 204', (reply) => void reply.begin(204, ['X', '1']).end('text')],
  ['a streamed 304', (reply) => void reply.begin(304, ['ETag', '"1"']).end()],
  [
    'a head that is sent before its body',
    (reply) => {
      const sink = reply.begin(200, TYPE);
      sink.write(Buffer.alloc(0));
      setImmediate(() => sink.end('text', 'latin1'));
    },
  ],
  [
    'an answer ahead of the last one',
    (reply) => {
      reply.interim(102, []);
      reply.interim(103, ['Link', '</a>; rel=preload']);
      reply.interim(104, ['X', '1']);
      reply.send(200, TYPE, 'text');
    },
  ],
  ...[
    ['Link', '</a>; rel=preload; as="style"', 'X-b', '1', 'Link', '</b>', 'x-A', '2', 'X-B', '3'],
    ['Link', '</a>; rel=preload, </b>; rel=preload'],
    ['Link', '</a>; rel=preload', 'link', '/b'],
    ['Link', '</a>; rel=preload; title="a b"'],
    ['Link', ''],
    ['Link', `</a>${'; a=b'.repeat(200)}`],
    ['Link', `</a>${'; a=b'.repeat(200)}; "`],
    ['Link', `</a>; ${'a='.repeat(200)}; "`],
    ['Link', '</a>; a=="b"; c=d=e; f=""; =; ==""'],
    ['Link', '</a>; a="b'],
    ['Link', '</a>; a=b"'],
    ['X', '1'],
    [],
  ].map((lines): [string, Answering] => [
    `the hints ${JSON.stringify(lines)}`,
    (reply) => {
      reply.interim(103, lines);
      reply.send(200, TYPE, 'text');
    },
  ]),
  [
    'a body that breaks off',
    (reply) => {
      reply.begin(200, ['Content-Length', '9']).write('text', 'latin1');
      setImmediate(() => reply.fail(new GatewayError('originTimeout')));
    },
  ],
  ...['X\r\nY', 'X: 1\r\nY', 'caf\u00e9', ''].map((name): [string, Answering] => [
    `a field that is named ${JSON.stringify(name)}`,
    (reply) => expect(() => reply.send(200, [name, '1'], 'text')).toThrow(TypeError),
  ]),
  ...['1\r\nY: 2', '1\n', '\u0000', '\u20ac'].map((value): [string, Answering] => [
    `a field with ${JSON.stringify(value)} in it`,
    (reply) => expect(() => reply.begin(200, ['X', value])).toThrow(TypeError),
  ]),
  [
    'trailers that cannot be sent',
    (reply) => {
      const sink = reply.begin(200, TYPE);
      expect(() => reply.trailers(['X', '1\r\nY: 2'])).toThrow(TypeError);
      sink.end('text', 'latin1');
    },
  ],
];

const KEEP_ALIVE_MS = 65_000;
const persistence = 'Connection: keep-alive\r\nKeep-Alive: timeout=65\r\n';

/** What a client gets for one request, times apart. The server closes the connection behind it. */
async function sentBy(server: Server, method: string): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = await rawClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.write(`${method} / HTTP/1.1\r\nHost: a.example\r\n\r\n`);
  await client.ended();
  const sent = client.pending.toString('latin1').replace(/^Date: (?!Sat).*$/gm, 'Date: now');
  await client.close();
  await new Promise((resolve) => server.close(resolve));
  return sent;
}

/** The connection is closed once all of the answer has been sent. */
const byHttpServer = (answer: Answering): Server => {
  const server = createHttpServer({ keepAliveTimeout: KEEP_ALIVE_MS }, ({ socket }, response) => {
    response.on('finish', () => socket.end());
    answer(new NodeReply(response));
  });
  return server;
};
const bySocket = (answer: Answering, method: string): Server =>
  createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      answer(new SocketReply(socket, { isHead: method === 'HEAD', persistence, ended: () => void socket.end() }));
    });
  });

test.each([[['Link', '</a\r\nX: 1>']], [['Link', '</a>', 'X', '1\r\nY: 2']], [['Link', '</a>', 'X: 1\r\nY', '2']]])(
  'hints that cannot be sent are left out: %j',
  async (lines) => {
    const answer: Answering = (reply) => {
      reply.interim(103, lines);
      reply.send(200, TYPE, 'text');
    };
    expect(await sentBy(bySocket(answer, 'GET'), 'GET')).toMatch(/^HTTP\/1.1 200 /);
  },
);

/** Node 20 writes `Link` first in a 103, and then the names that are integers. Later ones write these first. */
const linkIsFirst = process.versions.node.startsWith('20.');

test('hints with a name that is an integer are those of the HTTP server, and in its order where that is ours', async () => {
  const answer: Answering = (reply) => {
    reply.interim(103, ['Link', '</a>; rel=preload', 'X-b', '1', '7', '8']);
    reply.send(200, TYPE, 'text');
  };
  const lines = (sent: string): readonly string[] => (linkIsFirst ? [sent] : sent.split('\r\n').sort());
  const [ours, its] = [await sentBy(bySocket(answer, 'GET'), 'GET'), await sentBy(byHttpServer(answer), 'GET')];
  expect(ours).toContain('\r\n7: 8\r\n');
  expect(lines(ours)).toEqual(lines(its));
});

test.each(answers.flatMap(([name, answer]) => [['GET', name, answer] as const, ['HEAD', name, answer] as const]))(
  '%s: %s',
  async (method, _name, answer) => {
    expect(await sentBy(bySocket(answer, method), method)).toBe(await sentBy(byHttpServer(answer), method));
  },
);
