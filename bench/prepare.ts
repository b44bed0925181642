import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Bench } from './bench.ts';
import { describeOwn, type Own } from './cases/own.ts';
import { startGenerator } from './generator/generator.ts';
import { type LoadTool, wrkVersion } from './generator/wrk.ts';
import { placement } from './measure/machine.ts';
import type { Options, OwnApi } from './options.ts';
import { gatewayProgram, root } from './paths.ts';
import { startPeers } from './peers/peers.ts';
import { startGateway } from './servers/gateway.ts';
import { startOrigin } from './servers/origin.ts';
import { ask, runningServer, type Server } from './servers/server.ts';
import { UsageError } from './usage-error.ts';

const progress = (text: string): void => console.log(`  … ${text}`);

/** wrk where it is installed, unless one was asked for. wrk takes whole seconds only. */
export function loadTool({ generator, effort }: Pick<Options, 'generator' | 'effort'>): LoadTool {
  const possible = effort.seconds >= 1;
  if (generator === 'wrk' && wrkVersion() === undefined) throw new UsageError('wrk is not on the path');
  if (generator === 'wrk' && !possible) throw new UsageError('wrk takes whole seconds: name them, as in --seconds 1');
  return generator ?? (possible && wrkVersion() !== undefined ? 'wrk' : 'autocannon');
}

/** Starts everything that runs during the whole bench. */
export async function prepare(options: Options, tool: LoadTool): Promise<Bench> {
  const directories = { gateway: root, ...(options.before === undefined ? {} : { before: resolve(options.before) }) };
  for (const directory of Object.values(directories)) {
    if (!existsSync(join(directory, gatewayProgram))) {
      throw new UsageError(`--against: ${directory} is not a built checkout: it has no ${gatewayProgram}`);
    }
  }
  const places = placement(options.pin);
  const origin = await startOrigin(places.origin, options.originPort);
  const against = options.against === undefined ? [] : [await reachable(options.against, origin.url)];
  const gateways = [];
  for (const [name, directory] of Object.entries(directories)) {
    gateways.push(await startGateway({ name, directory, originUrl: origin.url, core: places.server }));
  }
  const peers = [...(await startPeers(origin.url, places.server)), ...against];
  let next = 1;
  return {
    effort: options.effort,
    placement: places,
    origin,
    gateways,
    directories,
    peers,
    generator: startGenerator(tool, places.generator),
    freshNumbers(count) {
      const first = next;
      next += count;
      return first;
    },
    progress,
  };
}

/** Makes sure that a gateway of the user's forwards to the bench's origin: else no case could be compared. */
async function reachable(url: URL, originUrl: string): Promise<Server> {
  const server = runningServer('against', url);
  const hint =
    `Let it forward to the bench's origin, ${originUrl} (--origin-port fixes the port),\n` +
    'or name a path of an API of your own: --path /some/path';
  const answer = await ask(`${server.url}/things/ready`).catch((error: Error) => {
    throw new UsageError(`--against: ${server.url} cannot be reached: ${error.message}`);
  });
  if (answer.status !== 200 || answer.headers.etag !== '"small-1"') {
    throw new UsageError(`--against: ${server.url}/things/ready is not an answer of the bench's origin. ${hint}`);
  }
  return server;
}

/** Starts the generator only. */
export async function prepareOwn(options: Options, own: OwnApi, tool: LoadTool): Promise<Own> {
  const urls = { against: options.against, direct: own.api };
  const servers = Object.entries(urls).flatMap(([name, url]) => (url === undefined ? [] : [runningServer(name, url)]));
  console.log(await describeOwn({ servers, path: own.path }));
  // Nothing is known of where the servers run, so the generator is not pinned either.
  const generator = startGenerator(tool, undefined);
  return { effort: options.effort, generator, progress, servers, path: own.path, rate: own.rate };
}
