import { type BuildOptions, build } from 'esbuild';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/** A browser on a busy machine is slow. Reached by no test that passes. */
export const PATIENCE_MS = 45_000;

const root = new URL('../../', import.meta.url).pathname;

type Gateway = Pick<TestGateway, 'url' | 'adminUrl' | 'stop'>;

/** What an application is made with. */
export interface Tools {
  /** Of the page's script: TSX, or a file name in this folder. */
  readonly bundle: (source: string) => Promise<string>;
  readonly startGateway: (originUrl: string, yaml: string) => Promise<Gateway>;
}

/** Those of the repository, from its sources. */
const ofSources: Tools = { bundle, startGateway };

/** A page of an application, and the API that it uses, behind a gateway. */
export interface Application {
  readonly url: string;
  readonly gateway: Gateway;
  /** Changes the title of the step, through the gateway. */
  rename(title: string): Promise<void>;
  /** Has the API answer the next read with an error that is no JSON. */
  failOnce(): void;
  /** How often the API was asked for this path. */
  reads(path: string): number;
  /** Holds the answers to reads back until it is called. They say what was so when the request came. */
  hold(): () => void;
  close(): Promise<void>;
}

export async function startApplication(source: string, tools = ofSources): Promise<Application> {
  const script = await tools.bundle(source);
  const titles = new Map<string, string>();
  const titleOf = (path: string): string => titles.get(path) ?? 'first';
  let held: (() => void)[] | undefined;
  let fails = false;
  const origin: ScriptedOrigin = await scriptedOrigin();
  origin.on(
    () => true,
    ({ method, url = '' }, response, { body }) => {
      const path = url.split('?', 1)[0] ?? '';
      if (path === '/') return void response.setHeader('content-type', 'text/html').end(HTML);
      if (path === '/page.js') return void response.setHeader('content-type', 'text/javascript').end(script);
      if (!path.startsWith('/steps/')) return void response.writeHead(404).end();
      if (method === 'PUT') {
        titles.set(path, (JSON.parse(body.toString()) as { title: string }).title);
        return void response.writeHead(204).end();
      }
      if (fails) {
        fails = false;
        return void response.writeHead(503).end('down');
      }
      const answer = JSON.stringify({ id: 7, title: titleOf(path) });
      const send = (): void => void response.setHeader('content-type', 'application/json').end(answer);
      if (held === undefined) send();
      else held.push(send);
    },
  );
  const gateway = await tools.startGateway(origin.url, 'routes: [{ match: /steps/:id, cache: { ttl: 60s } }]');
  return {
    url: gateway.url,
    gateway,
    async rename(title) {
      const { status } = await get(`${gateway.url}/steps/7`, { method: 'PUT', body: { title } });
      if (status !== 204) throw new Error(`the write was answered ${status}`);
    },
    failOnce: () => {
      fails = true;
    },
    reads: (path) => origin.requests(`GET ${path}`).length,
    hold() {
      held ??= [];
      return () => {
        const sends = held ?? [];
        held = undefined;
        for (const send of sends) send();
      };
    },
    async close() {
      await gateway.stop();
      await origin.close();
    },
  };
}

const HTML =
  '<!doctype html><title>Step</title><div id="root"></div><div id="plain"><h1></h1><output></output></div>' +
  '<script type="module" src="/page.js"></script>';

async function bundle(source: string): Promise<string> {
  const isFile = source.endsWith('.tsx');
  return await bundled({
    ...(isFile
      ? { entryPoints: [new URL(source, import.meta.url).pathname] }
      : { stdin: { contents: source, resolveDir: root, loader: 'tsx' } }),
    tsconfig: `${root}tsconfig.client.json`,
  });
}

/** The script of a page. */
export async function bundled(options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    ...options,
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"development"' },
    logLevel: 'silent',
  });
  return outputFiles?.[0]?.text ?? '';
}
