// Runs the public suite http-cache-tests (cache-tests.fyi) against a real gateway: `npm run conformance`.
// The suite's server is the origin, in a process of its own; its client asks through the gateway. Its exit code says
// nothing, so its JSON is read and scored here.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseConfig } from '../../dist/config/load.js';
import { createGateway } from '../../dist/gateway.js';
import { contradicted } from './contradicted.mjs';

/** The suite takes about a minute; one that hangs is ended. */
const MAX_RUN_MS = 5 * 60_000;

const suite = new URL('../../node_modules/http-cache-tests/', import.meta.url).pathname;
const { values } = parseArgs({
  options: { id: { type: 'string' }, config: { type: 'string' }, json: { type: 'boolean' } },
});

const configurations = {
  suite: 'suite.yaml',
  default: 'default.yaml',
};

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** The suite's origin. */
async function startSuiteServer(folder) {
  const port = await freePort();
  const env = {
    ...process.env,
    npm_config_protocol: 'http',
    npm_config_port: String(port),
    npm_config_pidfile: join(folder, 'pid'),
  };
  const child = spawn(process.execPath, ['--no-warnings', 'server/server.mjs'], {
    cwd: suite,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.stdout.resume();
  return { port, stop: () => child.kill() };
}

async function runSuite(base, id) {
  const env = { ...process.env, npm_config_base: base, npm_config_id: id, npm_package_config_id: '' };
  const child = spawn(process.execPath, ['--no-warnings', 'cli.mjs'], {
    cwd: suite,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => child.kill(), MAX_RUN_MS);
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  clearTimeout(timer);
  return text;
}

async function runWith(name, id = '') {
  const folder = mkdtempSync(join(tmpdir(), 'unstale-conformance-'));
  const server = await startSuiteServer(folder);
  const file = new URL(configurations[name], import.meta.url).pathname;
  const { config } = parseConfig(readFileSync(file, 'utf8'), {
    file,
    env: { ORIGIN: `http://127.0.0.1:${server.port}` },
    readFile: (path) => readFileSync(path, 'utf8'),
    readFolder: (path) => readdirSync(path),
  });
  const gateway = await createGateway(config);
  try {
    const { url } = await gateway.start();
    return await runSuite(url, id);
  } finally {
    await gateway.stop();
    server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Passed, failed and skipped tests of one kind. A test whose dependency failed has not passed. */
function score(tests, results, kind) {
  const passed = [];
  const failed = [];
  const skipped = [];
  for (const test of tests.filter((each) => (each.kind ?? 'required') === kind)) {
    if (test.browser_only) continue;
    const reason = contradicted[test.id];
    if (results[test.id] === true) passed.push(test.id);
    else if (reason !== undefined) skipped.push(`${test.id}: ${reason}`);
    else failed.push(`${test.id}: ${[].concat(results[test.id] ?? 'no result').join(' ')}`);
  }
  return { passed, failed, skipped };
}

const suites = (await import(`${suite}tests/index.mjs`)).default;
const tests = suites.flatMap((each) => each.tests);

if (values.id !== undefined) {
  console.log(await runWith(values.config ?? 'suite', values.id));
} else {
  let failures = 0;
  for (const name of values.config === undefined ? Object.keys(configurations) : [values.config]) {
    console.log(`\n${name} configuration`);
    const results = JSON.parse(await runWith(name));
    for (const [kind, label] of [
      ['required', 'required'],
      ['optimal', 'optional'],
    ]) {
      const { passed, failed, skipped } = score(tests, results, kind);
      console.log(`  ${label}: ${passed.length} of ${passed.length + failed.length} passed, ${skipped.length} skipped`);
      for (const line of failed) console.log(`    failed  ${line}`);
      for (const line of skipped) console.log(`    skipped ${line}`);
      if (name === 'suite' && kind === 'required') failures += failed.length;
    }
  }
  process.exitCode = failures === 0 ? 0 : 1;
}
