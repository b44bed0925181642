import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { OriginError } from '../../../src/errors.ts';
import { bodyOf } from '../../../src/exchange/body.ts';
import type { Origin, OriginRequest, OriginResponse } from '../../../src/exchange/ports.ts';
import { Fields } from '../../../src/http/fields.ts';
import type { Process, World } from '../world.ts';
import type { Api, ApiAnswer, Evaluation } from './api.ts';
import { type Features, MAX_LATE_MS } from './configuration.ts';

/** How the API treats one request. Times in milliseconds. */
export interface Treatment {
  /**
   * From the arrival until it is looked at, and from there until the head of the answer is sent; until the body, from
   * there.
   */
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly bodyMs: number;
  /**
   * 5xx, or a connection that breaks, before or after it is done; a body that breaks off; an answer without a body.
   */
  readonly fate:
    | 'answered'
    | 'silent'
    | 'fails-before'
    | 'fails-after'
    | 'breaks-before'
    | 'breaks-after'
    | 'breaks-off';
}

export type Treat = (request: { method: string; path: string; write: number | undefined }) => Treatment;

/** What became of a write at the API. */
export interface Observed {
  evaluated(write: number, evaluation: Evaluation, who: string): void;
  /** Its gateway has the whole answer. */
  returned(write: number): void;
}

export interface OriginOptions {
  readonly world: World;
  readonly process: Process;
  readonly api: Api;
  readonly treat: Treat;
  readonly observed: Observed;
  readonly timeoutMs: number;
  /** Fields of every answer to a read. */
  readonly cacheControl: string;
  readonly etags: boolean;
  readonly languages: Features['languages'];
  readonly serverErrors: 'unknown' | 'unchanged';
}

/** The way of one gateway to the API, as origin/ has it: a port, its waits in virtual time. */
export class SimulatedOrigin implements Origin {
  readonly serverErrors: 'unknown' | 'unchanged';
  readonly #options: OriginOptions;
  /** Requests that have not been answered whole. */
  underway = 0;

  constructor(options: OriginOptions) {
    this.#options = options;
    this.serverErrors = options.serverErrors;
  }

  async fetch(request: OriginRequest): Promise<OriginResponse> {
    const body = await wholeOf(request.body);
    this.underway += 1;
    try {
      return await this.#exchange(request, body);
    } finally {
      this.underway -= 1;
    }
  }

  #exchange(request: OriginRequest, body: string): Promise<OriginResponse> {
    const { process, timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const exchange = { givenUp: false };
      const cancel = process.timers.after(timeoutMs, () => {
        exchange.givenUp = true;
        reject(new OriginError('originTimeout', { sent: true }));
      });
      const arrive = (done: () => void): void =>
        process.run(() => {
          cancel();
          done();
        });
      const fail = (error: OriginError): void => arrive(() => reject(error));
      request.signal?.addEventListener('abort', () => fail(new OriginError('originReset', { sent: true })), {
        once: true,
      });
      const answer = (response: OriginResponse): void => arrive(() => resolve(response));
      this.#arrive(request, body, { answer, fail, isGivenUp: () => exchange.givenUp });
    });
  }

  #arrive(
    request: OriginRequest,
    text: string,
    back: { answer(response: OriginResponse): void; fail(error: OriginError): void; isGivenUp(): boolean },
  ): void {
    const { world, api, treat, observed, process } = this.#options;
    const fields = new Fields(request.headers);
    const path = request.target.split('?')[0] as string;
    const write = fields.has('x-write') ? Number(fields.get('x-write')) : undefined;
    const isHead = request.method === 'HEAD';
    const isRead = isHead || request.method === 'GET';
    const { beforeMs, afterMs, bodyMs, fate } = treat({
      method: request.method,
      path,
      write: isRead ? undefined : write,
    });
    const user = fields.get('authorization');
    const language = fields.get('accept-language')?.startsWith('de') === true ? 'de' : undefined;
    const ifNoneMatch = isRead ? fields.get('if-none-match') : undefined;
    const broken = (): void => back.fail(new OriginError('originReset', { sent: true }));
    const failure = { status: 500, body: {} };
    const failed = (): void => back.answer(this.#response(failure, 0, { fate: 'answered', fields: [], isHead }));
    world.after(beforeMs, () => {
      // Whose gateway has died has given it up.
      if (world.now > process.diedAt + MAX_LATE_MS) return;
      if (fate === 'fails-before') return void world.after(afterMs, failed);
      if (fate === 'breaks-before') return broken();
      const evaluation = isRead
        ? { answer: this.#tagged(api.read(api.viewOf(asked(request.target), user, language)), ifNoneMatch) }
        : api.write({ method: request.method, path, user, ifMatch: fields.get('if-match'), body: parsed(text) });
      if ('resources' in evaluation && write !== undefined) observed.evaluated(write, evaluation, process.name);
      world.after(afterMs, () => {
        if (fate === 'fails-after') return failed();
        if (fate === 'breaks-after') return broken();
        if (!isRead && write !== undefined && fate !== 'breaks-off') {
          const returned = (): void => (back.isGivenUp() ? undefined : observed.returned(write));
          world.after(bodyMs, () => process.run(returned));
        }
        const fieldsOf = isRead ? this.#readFields(evaluation.answer, path, language) : [];
        back.answer(this.#response(evaluation.answer, bodyMs, { fate, fields: fieldsOf, isHead, ...rangeOf(fields) }));
      });
    });
  }

  #readFields({ status }: ApiAnswer, path: string, language: string | undefined): string[] {
    if (status === 401) return ['Cache-Control', 'no-store'];
    const lines = ['Cache-Control', this.#options.cacheControl];
    if (this.#options.languages === 'off' || !path.startsWith('/trips/')) return lines;
    lines.push('Content-Language', language ?? 'en');
    if (this.#options.languages === 'vary') lines.push('Vary', 'Accept-Language');
    return lines;
  }

  /** With a validator, and without a body for a client that has it. */
  #tagged(answer: ApiAnswer, ifNoneMatch: string | undefined): ApiAnswer {
    if (!this.#options.etags || answer.status !== 200) return answer;
    const etag = answer.etag ?? `"c${hash('sha1', JSON.stringify(answer.body))}"`;
    return ifNoneMatch === etag ? { status: 304, body: undefined, etag } : { ...answer, etag };
  }

  #response(answer: ApiAnswer, bodyMs: number, { fate, fields, isHead, range, ifRange }: Shape): OriginResponse {
    const { world, process, etags } = this.#options;
    const silent = fate === 'silent' && answer.status === 200 && fields.length === 0;
    const bodiless = silent || answer.status === 204 || answer.status === 304;
    const whole = bodiless ? Buffer.alloc(0) : Buffer.from(JSON.stringify(answer.body));
    const isPart =
      range !== undefined && answer.status === 200 && !isHead && (ifRange === undefined || ifRange === answer.etag);
    const part = isPart ? whole.subarray(range.from, range.to) : whole;
    const bytes = isHead ? Buffer.alloc(0) : part;
    const status = silent ? 204 : isPart ? 206 : answer.status;
    const lines = [...fields];
    if (!bodiless) lines.push('Content-Type', 'application/json', 'Content-Length', String(part.byteLength));
    if (isPart)
      lines.push('Content-Range', `bytes ${range.from}-${range.from + part.byteLength - 1}/${whole.byteLength}`);
    if (answer.etag !== undefined && etags) lines.push('ETag', answer.etag);
    if (answer.location !== undefined) lines.push('Location', answer.location);
    const body = new Readable({ read: () => {} });
    // A client that left meanwhile must not be failed by it.
    body.on('error', () => {});
    const end = (): void => {
      if (fate === 'breaks-off' && bytes.byteLength > 0) {
        body.push(bytes.subarray(0, 1));
        body.destroy(new OriginError('originReset', { sent: true }));
        return;
      }
      if (bytes.byteLength > 0) body.push(bytes);
      body.push(null);
    };
    world.after(bodyMs, () => process.run(end));
    return { status, headers: new Fields(lines), body: bodyOf(body), trailers: () => [], isDelimited: () => true };
  }
}

/** How an answer is given. */
interface Shape {
  readonly fate: Treatment['fate'];
  readonly fields: readonly string[];
  readonly isHead: boolean;
  readonly range?: { readonly from: number; readonly to: number } | undefined;
  readonly ifRange?: string | undefined;
}

/** The one range that is asked for, its end excluded. */
function rangeOf(fields: Fields): Pick<Shape, 'range' | 'ifRange'> {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(fields.get('range') ?? '') ?? [];
  if (from === undefined) return {};
  const end = to === '' ? Number.POSITIVE_INFINITY : Number(to) + 1;
  return { range: { from: Number(from), to: end }, ifRange: fields.get('if-range') };
}

/** The target as the API means it: of a query, the step. */
function asked(target: string): string {
  const [path = '', query = ''] = target.split('?');
  const step = new URLSearchParams(query).get('step');
  return step === null ? path : `${path}?step=${step}`;
}

async function wholeOf(body: OriginRequest['body']): Promise<string> {
  if (body === undefined) return '';
  if (Buffer.isBuffer(body)) return body.toString();
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of body) chunks.push(chunk as Buffer);
  } catch (cause) {
    throw new OriginError('originReset', { sent: true, cause });
  }
  return Buffer.concat(chunks).toString();
}

function parsed(text: string): unknown {
  return text === '' ? {} : JSON.parse(text);
}
