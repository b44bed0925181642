import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../demo/api/database.ts';
import { schema } from '../../demo/api/schema.ts';
import { seed } from '../../demo/api/seed.ts';
import { startTravelApi, type TravelApi } from '../../demo/api/travel-api.ts';
import { buildIfOutdated } from './build.ts';
import { bundle, bundleProgram } from './bundle.ts';
import { readSnapshot } from './snapshot.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Asked by `shared.ts`, from the processes of the tests. */
    sharedUrl: string;
  }
}

/**
 * What test files share is started for the first that asks, and not at all when none does: a database in the process
 * takes seconds and 750 MB.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'unstale-tests-'));
  let travelApi: Promise<TravelApi> | undefined;
  let snapshot: Promise<string> | undefined;
  let building: Promise<void> | undefined;
  let program: Promise<string> | undefined;
  const bundles = new Map<string, Promise<string>>();
  const shared: Record<string, () => Promise<string>> = {
    '/travel-snapshot': () => {
      snapshot ??= seededDatabase();
      return snapshot;
    },
    '/travel-api': async () => {
      snapshot ??= seededDatabase();
      travelApi ??= snapshot.then((file) => startTravelApi({ latencyMs: [0, 0], snapshot: readSnapshot(file) }));
      return (await travelApi).url;
    },
    // Each caller looks again: in watch mode src/ changes between runs.
    '/build': async () => {
      building ??= buildIfOutdated().finally(() => {
        building = undefined;
      });
      await building;
      return resolve('dist/cli/main.js');
    },
    '/program': () => {
      program ??= bundleProgram(folder);
      return program;
    },
  };
  const bundled = (entry: string): Promise<string> => {
    const made = bundles.get(entry) ?? bundle(entry, folder);
    bundles.set(entry, made);
    return made;
  };
  project.onTestsRerun(() => {
    program = undefined;
    bundles.clear();
  });
  const server = createServer((request, response) => {
    const [path = '', entry] = (request.url ?? '').split('?', 2);
    const start = shared[path] ?? (() => Promise.reject(new Error(`nothing shared is at ${path}`)));
    (entry === undefined ? start() : bundled(entry)).then(
      (answer) => response.end(answer),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('sharedUrl', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    await (await travelApi)?.close();
    await rm(folder, { recursive: true });
  };
}

/**
 * A snapshot of the database with its schema and seed. To create it takes several seconds of CPU, so the next run finds
 * it, as long as nothing has changed of what it is made from.
 * @returns its path
 */
async function seededDatabase(): Promise<string> {
  const pglite = await readFile('node_modules/@electric-sql/pglite/package.json', 'utf8');
  const madeFrom = createHash('sha256').update(JSON.stringify([schema, seed, JSON.parse(pglite).version]));
  const file = resolve(`node_modules/.cache/unstale/travel-${madeFrom.digest('hex').slice(0, 16)}.tar`);
  if (existsSync(file)) return file;
  const database = await openDatabase();
  try {
    await mkdir(dirname(file), { recursive: true });
    // Another run must not find half of it.
    const part = `${file}.${process.pid}`;
    await writeFile(part, Buffer.from(await (await database.snapshot()).arrayBuffer()));
    await rename(part, file);
    return file;
  } finally {
    await database.close();
  }
}
