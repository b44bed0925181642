import { get, type IncomingMessage, request } from 'node:http';
import { cyan, note, red, row } from './terminal.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
  json<T>(): T;
}

/** How long the play waits for an event; they come within a millisecond of the write. */
const EVENT_PATIENCE_MS = 5_000;

/** The gateway as a client sees it, and beside it the memory of a cache that knows nothing of writes. */
export class Stage {
  readonly #url: string;
  /** What an ordinary cache would still have: the API says max-age=300 to everything. */
  readonly #remembered = new Map<string, string>();
  #events: IncomingMessage | undefined;
  #heard = 0;
  #wake: () => void = () => {};

  constructor(url: string) {
    this.#url = url;
  }

  /** Reads twice, so that the second is a hit, and remembers what was read. */
  async warm(path: string, show: (body: string) => string): Promise<void> {
    const first = await this.#exchange('GET', path);
    await this.#exchange('GET', path);
    this.#remembered.set(path, first.body);
    note('reads', show(first.body));
  }

  /** Reads again after a write, and says what would have been read without the gateway. */
  async again(path: string, show: (body: string) => string): Promise<void> {
    const answer = await this.#exchange('GET', path);
    const ordinary = this.#remembered.get(path);
    note('reads', show(answer.body));
    if (ordinary !== undefined && ordinary !== answer.body) {
      note('an ordinary cache says', red(`${show(ordinary)}   for up to 300 s more`));
    }
    this.#remembered.set(path, answer.body);
  }

  /** Writes, and waits until the event that the write causes has come. */
  async write(method: string, path: string, body?: unknown): Promise<Answer> {
    const heard = this.#heard;
    const answer = await this.#exchange(method, path, body);
    await this.#eventAfter(heard);
    return answer;
  }

  /** Prints each event as it arrives. */
  async listen(): Promise<void> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${this.#url}/_unstale/events`, { agent: false }, resolve).on('error', reject);
    });
    this.#events = response;
    let text = '';
    response.setEncoding('utf8');
    response.on('error', () => response.destroy());
    response.on('data', (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        this.#print(text.slice(0, end));
        text = text.slice(end + 2);
      }
    });
  }

  close(): void {
    this.#events?.destroy();
  }

  #print(block: string): void {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const [type, data] = [field('event'), field('data')];
    if (type === undefined || data === undefined) return;
    const { paths, tags } = JSON.parse(data) as { paths: string[]; tags: string[] };
    note('event', cyan(`${type}  ${[...paths, ...tags.map((tag) => `tag:${tag}`)].join(' ')}`));
    this.#heard += 1;
    this.#wake();
  }

  async #eventAfter(heard: number): Promise<void> {
    if (this.#heard > heard) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the event of a write did not come')), EVENT_PATIENCE_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #exchange(method: string, path: string, body?: unknown): Promise<Answer> {
    const startedAt = performance.now();
    const { response, text } = await send(this.#url + path, method, body);
    const status = response.statusCode ?? 0;
    row(`${method} ${path}`, status, performance.now() - startedAt, String(response.headers['cache-status'] ?? ''));
    return { status, body: text, json: <T>() => JSON.parse(text) as T };
  }
}

async function send(url: string, method: string, body: unknown): Promise<{ response: IncomingMessage; text: string }> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers =
    payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method, headers }, resolve).on('error', reject).end(payload);
  });
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
  return { response, text };
}
