import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { LEASE_MS } from './nodes.ts';

export const MEMBERS = ['a', 'b', 'c', 'contest'] as const;
export type Member = (typeof MEMBERS)[number];

/** The path of the document, and the entry that protects it. */
export const DOCUMENT = '/settings';
export const documentRules = `writes: [{ on: PUT|PATCH ${DOCUMENT}, merge: true }]
`;

/**
 * A write takes effect within this time of its arrival, or never: as `coherence.settle` asks of an API. It is longer
 * than the gateways wait for an answer.
 */
const LATEST_MS = 1_000 + LEASE_MS;

/**
 * What may happen to a request. `late` breaks off, and applies the write afterwards; `silent` applies it and never
 * answers.
 */
const faults = ['breaks off before', 'breaks off after', 'fails after', 'late', 'silent'] as const;
type Fault = (typeof faults)[number];

const STORY_LINES = 150;

/** What is at the document's path: each editor counts its edits in a member at the top, and in one further down. */
interface Document {
  readonly [member: string]: number | Readonly<Record<string, number>>;
}

/**
 * An API with one document, which notices when a write takes back what an earlier one had made of it. It is slow now
 * and then, fails if told to, and never evaluates anything but its own entity tags.
 */
export class DocumentServer {
  /** Members that a write has set back, and that writes were acknowledged without. */
  readonly lost: string[] = [];
  /** What happened before the first of them, for whoever looks for the reason. */
  readonly story: string[] = [];
  /** Of a thousand requests so many fail. */
  failing = 0;
  writes = 0;
  #text = JSON.stringify({ ...counters(0), deep: counters(0) });
  readonly #etags: boolean;
  readonly #random: (below: number) => number;
  readonly #server: Server;

  private constructor(etags: boolean, random: (below: number) => number) {
    this.#etags = etags;
    this.#random = random;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  /** @param etags whether it has strong entity tags, and evaluates `If-Match` */
  static async start(etags: boolean, random: (below: number) => number): Promise<DocumentServer> {
    const api = new DocumentServer(etags, random);
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Another line of the story. */
  tell(what: string): void {
    if (this.lost.length > 0) return;
    this.story.push(`${performance.now().toFixed(0)} ${what}`);
    if (this.story.length > STORY_LINES) this.story.shift();
  }

  /** The client of a write has been told that it is done. */
  acknowledged(member: Member, edit: number): void {
    const [at, below] = valuesOf(this.#text, member);
    if (at < edit || below < edit) this.#lose(`${member}=${edit} was acknowledged, and is ${at} and ${below}`);
  }

  #lose(what: string): void {
    this.tell(what);
    this.lost.push(what);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const latest = performance.now() + LATEST_MS;
    await this.#delay();
    const fault = this.#random(1_000) < this.failing ? faults[this.#random(faults.length)] : undefined;
    if (fault !== undefined || request.method !== 'GET')
      this.tell(`API: ${request.method} ${chunks.join('')} ${fault ?? ''}`);
    if (request.method === 'GET') return this.#read(response, fault);
    if (fault === 'breaks off before') return void response.destroy();
    if (fault === 'late') {
      response.destroy();
      await pause(this.#random(LATEST_MS / 2));
    }
    // Answered with a time-out by the gateway, and applied after that.
    if (fault === 'silent') await pause(this.#random(LATEST_MS));
    if (performance.now() > latest) return void response.destroy();
    const ifMatch = request.headers['if-match'];
    if (this.#etags && ifMatch !== undefined && ifMatch !== this.#etag) return void response.writeHead(412).end();
    this.#apply(request, Buffer.concat(chunks).toString());
    await this.#delay();
    if (fault === 'breaks off after') return void response.destroy();
    if (fault === 'fails after') return void response.writeHead(500).end();
    if (fault === undefined) this.#send(response, this.#text);
  }

  #read(response: ServerResponse, fault: Fault | undefined): void {
    if (fault === 'silent') return;
    if (fault === undefined) return void this.#send(response, this.#text);
    if (fault === 'fails after') return void response.writeHead(500).end();
    if (fault === 'breaks off before') return void response.destroy();
    // In the midst of the body.
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': this.#text.length });
    response.write(this.#text.slice(0, 10), () => response.destroy());
  }

  #apply({ method }: IncomingMessage, text: string): void {
    const before = this.#text;
    const body = JSON.parse(text) as Document;
    this.#text = method === 'PUT' ? text : JSON.stringify(patched(JSON.parse(before) as Document, body));
    this.writes += 1;
    this.tell(`API: applied ${text}`);
    for (const member of MEMBERS) {
      const [was, is] = [valuesOf(before, member), valuesOf(this.#text, member)];
      // Missing counts as set back.
      if (is[0] >= was[0] && is[1] >= was[1]) continue;
      this.#lose(`write ${this.writes} (${method}) made ${member} ${String(is)}, which was ${String(was)}`);
    }
  }

  get #etag(): string {
    return `"${createHash('sha256').update(this.#text).digest('hex').slice(0, 16)}"`;
  }

  #send(response: ServerResponse, text: string): void {
    const tag = this.#etags ? { ETag: this.#etag } : {};
    response.writeHead(200, { 'Content-Type': 'application/json', ...tag }).end(text);
  }

  /** Some requests overtake others. */
  async #delay(): Promise<void> {
    const luck = this.#random(100);
    if (luck < 5) await pause(5 + this.#random(60));
    else if (luck < 50) await pause(this.#random(4));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function counters(value: number): Record<string, number> {
  return Object.fromEntries(MEMBERS.map((member) => [member, value]));
}

/** RFC 7396 for this document, which nothing is removed from. */
function patched(document: Document, patch: Document): Document {
  return { ...document, ...patch, deep: { ...(document.deep as object), ...(patch.deep as object | undefined) } };
}

/** At the top and further down; −1 where it is missing. */
export function valuesOf(text: string, member: string): readonly [number, number] {
  const document = JSON.parse(text) as Document;
  const deep = document.deep as Readonly<Record<string, number>> | undefined;
  return [(document[member] as number | undefined) ?? -1, deep?.[member] ?? -1];
}
