import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { startGateway } from '../../support/gateway.ts';
import { get } from '../../support/request.ts';
import { scriptedOrigin } from '../../support/scripted-origin.ts';

/** What an API answers, and what each of some writes makes stale by the judgement of a careful person. */
export interface World {
  readonly name: string;
  /** The file of the description. */
  readonly description: string;
  /** Path with or without a query → JSON, or a status. */
  readonly reads: Readonly<Record<string, unknown>>;
  readonly writes: readonly Write[];
}

interface Write {
  /** `PUT /pets/1` */
  readonly on: string;
  readonly request?: unknown;
  /** JSON of the answer; 204 without. */
  readonly response?: unknown;
  /** What a GET of the written path answers, if `reads` do not have it. */
  readonly before?: unknown;
  /** Paths, with every query; a path with a query is that query alone. */
  readonly stale: readonly string[];
}

export interface Measured {
  /**
   * Of the responses that were stored: should have been dropped, and were; should have, and were not; need not have.
   */
  readonly right: number;
  readonly missed: readonly string[];
  readonly needless: readonly string[];
  /** Reads that are not stored at all. */
  readonly unstored: ReadonlySet<string>;
}

const folder = new URL('.', import.meta.url).pathname;

export const worlds: readonly World[] = readdirSync(folder)
  .filter((file) => file.endsWith('.yaml'))
  .map((file): World => {
    const world = parse(readFileSync(folder + file, 'utf8'), { maxAliasCount: -1 }) as Omit<World, 'name'>;
    return { name: file.replace('.yaml', ''), ...world };
  });

/** Plays the writes of a world against a gateway with this configuration, and looks which reads are hits afterwards. */
export async function measured(world: World, configuration: string): Promise<Measured> {
  const { reads, writes } = world;
  let current: Write | undefined;
  const origin = await scriptedOrigin();
  origin.on(
    () => true,
    (request, response) => {
      const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'public, max-age=600' };
      const url = request.url ?? '';
      if (request.method !== 'GET') {
        if (current?.response === undefined) return void response.writeHead(204).end();
        return void response.writeHead(200, headers).end(JSON.stringify(current.response));
      }
      const isWritten = current !== undefined && url === pathOf(current.on.split(' ')[1] ?? '');
      const body = reads[url] ?? (isWritten ? current?.before : undefined);
      if (body === undefined || typeof body === 'number')
        return void response.writeHead(typeof body === 'number' ? body : 404, headers).end('{}');
      response.writeHead(200, headers).end(JSON.stringify(body));
    },
  );
  const gateway = await startGateway(origin.url, configuration.replace(/^ {2}url: .*$/m, `  url: ${origin.url}`));
  let right = 0;
  const missed: string[] = [];
  const needless: string[] = [];
  const unstored = new Set<string>();
  try {
    for (const write of writes) {
      const stored: string[] = [];
      for (const path of Object.keys(reads)) {
        await get(gateway.url + path);
        if (isHit(await get(gateway.url + path))) stored.push(path);
        else unstored.add(path);
      }
      const [method = '', url = ''] = write.on.split(' ');
      current = write;
      await get(gateway.url + url, {
        method,
        ...(write.request === undefined ? {} : { body: write.request as Record<string, unknown> }),
      });
      current = undefined;
      for (const path of stored) {
        const isStale = write.stale.includes(path) || write.stale.includes(pathOf(path));
        const isKept = isHit(await get(gateway.url + path));
        if (isStale && !isKept) right++;
        else if (isStale) missed.push(`${write.on}: ${path}`);
        else if (!isKept) needless.push(`${write.on}: ${path}`);
      }
    }
  } finally {
    await gateway.stop();
    await origin.close();
  }
  return { right, missed, needless, unstored };
}

const pathOf = (url: string): string => url.replace(/\?.*$/, '');
const isHit = (answer: Awaited<ReturnType<typeof get>>): boolean =>
  /unstale; hit/.test(String(answer.headers['cache-status']));
