import { build, type Metafile } from 'esbuild';
import { expect, it } from 'vitest';

/** The packages and files that these files load before they do anything. */
async function loadedBy(entryPoints: string[]): Promise<string[]> {
  const { metafile } = await build({
    ...{ entryPoints, bundle: true, write: false, metafile: true, outdir: 'unused' },
    ...{ platform: 'node', format: 'esm', packages: 'external', logLevel: 'error' },
  });
  const packages = new Set<string>();
  const seen = new Set(entryPoints);
  for (const file of seen) {
    for (const { path, kind, external } of importsOf(metafile, file)) {
      if (kind !== 'import-statement') continue;
      if (external === true) packages.add(path);
      else seen.add(path);
    }
  }
  return [...packages, ...seen];
}

function importsOf({ inputs }: Metafile, file: string): Metafile['inputs'][string]['imports'] {
  const input = inputs[file];
  if (input === undefined) throw new Error(`esbuild did not read ${file}`);
  return input.imports;
}

it('a gateway that is started loads nothing for what its configuration may not use', async () => {
  const loaded = await loadedBy(['src/cli/main.ts', 'src/cli/serve.ts', 'src/gateway.ts']);
  expect(loaded).toContain('fastify');
  const rare = ['ioredis', 'jose', 'src/wire-cluster.ts', 'src/wire-webhooks.ts'];
  for (const name of rare) expect(loaded).not.toContain(name);
});

it('a gateway that is started loads no other command', async () => {
  const loaded = await loadedBy(['src/cli/main.ts']);
  expect(loaded).toContain('src/cli/serve.ts');
  for (const name of ['tail', 'init', 'replay']) expect(loaded).not.toContain(`src/cli/${name}.ts`);
});
