import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const options: BuildOptions = {
  ...{ bundle: true, platform: 'node', target: 'node20', logLevel: 'error' },
  // The other builds of packages hide from esbuild what they load.
  mainFields: ['module', 'main'],
};

/**
 * A script in one file: the same code, which starts in less than half the time that it takes to load its files.
 * @param entry its path in the repository
 * @returns its path in `folder`
 */
export async function bundle(entry: string, folder: string): Promise<string> {
  const outfile = join(folder, entry.replace(/\.m?[jt]s$/, '.mjs'));
  // For packages that are CommonJS.
  const banner = { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" };
  await build({ ...options, entryPoints: [entry], outfile, format: 'esm', banner });
  return outfile;
}

const PROGRAM = 'src/cli/main.ts';

/** `run-compiled.cjs` runs a function, and no function has an `await` outside of another. */
const awaiting: Plugin = {
  name: 'awaiting',
  setup({ onLoad }) {
    onLoad({ filter: /src\/cli\/main\.ts$/ }, async ({ path }) => {
      const lines = (await readFile(path, 'utf8')).replace(/^#!.*/, '').split('\n');
      const imports = lines.filter((line) => line.startsWith('import '));
      const body = lines.filter((line) => !line.startsWith('import '));
      return { contents: [...imports, '(async () => {', ...body, '})();'].join('\n'), loader: 'ts' };
    });
  },
};

/**
 * The program in one file, with the code that V8 has compiled of it: a gateway starts in half the time of the bundle
 * alone.
 * @returns its path in `folder`
 */
export async function bundleProgram(folder: string): Promise<string> {
  // The command looks there for its version.
  copyFileSync('package.json', join(folder, 'package.json'));
  const outfile = join(folder, dirname(PROGRAM), 'program.cjs');
  await build({
    ...{ ...options, entryPoints: [PROGRAM], outfile, format: 'cjs', plugins: [awaiting] },
    define: { 'import.meta.url': 'scriptUrl' },
    banner: { js: '(function(require,module,exports,scriptUrl){' },
    footer: { js: '})' },
  });
  const script = join(dirname(outfile), 'main.cjs');
  copyFileSync('test/support/run-compiled.cjs', script);
  await compile(script, join(folder, 'compile.yaml'));
  return script;
}

/** A gateway that starts and ends has called, and so compiled, most of what others will. */
async function compile(script: string, config: string): Promise<void> {
  const any = '{ listen: "127.0.0.1:0" }';
  writeFileSync(config, `server: ${any}\nadmin: ${any}\norigin: { url: "http://127.0.0.1:9" }\n`);
  const gateway = spawn(process.execPath, [script, 'serve', '-c', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KEEP_COMPILED: 'yes' },
  });
  let said = '';
  gateway.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (!gateway.killed && said.includes('"msg":"listening"')) gateway.kill('SIGTERM');
  });
  const [status] = await once(gateway, 'exit');
  if (status !== 0) throw new Error(`a gateway that was to be compiled ended with ${status}:\n${said}`);
}
