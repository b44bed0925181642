import { type Case, type CaseResult, ratioOf } from '../bench.ts';
import { ask, type Server } from '../servers/server.ts';
import { UsageError } from '../usage-error.ts';
import { isHit } from './hit.ts';
import { type Contender, type LoadBench, runLoadCase } from './load-case.ts';
import { runPacedCase } from './paced.ts';

/** A gateway and an API of the user's own. Only `GET`s of one path are sent there. */
export interface Own extends LoadBench {
  /** `against`, and `direct` if the API was named. */
  readonly servers: readonly Server[];
  readonly path: string;
  readonly rate: number;
}

interface OwnCase extends Omit<Case, 'run'> {
  run(own: Own): Promise<CaseResult>;
}

const connections = 64;

/**
 * What two requests for the path are answered, for the user to see that it is what was meant.
 * @throws UsageError if a server cannot be reached, or answers something else than 200
 */
export async function describeOwn({ servers, path }: Pick<Own, 'servers' | 'path'>): Promise<string> {
  const lines: string[] = [];
  for (const { name, url } of servers) {
    await answered(name, url + path);
    const { headers, body } = await answered(name, url + path);
    const cacheStatus = headers['cache-status'] ?? headers['x-cache'];
    const said = cacheStatus === undefined ? 'no Cache-Status' : `Cache-Status: ${String(cacheStatus)}`;
    const hit = isHit(headers) ? 'a hit' : 'not a hit';
    lines.push(
      `${name}: ${url}${path}, ${Buffer.byteLength(body).toLocaleString('en')} octets; the second is ${hit} (${said})`,
    );
  }
  return lines.join('\n');
}

async function answered(name: string, url: string) {
  const answer = await ask(url).catch((error: Error) => {
    throw new UsageError(`${name}: ${url} cannot be reached: ${error.message}`);
  });
  if (answer.status !== 200) throw new UsageError(`${name}: ${url} answers ${answer.status}. The load needs a 200`);
  return answer;
}

const loads = (own: Own, headers: Readonly<Record<string, string>>, status: Contender['status']): Contender[] =>
  own.servers.map((server) => ({
    name: server.name,
    server,
    load: { method: 'GET', headers, body: undefined, connections },
    paths: () => ({ template: own.path, first: 1, count: 1 }),
    status,
    originRequests: { min: 0, max: 0 },
  }));

const comparisons = ({ servers }: Own) => servers.slice(1).map(({ name }) => ratioOf('against', name));

export const ownCases: readonly OwnCase[] = [
  {
    name: 'own',
    title: 'GET, 64 connections',
    run: (own) => runLoadCase(own, loads(own, {}, 200), comparisons(own)),
  },
  {
    name: 'own-304',
    title: 'GET with If-None-Match, 64 connections',
    async run(own) {
      const gateway = own.servers[0]?.url ?? '';
      const { etag } = (await ask(gateway + own.path)).headers;
      if (typeof etag !== 'string') {
        own.progress('not measured: the answer has no ETag');
        return { metrics: [], samples: {}, comparisons: [] };
      }
      // The API's own ETag may be another one, so only the gateway is asked.
      const [against] = loads(own, { 'If-None-Match': etag }, 304);
      return runLoadCase(own, against === undefined ? [] : [against], []);
    },
  },
  {
    name: 'own-paced',
    title: 'GET, requests due at a fixed rate, 64 connections',
    run(own) {
      const load = { path: own.path, headers: {}, rate: own.rate, connections };
      const contenders = own.servers.map((server) => ({ name: server.name, server, load }));
      return runPacedCase(own, contenders, comparisons(own));
    },
  },
];
