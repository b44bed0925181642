import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach } from 'vitest';
import { type LogLine, startGateway, type TestGateway } from './gateway.ts';
import { type Answer, get, type RequestOptions } from './request.ts';

/** What the API does with a request. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export const well: Behaviour = (_request, response) =>
  void response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"id":1}');
export const answering =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_request, response) =>
    void response.writeHead(status, headers).end('{}');
export const resetting: Behaviour = ({ socket }) => void (socket as Socket).resetAndDestroy();
export const silent: Behaviour = () => {};
/**
 * How long the gateway waits for an answer that does not come. Undici looks at requests twice a second, so that less
 * would save no time; a probe has no more than this, and on a busy machine its answer takes a while.
 */
export const SHORT = '450ms';

/** When the gateway asks an origin that is down again. */
export const PROBE = {
  /** A pause that no test lives to see, so that no probe is due. */
  never: 'first: 1h, most: 1h',
  /** Failures that are not all at once open the circuit, and no probe is due soon after the first. */
  quick: 'first: 10ms, most: 1h',
  /** A probe is due with one of the next requests. */
  soon: 'first: 10ms, most: 10ms',
};
/** The type of the problem. */
export const DOWN = 'urn:unstale:problem:origin-down';

const routes = `
routes:
  - { match: /passed/**, cache: off }
  - { match: /stale/**, cache: { ttl: 1ms, staleIfError: 1h } }
  - { match: /revalidated/**, cache: { ttl: 1ms, staleWhileRevalidate: 1h } }
reads: [POST /search]
defaults: { cache: { ttl: 60s } }
rules: [{ name: r, on: "PUT /stale/:id", invalidate: ["/stale/{id}"] }]`;

/**
 * An API that can go away and come back at its port, and a gateway before it that takes it to be down after 3 failures.
 */
export interface FailingApi {
  behave: Behaviour;
  /** How long the gateway waits for an answer. Short only where none comes: a busy machine takes its time, too. */
  timeout: string;
  /** Every request that came, as `GET /path`. */
  seen: string[];
  /** The same, with its fields. */
  requests: IncomingMessage[];
  readonly url: string;
  readonly connections: number;
  readonly gateway: TestGateway;
  up(): Promise<void>;
  down(): Promise<void>;
  /** @param more further keys of the origin, after a comma; `yaml`: further lines */
  start(probe: string, more?: string, yaml?: string): Promise<TestGateway>;
  startWith(yaml: string): Promise<TestGateway>;
  ask(path: string, options?: RequestOptions): Promise<Answer>;
  /** As many requests without a connection as open the circuit. Then the API is back, and behaves as it did. */
  failUntilDown(): Promise<void>;
  lines(message: string): LogLine[];
}

/**
 * Asks for longer than the first pause of PROBE.quick, and more often than failures are allowed: only time can pass
 * that.
 */
export async function forAWhile(ask: (i: number) => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  for (let i = 0; i < 6 || performance.now() - startedAt < 30; i++) await ask(i);
}

/** For each test of the file that calls it. */
export function useFailingApi(): FailingApi {
  let server: Server;
  let port = 0;
  let gateway: TestGateway | undefined;
  const sockets = new Set<Socket>();
  const api: FailingApi = {
    behave: well,
    timeout: '20s',
    seen: [],
    requests: [],
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    get connections() {
      return sockets.size;
    },
    get gateway() {
      if (gateway === undefined) throw new Error('the test has not started a gateway');
      return gateway;
    },
    up: async () => {
      server = createServer((request, response) => {
        api.seen.push(`${request.method} ${request.url}`);
        api.requests.push(request);
        request.resume();
        void api.behave(request, response);
      });
      server.on('connection', (socket) => {
        sockets.add(socket);
        // Tests break connections off.
        socket.on('error', () => {}).on('close', () => sockets.delete(socket));
      });
      server.listen(port, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      ({ port } = server.address() as AddressInfo);
    },
    down: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    start: (probe, more = '', yaml = '') =>
      api.startWith(
        `origins: { legacy: { url: "${api.url}", timeout: ${api.timeout}, circuit: { failures: 3, probe: { ${probe} } }${more} } }\n${yaml}`,
      ),
    startWith: async (yaml) => {
      gateway = await startGateway(api.url, yaml + (/^routes:/m.test(yaml) ? '' : routes));
      return gateway;
    },
    ask: (path, options) => get(`${api.gateway.url}${path}`, options),
    failUntilDown: async () => {
      await api.down();
      for (let i = 0; i < 3; i++) await api.ask(`/failing?${i}`).catch(() => undefined);
      await api.up();
    },
    lines: (message) => api.gateway.logs.filter(({ msg }) => msg === message),
  };
  beforeEach(async () => {
    [api.seen, api.requests, api.behave, api.timeout, port] = [[], [], well, '20s', 0];
    await api.up();
  });
  afterEach(async () => {
    await gateway?.stop();
    gateway = undefined;
    await api.down();
  });
  return api;
}
