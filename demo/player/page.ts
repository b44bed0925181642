import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Page } from '../api/pages.ts';

/** Nothing but what the page itself brings: no inline script or style, no other host, and only our own frames. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "frame-src 'self'",
  "frame-ancestors 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const types = { html: 'text/html', css: 'text/css', js: 'text/javascript' } as const;

/**
 * The demo's page by path. Its script is bundled from the sources of `unstale/client` and its adapters as applications
 * bundle them.
 * @param root of the checkout
 */
export async function demoPage(root: string): Promise<ReadonlyMap<string, Page>> {
  const folder = join(root, 'demo', 'page');
  const [index, window, style, script] = await Promise.all([
    withHead(folder, 'index.html'),
    withHead(folder, 'window.html'),
    readFile(join(folder, 'style.css')),
    bundle(root, join(folder, 'window.tsx')),
  ]);
  return new Map([
    ['/demo', page('html', index)],
    ['/demo/', page('html', index)],
    ['/demo/window.html', page('html', window)],
    ['/demo/style.css', page('css', style)],
    ['/demo/window.js', page('js', script)],
  ]);
}

/** Both pages begin alike. */
async function withHead(folder: string, name: string): Promise<Uint8Array> {
  const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8');
  return Buffer.from((await read(name)).replace('<!-- head.html -->', await read('head.html')));
}

async function bundle(root: string, entry: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    minify: true,
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    tsconfig: join(root, 'tsconfig.client.json'),
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`${entry} made no bundle`);
  return file.contents;
}

function page(kind: keyof typeof types, body: Uint8Array): Page {
  const headers = {
    'content-type': `${types[kind]}; charset=utf-8`,
    // The browser asks each time, so that a new build of the demo is seen at once.
    'cache-control': 'no-cache',
    etag: `"${createHash('sha256').update(body).digest('base64url')}"`,
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  return { headers, body };
}
