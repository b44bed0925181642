import ts from 'typescript';
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
function problemsOf(sources: ReadonlyMap<string, string>): string[] {
  const files = new Map([...sources].map(([name, text]) => [`${root}${name}`, text]));
  const { config } = ts.readConfigFile(`${root}tsconfig.client.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  const host = ts.createCompilerHost(options);
  // The comments of the libraries say nothing of types.
  host.jsDocParsingMode = ts.JSDocParsingMode.ParseNone;
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.getSourceFile = (name, target, ...rest) => {
    const text = files.get(name);
    return text === undefined ? getSourceFile(name, target, ...rest) : ts.createSourceFile(name, text, target);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((name) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(name))
      .map(({ messageText }) => `${name.slice(root.length)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`),
  );
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

test('the compiler accepts them, and would notice a name that is none', { timeout: 120_000 }, () => {
  const wrong = "import { connect } from 'unstale/client';\nconnect({ matches: ['/steps/7'] });\n";
  const given = { 'vue.d.ts': vue, 'surroundings.d.ts': surroundings, 'wrong.ts': wrong };
  expect(problemsOf(new Map([...examples, ...Object.entries(given)]))).toEqual([
    expect.stringMatching(/^wrong\.ts: .*'matches' does not exist/),
  ]);
});
