import { afterEach, beforeEach, expect } from 'vitest';
import type { Verified } from '../../src/exchange/inspect/verify.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/* A gateway, an API that says what a test wants, and `POST /verify`, which compares them. */

export interface Said {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Of the test that runs. */
export let api: ScriptedOrigin;
export let gateway: TestGateway;
/** What the API says, by path; a function of the request's fields where it varies. */
export let says: Record<string, Said | ((headers: Record<string, unknown>) => Said)>;

/** Called by each file that uses this: all is made anew for each of its tests. */
export function useVerifyRig(): void {
  beforeEach(async () => {
    api = await scriptedOrigin();
    says = {};
    api.on(
      () => true,
      (request, response) => {
        const said = says[request.url ?? ''];
        const {
          status = 200,
          headers = {},
          body = '{}',
        } = (typeof said === 'function' ? said(request.headers) : said) ?? { status: 404 };
        response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60', ...headers });
        response.end(body);
      },
    );
    gateway = await startGateway(
      api.url,
      `origin: { url: "${api.url}", timeout: 1s }
store: { memory: { maxEntry: 64KiB } }
routes:
  - { match: /mine, cache: { credentials: perUser, userKey: [authorization] } }
  - { match: /shared, cache: { credentials: shared } }
  - { match: /by-tenant, cache: { key: { headers: [x-tenant] } } }
  - { match: /paged, cache: { key: { query: [page] } } }
`,
    );
  });
  afterEach(async () => {
    await gateway.stop();
    await api.close();
  });
}

/** Another configuration, and nothing stored but what that loads. */
export async function restart(yaml: string): Promise<void> {
  await gateway.stop();
  gateway = await startGateway(api.url, yaml);
}

export const read = async (path: string, headers: Record<string, string> = {}): Promise<string> =>
  String((await get(gateway.url + path, { headers })).headers['cache-status']);

export async function store(path: string, headers: Record<string, string> = {}): Promise<void> {
  await read(path, headers);
  expect(await read(path, headers)).toContain('; hit');
}

export async function verify(...urls: string[]): Promise<Verified[]> {
  const { status, text } = await get(`${gateway.adminUrl}/verify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ urls }),
  });
  expect({ status, text }).toMatchObject({ status: 200 });
  return (JSON.parse(text) as { verified: Verified[] }).verified;
}

export const json = (value: unknown): Said => ({ body: JSON.stringify(value) });
