import { Readable, Writable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { parseToken } from '../../../src/coherence/token.ts';
import type { GatewayError } from '../../../src/errors.ts';
import type { ClientRequest, Reply } from '../../../src/exchange/ports.ts';
import { type Content, octetsOf } from '../../../src/http/content.ts';
import { type FieldLines, Fields } from '../../../src/http/fields.ts';
import { parseTarget } from '../../../src/route/path.ts';
import type { World } from '../world.ts';
import { type Api, type Evaluation, ITEMS, type View } from './api.ts';
import type { Features } from './configuration.ts';
import type { GatewayNode } from './node.ts';
import { contentOf, type Floors, keyOf, type Oracle } from './oracle.ts';

/** What a client has of an answer; `status` 0: the connection broke. */
export interface Received {
  readonly status: number;
  readonly headers: Fields;
  readonly body: Buffer;
  /** Of an error of the gateway's own. */
  readonly code?: string | undefined;
}

export interface WriteSpec {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly user?: string | undefined;
  readonly ifMatch?: string | undefined;
  /** The client does not wait for the answer. */
  readonly leaves?: boolean;
}

export interface ReadSpec {
  readonly path: string;
  readonly user?: string | undefined;
  readonly language?: 'de' | undefined;
  /** The path as this client spells it, and the field by which it asks for the language. */
  readonly target?: string;
  readonly languages?: string | undefined;
  readonly directives?: string | undefined;
  readonly conditional?: boolean;
  readonly gzip?: boolean;
  readonly part?: 'head' | 'start' | 'all' | undefined;
  /** The client does not wait for the answer. */
  readonly leaves?: boolean;
}

/** `cursor`: up to which event the content is known to be current. */
type ReadDone = (content: string | undefined, cursor?: string | undefined) => void;

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly lines: string[];
  readonly body: string | undefined;
  readonly leaves: boolean;
}

const broken: Received = { status: 0, headers: new Fields([]), body: Buffer.alloc(0) };

/** The clients of all gateways: what they ask, what they are answered, and what they know by it. */
export class Clients {
  readonly world: World;
  readonly oracle: Oracle;
  readonly api: Api;
  /** Items of which a client can know. */
  readonly known = [...ITEMS];
  readonly #evaluations = new Map<number, Evaluation>();
  readonly #returned = new Set<number>();
  /** Of what each view was answered with: its entity tag and content. */
  readonly #copies = new Map<string, { etag: string; content: string }>();
  /** Contents by their view and entity tag. */
  readonly #contents = new Map<string, string>();
  /** The position of the last write that all clients know of, where nodes may be behind. */
  #token: string | undefined;
  readonly #epochs = new Set<string>();
  readonly #pending = new Map<() => void, GatewayNode>();
  readonly #tells: Pick<Features, 'refusalsTell' | 'eventsTell' | 'eventual'>;
  #writes = 0;

  constructor(world: World, { api, oracle, features }: { api: Api; oracle: Oracle; features: Features }) {
    this.world = world;
    this.api = api;
    this.oracle = oracle;
    this.#tells = features;
  }

  /** The API has looked at a write. */
  evaluated(write: number, evaluation: Evaluation, who: string): void {
    this.#evaluations.set(write, evaluation);
    const { answer, state, changed } = evaluation;
    this.world.tell('api', `w${write} by ${who}: ${answer.status}${changed ? '' : `, unchanged at s${state}`}`);
  }

  returned(write: number): void {
    this.#returned.add(write);
  }

  /** What an event says of a write. Nothing if it is announced because its outcome is unknown. */
  announced(write: number, page: string): void {
    const evaluation = this.#returned.has(write) ? this.#evaluations.get(write) : undefined;
    if (evaluation === undefined || !this.#tells.eventsTell) return;
    this.oracle.told(evaluation, `w${write} was announced to ${page}`);
  }

  /** Connections to a gateway that has died. */
  died(node: GatewayNode): void {
    for (const [breakOff, at] of [...this.#pending]) if (at === node) breakOff();
  }

  read(node: GatewayNode, spec: ReadSpec, done: ReadDone = () => {}): void {
    const { path, user, language, conditional, gzip, leaves = false, directives } = spec;
    const { target = path, languages = language, part } = spec;
    const view = this.api.viewOf(path, user, language);
    const floors = this.oracle.floorsOf(view);
    const copy = conditional === true ? this.#copies.get(keyOf(view)) : undefined;
    const lines: string[] = [];
    if (user !== undefined) lines.push('Authorization', user);
    if (copy !== undefined) lines.push('If-None-Match', copy.etag);
    if (gzip === true) lines.push('Accept-Encoding', 'gzip');
    if (languages !== undefined) lines.push('Accept-Language', languages);
    if (directives !== undefined) lines.push('Cache-Control', directives);
    // A range with a condition passes through.
    if ((part === 'start' || part === 'all') && copy === undefined)
      lines.push('Range', part === 'all' ? 'bytes=0-' : 'bytes=0-9');
    if (this.#token !== undefined) lines.push('Unstale-Min-Position', this.#token);
    const method = part === 'head' ? 'HEAD' : 'GET';
    this.#send(node, { method, path: target, lines, body: undefined, leaves }, (raw) => {
      const received = wholeOf(raw);
      const how = (received.headers.get('cache-status') ?? '').replace('unstale; ', '');
      // What is only a part is not compared.
      if (received.status === 206) return done(undefined);
      if (received.status !== 200 && received.status !== 304 && received.status !== 404) {
        this.world.tell(node.process.name, `GET ${keyOf(view)} → ${received.code ?? received.status}`);
        return done(undefined);
      }
      const etag = received.headers.get('etag');
      if (method === 'HEAD') return this.#head(node, { view, floors, how }, etag);
      const content = received.status === 304 && copy !== undefined ? copy.content : contentIn(received);
      if (etag !== undefined) {
        this.#copies.set(keyOf(view), { etag, content });
        this.#contents.set(`${keyOf(view)} ${etag}`, content);
      }
      const served = received.status === 304 ? `304 ${how}` : how;
      this.oracle.answered(node.process.name, { view, floors, content, how: served });
      done(content, received.headers.get('unstale-event-cursor'));
    });
  }

  /** A head tells which content there is, if its entity tag has been seen. */
  #head(
    node: GatewayNode,
    read: { readonly view: View; readonly floors: Floors; readonly how: string },
    etag: string | undefined,
  ): void {
    const content = this.#contents.get(`${keyOf(read.view)} ${etag}`);
    if (content !== undefined) this.oracle.answered(node.process.name, { ...read, content, how: `HEAD ${read.how}` });
  }

  /** The entity tag of the item that an earlier read has told. */
  etagOf(path: string, user: string | undefined): string | undefined {
    return this.#copies.get(keyOf(this.api.viewOf(path, user)))?.etag;
  }

  write(node: GatewayNode, spec: WriteSpec, done: (received: Received) => void = () => {}): number {
    this.#writes += 1;
    const number = this.#writes;
    const { method, path, user, ifMatch, leaves = false } = spec;
    const body = spec.body === undefined ? undefined : JSON.stringify(spec.body);
    const lines = ['X-Write', String(number)];
    if (user !== undefined) lines.push('Authorization', user);
    if (ifMatch !== undefined) lines.push('If-Match', ifMatch);
    if (body !== undefined) lines.push('Content-Type', 'application/json', 'Content-Length', String(body.length));
    this.world.tell(
      node.process.name,
      `w${number}: ${method} ${path} ${body ?? ''}${user === undefined ? '' : ` by ${user}`}`,
    );
    this.#send(node, { method, path, lines, body, leaves }, (received) => {
      this.world.tell(node.process.name, `w${number} answered ${received.code ?? received.status}`);
      this.#written(number, received);
      done(received);
    });
    return number;
  }

  #written(number: number, { status, headers, body }: Received): void {
    const evaluation = this.#evaluations.get(number);
    if (status < 200 || status >= 500 || evaluation === undefined) return;
    if (status < 300) this.oracle.acknowledged += 1;
    else this.oracle.refused += 1;
    if (status >= 300 && !this.#tells.refusalsTell) return;
    // Without a position there is nothing that a reader elsewhere could ask for.
    if (this.#tells.eventual && !this.#carries(headers.get('unstale-position'))) return;
    this.oracle.told(evaluation, `w${number} was answered ${status}`);
    if (status === 201) this.known.push((JSON.parse(body.toString()) as { id: number }).id);
  }

  /** Whether readers will ask for this position, or a later one. None asks for an epoch that is over. */
  #carries(token = ''): boolean {
    const [at, last] = [parseToken(token), parseToken(this.#token ?? '')];
    if (at === undefined || at.epoch === 'queued') return false;
    if (at.epoch === last?.epoch) {
      if (at.seq > last.seq) this.#token = token;
      return true;
    }
    if (this.#epochs.has(at.epoch)) return false;
    this.#epochs.add(at.epoch);
    this.#token = token;
    return true;
  }

  #send(node: GatewayNode, { method, path, lines, body, leaves }: Sent, done: (received: Received) => void): void {
    const { chance } = this.world;
    let over = false;
    const finish = (received: Received): void => {
      if (over) return;
      over = true;
      this.#pending.delete(breakOff);
      done(received);
    };
    const breakOff = (): void => {
      this.world.after(chance.between(0.1, 2), () => finish(broken));
    };
    this.#pending.set(breakOff, node);
    const request: ClientRequest = {
      ...{ method, target: parseTarget(path), scheme: 'http', host: 'api.example', peer: '192.0.2.1', trusted: false },
      client: { address: '192.0.2.1', isProxy: false },
      headers: new Fields(['Host', 'api.example', ...lines]),
    };
    const reply = new ClientReply((received) => this.world.after(chance.between(0.1, 2), () => finish(received)));
    let upload: Readable | undefined;
    if (leaves) {
      this.world.after(chance.between(0.2, 40), () => {
        if (over) return;
        finish(broken);
        node.process.run(() => {
          upload?.destroy();
          reply.leave();
        });
      });
    }
    this.world.after(chance.between(0.1, 2), () => {
      if (!node.process.alive) return breakOff();
      node.process.run(() => {
        if (method === 'GET' || method === 'HEAD') return node.read(request, reply);
        // Now and then a body arrives behind its head.
        upload = body === undefined ? undefined : new Readable({ read: () => {} });
        const uploadMs = chance.happens(0.1) ? chance.between(1, 15) : 0;
        if (upload !== undefined) {
          this.world.after(uploadMs, () =>
            node.process.run(() => {
              upload?.push(body);
              upload?.push(null);
            }),
          );
        }
        node.write(request, upload, reply);
      });
    });
  }
}

/** A range of everything is everything. */
function wholeOf(received: Received): Received {
  const [, last, length] = /^bytes 0-(\d+)\/(\d+)$/.exec(received.headers.get('content-range') ?? '') ?? [];
  const isAll = received.status === 206 && length !== undefined && Number(last) + 1 === Number(length);
  return isAll ? { ...received, status: 200 } : received;
}

/** By status and octets: most answers are the same as an earlier one. */
const contents = new Map<string, string>();
const MAX_CONTENTS = 10_000;

function contentIn({ status, headers, body }: Received): string {
  const coded = headers.get('content-encoding') === 'gzip';
  const key = `${status} ${body.toString(coded ? 'latin1' : 'utf8')}`;
  const known = contents.get(key);
  if (known !== undefined) return known;
  const bytes = coded ? gunzipSync(body) : body;
  const content = contentOf({ status, body: bytes.byteLength === 0 ? undefined : JSON.parse(bytes.toString()) });
  if (contents.size >= MAX_CONTENTS) contents.clear();
  contents.set(key, content);
  return content;
}

class ClientReply implements Reply {
  gone = false;
  readonly #whenGone: (() => void)[] = [];
  #sink: Writable | undefined;
  readonly #done: (received: Received) => void;
  #begun: { status: number; lines: FieldLines; chunks: Buffer[] } | undefined;

  constructor(done: (received: Received) => void) {
    this.#done = done;
  }

  get begun(): boolean {
    return this.#begun !== undefined;
  }

  onGone(listener: () => void): void {
    if (this.gone) listener();
    else this.#whenGone.push(listener);
  }

  /** The client closes its connection. */
  leave(): void {
    this.gone = true;
    this.#sink?.destroy();
    for (const listener of this.#whenGone) listener();
  }

  interim(): void {}

  send(status: number, lines: FieldLines, body: Content | undefined): void {
    this.#done({ status, headers: new Fields(lines), body: octetsOf(body ?? '') });
  }

  begin(status: number, lines: FieldLines): Writable {
    const chunks: Buffer[] = [];
    this.#begun = { status, lines, chunks };
    this.#sink = new Writable({
      write: (chunk: Buffer, _encoding, next) => {
        chunks.push(chunk);
        next();
      },
      final: (next) => {
        this.#done({ status, headers: new Fields(lines), body: Buffer.concat(chunks) });
        next();
      },
    });
    this.#sink.on('error', () => {});
    return this.#sink;
  }

  fail(error: GatewayError): void {
    if (this.#begun !== undefined) this.#done(broken);
    else this.#done({ ...broken, status: error.status, code: error.code });
  }
}
