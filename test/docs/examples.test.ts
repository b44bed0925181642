import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { readRepository } from './citations.ts';

/* The TypeScript in the documents of the client, by the compiler. test/browser/documents.test.ts runs whole pages. */

const repository = readRepository();
const root = new URL('../../', import.meta.url).pathname;

/** What the fragments take for granted. Vue is not installed: of it, this is all that they use. */
const surroundings = `
type Query = typeof import('@tanstack/react-query');
declare const useMutation: Query['useMutation'];
declare const queryClient: InstanceType<Query['QueryClient']>;
interface Accommodation { readonly id: number; readonly stepId: number }
declare function put(path: string, body: Accommodation): Promise<Response>;
declare const App: object;
`;
const vue = `
declare module 'vue' {
  interface Application { use(plugin: object, options: object): Application; mount(selector: string): void }
  export function createApp(root: object): Application;
  export function ref<T>(value: T): { value: T };
}
declare module '@tanstack/vue-query' {
  export { QueryClient } from '@tanstack/query-core';
  export const VueQueryPlugin: object;
}
`;

const examples = new Map(
  ['README.md', 'docs/client.md'].flatMap((file) =>
    [...repository.textOf(file).matchAll(/^```(tsx?)\n(.*?)^```$/gms)].map(
      ([, kind = '', code = ''], i) =>
        [`${file}-${i + 1}.${kind}`, code.includes('import ') ? code : `export {};\n${code}`] as const,
    ),
  ),
);

/** What the compiler has to say of each of these, with the settings of the client's own sources. */
async function problemsOf(sources: ReadonlyMap<string, string>): Promise<string[]> {
  // In the repository, as packages are looked for in the folders above.
  const made = join(root, 'test/docs/dist');
  await mkdir(made, { recursive: true });
  const folder = await mkdtemp(join(made, 'examples-'));
  try {
    for (const [name, text] of sources) {
      const file = join(folder, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    const settings = { extends: join(root, 'tsconfig.client.json'), include: ['.'], exclude: [] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(settings));
    const run = promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', '.', '--pretty', 'false'], {
      cwd: folder,
    });
    const said = await run.catch((error: { stdout?: string }) => error);
    // What is indented belongs to the line before it.
    return (said.stdout ?? String(said)).split(/\n(?! )/).filter((line) => line !== '');
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('there are examples', () => {
  expect([...examples.keys()]).toEqual([
    'README.md-1.tsx',
    'docs/client.md-1.tsx',
    'docs/client.md-2.ts',
    'docs/client.md-3.ts',
    'docs/client.md-4.tsx',
    'docs/client.md-5.ts',
  ]);
});

test('the compiler accepts them, and would notice a name that is none', async () => {
  const wrong = "import { connect } from 'unstale/client';\nconnect({ matches: ['/steps/7'] });\n";
  const given = { 'vue.d.ts': vue, 'surroundings.d.ts': surroundings, 'wrong.ts': wrong };
  expect(await problemsOf(new Map([...examples, ...Object.entries(given)]))).toEqual([
    expect.stringMatching(/^wrong\.ts\(2,11\): .*'matches' does not exist/),
  ]);
});
