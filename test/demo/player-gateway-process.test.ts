import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type GatewayProcess, startGatewayProcess } from '../../demo/player/gateway-process.ts';
import { until } from '../support/barrier.ts';

/*
 * Real processes. In place of the built gateway, which a test must not need, stands a program that behaves as each test
 * says.
 */

let root: string;
let complaints: string[];
let started: GatewayProcess | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'unstale-demo-'));
  complaints = [];
  started = undefined;
});
afterEach(async () => {
  // Those of a test that failed half-way, too.
  await started?.stop();
  await rm(root, { recursive: true });
});

async function start(program: string, env: Record<string, string> = {}): Promise<GatewayProcess> {
  await mkdir(join(root, 'dist', 'cli'), { recursive: true });
  await writeFile(join(root, 'package.json'), '{"type":"module"}');
  await writeFile(join(root, 'dist', 'cli', 'main.js'), program);
  started = await startGatewayProcess({
    root,
    config: 'a.yaml',
    env,
    onComplaint: (line) => void complaints.push(line),
  });
  return started;
}

const log = (line: object): string => `console.log(${JSON.stringify(JSON.stringify(line))});`;
const listening = log({ level: 30, msg: 'listening', url: 'http://a:1', adminUrl: 'http://a:2' });
const stay = 'setInterval(() => {}, 1000);';

test('it is started as a user would start it, and says where it listens', async () => {
  const echo =
    'console.error(process.argv.slice(2).join(" "), process.env.UNSTALE_ORIGIN, process.env.UNSTALE_LOG_LEVEL);';
  const gateway = await start(`${echo} ${listening} ${stay}`, {
    UNSTALE_ORIGIN: 'http://api',
    UNSTALE_LOG_LEVEL: 'silent',
  });
  expect([gateway.url, gateway.adminUrl]).toEqual(['http://a:1', 'http://a:2']);
  await until(() => complaints.length > 0, 'the arguments');
  expect(complaints).toEqual(['serve --json -c a.yaml http://api info']);
  await gateway.stop();
});

test('what it warns of, and what is no line of its log, is told; the rest is not', async () => {
  const warning = log({ level: 40, msg: 'a warning' });
  const write = log({ level: 30, msg: 'write' });
  const gateway = await start(`${write} ${warning} console.log('(node) no JSON'); ${listening} ${stay}`);
  await gateway.stop();
  expect(complaints).toEqual(['{"level":40,"msg":"a warning"}', '(node) no JSON']);
});

test('one that ends before it listens could not start', async () => {
  const starting = start('console.error("the address is in use"); process.exitCode = 1;');
  await expect(starting).rejects.toThrow('the gateway exited unexpectedly (exit code 1)');
  expect(complaints).toEqual(['the address is in use']);
});

test('one that ends later is told of', async () => {
  const gateway = await start(`${listening} setImmediate(() => process.kill(process.pid, 'SIGKILL'));`);
  await expect(gateway.failed).rejects.toThrow('the gateway exited unexpectedly (SIGKILL)');
  await gateway.stop();
});

test('it is asked once to stop, waited for, and is then no failure', async () => {
  const onTerm = `let asked = 0; process.on('SIGTERM', () => { asked += 1; setImmediate(() => {
    console.error('asked ' + asked); process.exit(0); }); });`;
  const gateway = await start(`${onTerm} ${listening} ${stay}`);
  let failure: unknown;
  gateway.failed.catch((error: unknown) => {
    failure = error;
  });
  await gateway.stop();
  await until(() => complaints.length > 0, 'its last words');
  expect(complaints).toEqual(['asked 1']);
  expect(failure).toBeUndefined();
});

test('a signal to the group of the demo does not reach it', async () => {
  const pid = 'console.error(process.pid);';
  const gateway = await start(`${pid} ${listening} ${stay}`);
  await until(() => complaints.length > 0, 'its pid');
  // Signal 0 only asks whether there is such a group: one that is named after the gateway's own pid.
  expect(process.kill(-Number(complaints[0]), 0)).toBe(true);
  await gateway.stop();
});
