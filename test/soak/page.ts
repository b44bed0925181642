import { get, type IncomingMessage } from 'node:http';
import { CHILDREN, PARENTS } from './world.ts';

const RETRY_MS = 50;
const FETCH_TIMEOUT_MS = 3_000;
/** The host that the clients of the workload ask for, so that a page gets what they have stored. */
const HEADERS = { host: 'api.example' };
/** Of a stream that says nothing, heartbeats included: its node is gone. */
const SILENCE_MS = 20_000;

/**
 * A page in a browser: it fetches everything once, and after that only what events name. What it still shows of before
 * a write, once all events have come, is a lost event.
 */
export class Page {
  readonly #url: string;
  /** Path → the version of the world that the page shows. */
  readonly #shown = new Map<string, number>();
  readonly #wanted = new Set<string>();
  #stream: IncomingMessage | undefined;
  #lastEventId: string | undefined;
  #fetching = false;
  #closed = false;
  events = 0;
  resyncs = 0;

  constructor(url: string) {
    this.#url = url;
    this.#fetchAll();
    this.#subscribe();
  }

  /** Of those, the paths that it shows as of before. */
  behind(floors: ReadonlyMap<string, { readonly version: number }>): string[] {
    return [...floors].flatMap(([path, { version }]) => ((this.#shown.get(path) ?? -1) < version ? [path] : []));
  }

  close(): void {
    this.#closed = true;
    this.#stream?.destroy();
  }

  #subscribe(): void {
    if (this.#closed) return;
    const headers = this.#lastEventId === undefined ? HEADERS : { ...HEADERS, 'last-event-id': this.#lastEventId };
    let ended = false;
    const again = (): void => {
      if (ended) return;
      ended = true;
      setTimeout(() => this.#subscribe(), RETRY_MS);
    };
    const outgoing = get(`${this.#url}/_unstale/events`, { headers, agent: false, timeout: SILENCE_MS });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', again);
    outgoing.on('response', (stream) => {
      this.#stream = stream;
      // A stream that begins anew and cannot resume, as the first one of a page: it may have missed events.
      if (this.#lastEventId === undefined) this.#fetchAll();
      let text = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        const blocks = (text + chunk).split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      });
      stream.on('error', again);
      stream.on('close', again);
    });
  }

  #take(block: string): void {
    this.#lastEventId = /^id: ?(.*)$/m.exec(block)?.[1] ?? this.#lastEventId;
    const data = /^data: ?(.*)$/m.exec(block)?.[1];
    if (data === undefined) return;
    this.events += 1;
    if (/^event: ?resync$/m.test(block)) {
      this.resyncs += 1;
      this.#fetchAll();
      return;
    }
    const { paths = [], tags = [] } = JSON.parse(data) as { paths?: string[]; tags?: string[] };
    // Wildcards: a page looks at everything.
    if ([...paths, ...tags].some((name) => name.includes('*'))) this.#fetchAll();
    else this.#want(paths.filter((path) => /^\/(children|parents)\/\d+$/.test(path)));
  }

  #fetchAll(): void {
    this.#want([
      ...Array.from({ length: CHILDREN }, (_, id) => `/children/${id}`),
      ...Array.from({ length: PARENTS }, (_, id) => `/parents/${id}`),
    ]);
  }

  #want(paths: readonly string[]): void {
    for (const path of paths) this.#wanted.add(path);
    if (!this.#fetching) void this.#fetch();
  }

  async #fetch(): Promise<void> {
    this.#fetching = true;
    for (const path of this.#wanted) {
      if (this.#closed) break;
      this.#wanted.delete(path);
      const version = await versionAt(this.#url, path);
      if (version !== undefined) {
        this.#shown.set(path, version);
      } else {
        this.#wanted.add(path);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.#fetching = false;
  }
}

function versionAt(url: string, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const outgoing = get(url + path, { headers: HEADERS, timeout: FETCH_TIMEOUT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', () => resolve(undefined));
      response.on('end', () => {
        resolve(response.statusCode === 200 ? (JSON.parse(text) as { asOf: number }).asOf : undefined);
      });
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(undefined));
  });
}
