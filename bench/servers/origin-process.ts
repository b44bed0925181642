import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { childOf, jsonOf, largeBytes, smallBytes } from './representations.ts';

/**
 * The process of the bench's origin, with fixed answers. Argument: its port, 0 for any. It sends its parent its port
 * and, when asked, the number of requests that it has received, so that a case can verify that its hits were hits and
 * its misses were misses.
 */
const small = Buffer.from(jsonOf(smallBytes, { kind: 'thing' }));
const large = Buffer.from(jsonOf(largeBytes, { kind: 'large' }));
const smallHead = head(small, '"small-1"');
const largeHead = head(large, '"large-1"');
const childLine = /^\/(?:children|movable|guarded|keyed|busy|groups\/\d+)\/(\d+)$/;
/** `/members/10/57` is of the group `10-5`. */
const memberLine = /^\/members\/(\d+)\/(\d+)$/;

/** The origin works on one write below `/busy/` at a time, as with a lock on a row: as many milliseconds as its id. */
let lastBusy = Promise.resolve();

let requests = 0;

function head(body: Buffer, etag: string): string[] {
  return [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'public, max-age=3600',
    'ETag',
    etag,
  ];
}

function answerChild(response: ServerResponse, id: number): void {
  const body = Buffer.from(childOf(id));
  response.writeHead(200, head(body, `"child-${id}"`)).end(body);
}

function answerMember(response: ServerResponse, size: number, id: number): void {
  const body = Buffer.from(JSON.stringify({ id, group: `${size}-${Math.floor(id / size)}` }));
  response.writeHead(200, head(body, `"member-${id}"`)).end(body);
}

const server = createServer((request, response) => {
  requests += 1;
  const url = request.url ?? '/';
  const child = childLine.exec(url);
  const member = memberLine.exec(url);
  if (request.method === 'PUT' && child !== null) {
    request.resume().on('end', () => {
      if (!url.startsWith('/busy/')) return answerChild(response, Number(child[1]));
      lastBusy = lastBusy.then(() => setTimeout(Number(child[1]))).then(() => answerChild(response, Number(child[1])));
    });
  } else if (child !== null) {
    answerChild(response, Number(child[1]));
  } else if (member !== null) {
    answerMember(response, Number(member[1]), Number(member[2]));
  } else if (url.startsWith('/large/') || url.startsWith('/live/large-')) {
    response.writeHead(200, largeHead).end(large);
  } else {
    response.writeHead(200, smallHead).end(small);
  }
});

server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);
// What one contender has left in the queue must not be in the latencies of the next.
process.on('message', () => void lastBusy.then(() => process.send?.({ requests })));
process.on('disconnect', () => process.exit(0));
