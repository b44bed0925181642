import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse, stringify } from 'yaml';
import { freePort } from '../../bench/servers/free-port.ts';
import { type Backend, Missing, type Running } from './backend.ts';
import { type Comparison, compare } from './compare.ts';
import { couchdb } from './couchdb.ts';
import { directus } from './directus.ts';
import { djangoRest } from './django-rest.ts';
import { drafted } from './drafted.ts';
import { jsonServer } from './json-server.ts';
import { startServer } from './processes.ts';
import { rails } from './rails.ts';
import { strapi } from './strapi.ts';
import { walkReadme } from './walk.ts';

const usage = `npm run test:backends -- [options]

  --only <text>    backends whose name holds it
  --writes <n>     to each (default 300)
  --seed <n>       of what is written (default 1)
  --without <rule> takes this rule out of the recipes first: the comparison has to notice
  --drafts         with what init drafts from their descriptions in place of the recipes
  --folder <path>  where the backends are installed (default node_modules/.cache/unstale-backends)

Installs servers of others from their registries, puts a gateway with the recipe from rules/backends/ before each, and
compares every read with what the server itself answers. Then does what the README says for json-server and for Directus
(--only readme). Exit code 1 for a stale answer.`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    writes: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    without: { type: 'string' },
    drafts: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'node_modules/.cache/unstale-backends' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const backends: readonly Backend[] = [jsonServer, couchdb, djangoRest, rails, directus, strapi];
/** What no registry has. */
const notPlayed = [
  { name: 'PostgREST', why: 'its binary is in no registry; test/scenarios/postgrest-recipe.test.ts plays its forms' },
];
/** Of the checkout, from test/backends/dist/test/backends. */
const root = fileURLToPath(new URL('../../../../../', import.meta.url));

async function recipe(pack: string): Promise<string> {
  const text = await readFile(join(root, 'rules/backends', `${pack}.yaml`), 'utf8');
  if (values.without === undefined) return text;
  const { routes, rules } = parse(text) as { routes: unknown; rules: { name: string }[] };
  const kept = rules.filter(({ name }) => name !== values.without);
  if (kept.length === rules.length) throw new Error(`${pack}.yaml has no rule "${values.without}"`);
  return stringify({ routes, rules: kept });
}

async function startGateway(backend: Backend, origin: Running): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'unstale-backends-'));
  const [port, adminPort] = [await freePort(), await freePort()];
  const settings = {
    server: `{ listen: "127.0.0.1:${port}" }`,
    admin: `{ listen: "127.0.0.1:${adminPort}" }`,
    log: '{ level: warn }',
    origin: `{ url: "${origin.url}", ignoreInPaths: [] }`,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}: ${value}`);
  const cli = join(root, 'dist/cli/main.js');
  if (values.drafts) lines.push(await drafted(backend, { origin, cli, folder }));
  else {
    lines.push('include: ["recipe.yaml"]');
    await writeFile(join(folder, 'recipe.yaml'), await recipe(backend.pack));
  }
  await writeFile(join(folder, 'gateway.yaml'), lines.join('\n'));
  const args = [cli, 'serve', '-c', 'gateway.yaml'];
  const running = await startServer({ command: process.execPath, args, folder, port: adminPort, readyPath: '/readyz' });
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      await running.stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function play(backend: Backend): Promise<Comparison> {
  const folder = join(values.folder, backend.pack);
  if (!existsSync(folder)) console.log(`  installing ${backend.name} into ${folder}`);
  await backend.install(folder);
  const origin = await backend.start(folder);
  try {
    const gateway = await startGateway(backend, origin);
    try {
      const writes = Number(values.writes);
      return await compare(
        // No description says what changes permissions, so a draft cannot know of it.
        values.drafts ? { ...backend, administer: undefined } : backend,
        { originUrl: origin.url, gatewayUrl: gateway.url },
        {
          ...{ writes, seed: Number(values.seed) },
          progress: (done) => {
            if (done % 100 === 0) console.log(`  ${backend.name}: ${done} of ${writes} writes`);
          },
        },
      );
    } finally {
      await gateway.stop();
    }
  } finally {
    await origin.stop();
  }
}

const rows: string[] = [];
const isAsked = ({ name }: { readonly name: string }): boolean =>
  name.toLowerCase().includes(values.only.toLowerCase());
for (const { name, why } of notPlayed.filter(isAsked)) console.log(`  ${name} is left out: ${why}`);
const chosen = backends.filter(isAsked).filter(({ description }) => !values.drafts || description !== undefined);
for (const backend of chosen) {
  try {
    const { writes, reads, hits, stale } = await play(backend);
    rows.push(`| ${backend.name} | ${writes} | ${reads} | ${stale.length} | ${(hits / reads).toFixed(2)} |`);
    for (const each of stale.slice(0, 10)) console.log(`  STALE ${each}`);
    if (stale.length > 0) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    console.log(`  ${backend.name} is left out: ${error.message}`);
  }
}
if (values.without === undefined && !values.drafts && isAsked({ name: 'README, json-server, Directus' })) {
  console.log("  the README's way from nothing, with json-server and with Directus:");
  await walkReadme({ root, directusFolder: resolve(values.folder, directus.pack), print: console.log });
}
console.log(['| backend | writes | reads compared | stale | hit ratio |', '|---|---|---|---|---|', ...rows].join('\n'));
