import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LogLine, startGateway, type TestGateway } from '../support/gateway.ts';
import { parseAnswer } from '../support/raw-answer.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';

/* Two gateways of one configuration, with the front and without it, are sent the same bytes. They answer the same. */

/** One connection. */
export type Script = readonly Piece[];

/** Is sent in one write, or cut in several. */
export interface Piece {
  readonly bytes: string;
  readonly cuts?: readonly number[] | undefined;
  /**
   * The methods of what has been asked before: it is sent when all of it has been answered, or the connection has
   * ended. Undefined: it is sent a few turns after the last.
   */
  readonly behind?: readonly string[] | undefined;
}

/** The `Host` of requests, which stands for one that nobody has asked for before. */
export const HOST = 'a.example';

/** Ends whatever state a connection is in: one of them is answered, or refused for what stands before it. */
const CLOSER = `GET /hit/1 HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`.repeat(4);

interface Side {
  readonly gateway: TestGateway;
  readonly origin: Server;
}

export interface Pair {
  /** What each of the two has sent and noted, times apart. Without a `host`, nothing is stored for it. */
  play(scripts: readonly Script[], host?: string): Promise<{ on: Played; off: Played }>;
  close(): Promise<void>;
}

export interface Played {
  readonly sent: readonly string[];
  readonly logs: readonly string[];
}

let hosts = 0;
/** As long as the one that it replaces. */
export const newHost = (): string => `${(hosts++).toString(36).padStart(5, '0')}.com`;

export async function pair(yaml: string, server = ''): Promise<Pair> {
  const side = async (front: boolean): Promise<Side> => {
    const origin = await countingOrigin();
    const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
    const listen = `server: { listen: "127.0.0.1:0", front: ${front}${server} }`;
    return { origin, gateway: await startGateway(url, `${listen}\n${yaml}`) };
  };
  const [on, off] = [await side(true), await side(false)];
  return {
    play: async (scripts, host = newHost()) => {
      return { on: await playAll(on, scripts, host), off: await playAll(off, scripts, host) };
    },
    close: async () => {
      for (const { gateway, origin } of [on, off]) {
        await gateway.stop();
        origin.closeAllConnections();
        origin.close();
      }
    },
  };
}

/** An API whose answers are a function of what it was asked before, and of nothing else. */
async function countingOrigin(): Promise<Server> {
  const versions = new Map<string, number>();
  const origin = createServer((request, response) => {
    const { method = '', url = '' } = request;
    const [path = ''] = url.split('?');
    if (method !== 'GET' && method !== 'HEAD') versions.set(path, (versions.get(path) ?? 0) + 1);
    const said = path.split('/')[1] ?? '';
    response.setHeader('Content-Type', 'text/plain');
    // So long ago that every answer has an `Age`.
    response.setHeader('Date', new Date(Date.now() - 2_000).toUTCString());
    response.setHeader('Cache-Control', said === 'private' ? 'private' : 'max-age=3600');
    for (const [name, value] of Object.entries(ofPath[url === '/search/1?utm=2' ? 'varied' : said] ?? {}))
      response.setHeader(name, value);
    const size = said === 'large' ? 40_000 : said === 'text' ? 2_000 : 0;
    response.statusCode = said === 'gone' ? 410 : said === 'moved' ? 301 : said === 'empty' ? 204 : 200;
    request.resume();
    request.on('end', () => {
      const { 'accept-language': language = '', cookie = '' } = request.headers;
      const text = `${method === 'HEAD' ? 'GET' : method} ${url} ${versions.get(path) ?? 0} ${language} ${cookie}`;
      response.end(said === 'empty' ? undefined : text + 'x'.repeat(size));
    });
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  return origin;
}

const ofPath: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  vary: { Vary: 'Accept-Language' },
  tagged: { ETag: '"v1"' },
  dated: { 'Last-Modified': 'Sat, 01 Jan 2022 00:00:00 GMT' },
  public: { 'Cache-Control': 'public, max-age=3600' },
  moved: { Location: '/hit/1' },
  varied: { 'No-Vary-Search': 'params=("utm")' },
  soon: { 'Cache-Control': 'max-age=0' },
  odd: { 'X-Odd': 'caf\u00e9', 'Set-Cookie': 'a=b' },
};

async function playAll({ gateway }: Side, scripts: readonly Script[], host: string): Promise<Played> {
  const from = gateway.logs.length;
  const sent: string[] = [];
  for (const script of scripts) sent.push(withoutTimes(await play(gateway.url, script, host)));
  return { sent, logs: gateway.logs.slice(from).map(lineOf) };
}

async function play(url: string, script: Script, host: string): Promise<Buffer> {
  const client = await rawClient(url);
  try {
    for (const { bytes, cuts, behind } of script) {
      if (behind !== undefined) await answered(client, behind);
      for (const part of parts(bytes.replaceAll(HOST, host), cuts)) {
        await turns();
        client.write(part);
      }
    }
    await turns();
    client.write(CLOSER.replaceAll(HOST, host));
    await client.ended();
    return client.pending;
  } finally {
    await client.close();
  }
}

function parts(bytes: string, cuts: readonly number[] = []): string[] {
  const places = new Set(cuts.map((place) => place % bytes.length));
  const at = [...places].filter((place) => place > 0).sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.slice(from, at[i] ?? bytes.length));
}

/**
 * What was written has come to the other side, which is in this process, and has been answered if that needs nobody.
 */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** So many whole answers have come, or the connection has ended. */
async function answered(client: RawClient, methods: readonly string[]): Promise<void> {
  const isThere = (): boolean => {
    let rest = client.pending;
    for (const method of methods) {
      const parsed = parseAnswer(rest, { method, ended: client.isEnded });
      if (parsed === undefined) return false;
      ({ rest } = parsed);
    }
    return true;
  };
  while (!client.isEnded && !isThere()) await client.arrival();
}

function withoutTimes(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/^(Date|Age|Unstale-Position|Unstale-Event-Cursor): .*$/gim, '$1: …')
    .replace(/ttl=\d+/g, 'ttl=…')
    .replace(/^id: .*$/gm, 'id: …');
}

/** What both log alike: times and addresses apart. */
function lineOf({ msg, method, path, route, outcome, detail, code, reason }: LogLine): string {
  return JSON.stringify({ msg, method, path, route, outcome, detail, code, reason });
}
