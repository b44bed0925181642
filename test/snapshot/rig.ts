import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fields } from '../../src/http/fields.ts';
import { type Gate, until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/** An API of plain documents with strong entity tags. */
export interface DocumentsApi {
  readonly origin: ScriptedOrigin;
  /** By path; a path that is not there is answered with 404. */
  readonly documents: Map<string, string>;
  /** Further fields of answers to reads, by path. `etag: ''` takes the entity tag away. */
  readonly fields: Map<string, Readonly<Record<string, string>>>;
  /** The status of all answers while it is down. */
  down: number | undefined;
  /** What a request has to pass before it is answered. */
  hold: Gate | undefined;
}

export async function documentsApi(): Promise<DocumentsApi> {
  const origin = await scriptedOrigin();
  const api: DocumentsApi = { origin, documents: new Map(), fields: new Map(), down: undefined, hold: undefined };
  origin.on(
    () => true,
    async (request, response, { body }) => {
      await api.hold?.pass();
      const path = (request.url ?? '/').split('?')[0] ?? '/';
      const { method } = request;
      if (api.down !== undefined) {
        response.writeHead(api.down).end();
        return;
      }
      if (method === 'PUT') api.documents.set(path, body.toString());
      if (method === 'DELETE') api.documents.delete(path);
      if (method !== 'GET' && method !== 'HEAD') {
        response.writeHead(204).end();
        return;
      }
      const document = api.documents.get(path);
      if (document === undefined) {
        response.writeHead(404, { 'cache-control': 'no-store' }).end();
        return;
      }
      const made = { etag: `"${createHash('sha256').update(document).digest('hex').slice(0, 12)}"` };
      const fields = Object.entries({ ...made, 'cache-control': 'max-age=600', ...api.fields.get(path) });
      const headers = Object.fromEntries(fields.filter(([, value]) => value !== ''));
      const isCurrent = headers.etag !== undefined && request.headers['if-none-match'] === headers.etag;
      response.writeHead(isCurrent ? 304 : 200, headers).end(isCurrent ? undefined : document);
    },
  );
  return api;
}

/** An API, a folder, and the gateways that a test starts, one after the other. */
export class SnapshotRig {
  readonly api: DocumentsApi;
  readonly folder = mkdtempSync(join(tmpdir(), 'unstale-snapshot-'));
  readonly #copies: string[] = [];
  #gateways: TestGateway[] = [];

  private constructor(api: DocumentsApi) {
    this.api = api;
  }

  static async open(): Promise<SnapshotRig> {
    return new SnapshotRig(await documentsApi());
  }

  async close(): Promise<void> {
    for (const gateway of this.#gateways.splice(0)) await gateway.stop();
    await this.api.origin.close();
    for (const folder of [this.folder, ...this.#copies]) rmSync(folder, { recursive: true, force: true });
  }

  get gateway(): TestGateway {
    return this.#gateways.at(-1) as TestGateway;
  }

  /** @param snapshot the keys of `store.snapshot` but its path @param yaml the rest of the configuration */
  async start(snapshot: string, yaml = '', folder = this.folder): Promise<TestGateway> {
    const text = `store: { snapshot: { path: ${JSON.stringify(folder)}, ${snapshot} } }\n${yaml}`;
    const gateway = await startGateway(this.api.origin.url, text);
    this.#gateways.push(gateway);
    return gateway;
  }

  /** A gateway without a snapshot. */
  async startWithout(): Promise<TestGateway> {
    const gateway = await startGateway(this.api.origin.url);
    this.#gateways.push(gateway);
    return gateway;
  }

  /** The same, once what there is has been loaded. */
  async startLoaded(snapshot: string, yaml = '', folder = this.folder): Promise<TestGateway> {
    const gateway = await this.start(snapshot, yaml, folder);
    await until(() => this.lines().some((line) => /^snapshot: (?:nothing |not )?loaded/.test(line)), 'the load');
    return gateway;
  }

  async stop(): Promise<void> {
    await this.#gateways.pop()?.stop();
  }

  /** What the log says of snapshots. */
  lines(): string[] {
    return this.gateway.logs.map(({ msg }) => msg).filter((msg) => msg.startsWith('snapshot'));
  }

  /** From now on the API answers everything with this status. */
  goDown(status: number): void {
    this.api.down = status;
  }

  /** What the disk has now, as after a loss of power. */
  copy(): string {
    const copy = mkdtempSync(join(tmpdir(), 'unstale-snapshot-'));
    this.#copies.push(copy);
    cpSync(this.folder, copy, { recursive: true, filter: (path) => !path.endsWith('/lock') });
    return copy;
  }

  ask(path: string, options: RequestOptions = {}): Promise<Answer> {
    // The name is in the key, and each gateway has a port of its own.
    return get(this.gateway.url + path, { ...options, headers: { host: 'api.example', ...options.headers } });
  }

  /** Reads each path twice: then it is stored. */
  async warm(...paths: string[]): Promise<void> {
    for (const path of [...paths, ...paths]) await this.ask(path);
  }
}

/** The last read of a path that came to the API had no condition: the gateway had nothing to be confirmed. */
export function isLastUnconditional({ origin }: DocumentsApi, path: string): boolean {
  const last = origin.requests(`GET ${path}`).at(-1);
  if (last === undefined) throw new Error(`${path} was not asked for`);
  const fields = new Fields(last.rawHeaders);
  return !fields.has('if-none-match') && !fields.has('if-modified-since');
}

export const isHit = (answer: Answer): boolean => /unstale; hit/.test(String(answer.headers['cache-status']));
/** Answered after the origin had confirmed a stored copy. */
export const isConfirmed = (answer: Answer): boolean =>
  /unstale; fwd=\S+; fwd-status=304/.test(String(answer.headers['cache-status']));
