import { readdirSync, readFileSync } from 'node:fs';
import { parseConfig } from '../../src/config/load.ts';
import { createGateway } from '../../src/gateway.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { until } from './barrier.ts';
import { get } from './request.ts';

/** A line of the gateway's log. */
export type LogLine = Record<string, unknown> & { msg: string; level: number };

export interface TestGateway {
  readonly url: string;
  readonly adminUrl: string;
  readonly logs: LogLine[];
  stop(): Promise<void>;
}

/** Where the gateway's real rule packs lie, for `include` in test configurations. */
const root = new URL('../../', import.meta.url).pathname;

/**
 * A real gateway on free ports. `yaml` is what the test is about; origin, ports and log level are added where it does
 * not say them.
 */
export async function startGateway(originUrl: string, yaml = ''): Promise<TestGateway> {
  const has = (key: string): boolean => new RegExp(`^${key}:`, 'm').test(yaml);
  const text = [
    has('server') ? '' : 'server: { listen: "127.0.0.1:0" }',
    has('admin') ? '' : 'admin: { listen: "127.0.0.1:0" }',
    has('origins?') ? '' : `origin: { url: "${originUrl}", timeout: 2s }`,
    yaml,
  ].join('\n');
  const { config } = parseConfig(text, {
    file: `${root}test-gateway.yaml`,
    env: {},
    readFile: (file) => readFileSync(file, 'utf8'),
    readFolder: (folder) => readdirSync(folder),
  });
  if (process.env.UNSTALE_TEST_FRONT === 'off') config.server.front = false;
  const logs: LogLine[] = [];
  const log = createLogger('debug', { write: (line) => void logs.push(JSON.parse(line) as LogLine) });
  const gateway = await createGateway(config, { log });
  const { url, adminUrl } = await gateway.start();
  return { url, adminUrl, logs, stop: () => gateway.stop() };
}

/** Resolves once `count` reads wait for the fill of another. */
export const waitingReads = (gateway: TestGateway, count: number): Promise<void> =>
  gaugeIs(gateway, 'unstale_waiting_reads', count);

/** Resolves once a gauge has this value. */
export function gaugeIs({ adminUrl }: Pick<TestGateway, 'adminUrl'>, name: string, value: number): Promise<void> {
  const line = `\n${name} ${value}\n`;
  return until(async () => (await get(`${adminUrl}/metrics`)).text.includes(line), `${name} to be ${value}`);
}
