import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { buildIfOutdated } from '../support/build.ts';
import { serve } from '../workers/serve.ts';
import { type Application, bundled, PATIENCE_MS, startApplication, type Tools } from './application.ts';
import { chromium, useChromium } from './rig.ts';

/* The page of the README, made and served by the package as npm packs it, not by the sources in the repository. */

const root = new URL('../../', import.meta.url).pathname;
const run = promisify(execFile);
const example = async (): Promise<string> =>
  /^```tsx\n(.*?)^```$/ms.exec(await readFile(`${root}README.md`, 'utf8'))?.[1] ?? '';

/** A folder where the package is installed. What it depends on is found in the repository, which is above it. */
let installed: string;
let application: Application | undefined;

useChromium();
beforeAll(async () => {
  await buildIfOutdated();
  const made = join(root, 'test/browser/dist');
  await mkdir(made, { recursive: true });
  installed = await mkdtemp(join(made, 'installed-'));
  // Not the script that builds it anew: other tests may be using what is built.
  const packing = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', installed], {
    cwd: root,
  });
  const [{ filename }] = JSON.parse(packing.stdout) as [{ filename: string }];
  const target = join(installed, 'node_modules/unstale');
  await mkdir(target, { recursive: true });
  await run('tar', ['-xzf', join(installed, filename), '--strip-components=1', '-C', target]);
  await writeFile(join(installed, 'package.json'), '{ "type": "module" }');
}, PATIENCE_MS);
afterEach(() => application?.close());
afterAll(() => rm(installed, { recursive: true, force: true }));

const tools: Tools = {
  bundle: (source) => bundled({ stdin: { contents: source, resolveDir: installed, loader: 'tsx' }, tsconfigRaw: '{}' }),
  async startGateway(originUrl, yaml) {
    const gateway = await serve(originUrl, 1, yaml, join(installed, 'node_modules/unstale/dist/cli/main.js'));
    return { ...gateway, stop: () => gateway.end('SIGTERM') };
  },
};

test('it is ten lines, and follows the writes of others in every tab', async () => {
  const code = await example();
  expect(code.trimEnd().split('\n')).toHaveLength(10);
  application = await startApplication(code, tools);
  const window = await chromium.browser.newContext();
  const pages = await Promise.all([window.newPage(), window.newPage()]);
  for (const page of pages) await page.goto(application.url);
  const show = (title: string): Promise<void> =>
    until(
      async () => {
        const titles = await Promise.all(pages.map((page) => page.locator('h1').allTextContents()));
        return titles.every(([text]) => text === title);
      },
      title,
      PATIENCE_MS,
    );
  await show('first');
  await application.rename('second');
  await show('second');
  await window.close();
});

test('it has the types that it needs', async () => {
  await writeFile(join(installed, 'page.tsx'), await example());
  const settings = {
    compilerOptions: {
      ...{ strict: true, noEmit: true, skipLibCheck: false, types: [] },
      ...{ target: 'es2022', lib: ['es2023', 'dom', 'dom.iterable'] },
      ...{ module: 'esnext', moduleResolution: 'bundler', jsx: 'react-jsx' },
    },
    files: ['page.tsx'],
  };
  await writeFile(join(installed, 'tsconfig.json'), JSON.stringify(settings));
  const compiling = run(join(root, 'node_modules/.bin/tsc'), ['-p', '.', '--pretty', 'false'], { cwd: installed });
  const said = await compiling.catch((error: { stdout?: string }) => error);
  expect(said.stdout).toBe('');
});
