import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../bench/servers/free-port.ts';

const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const BIG = Buffer.alloc(600_000, 'x');
const HUGE = Buffer.alloc(32 * 1024 * 1024, 'x');
/** How often the well-behaved client asks for something. */
const EVERY_MS = 20;

export interface Memory {
  readonly rss: number;
  /** In use after a collection, on the heap and outside of it. */
  readonly held: number;
}

export interface Behaviour {
  readonly latenciesMs: number[];
  readonly wrong: string[];
}

/** An origin, a gateway in a process of its own, and a client that behaves well. */
export class Stage {
  readonly #gateway: ChildProcess;
  readonly #origin: Server;
  readonly #folder: string;
  readonly #agent = new Agent({ keepAlive: true });
  #atOrigin = 0;
  readonly port: number;
  #round = 0;

  private constructor(parts: { gateway: ChildProcess; origin: Server; folder: string; port: number }) {
    this.#gateway = parts.gateway;
    this.#origin = parts.origin;
    this.#folder = parts.folder;
    this.port = parts.port;
  }

  static async start(): Promise<Stage> {
    const versions = new Map<string, number>();
    const origin = createServer((asked, response) => {
      answer(versions, asked, response).catch(() => response.destroy());
    });
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
    const folder = mkdtempSync(join(tmpdir(), 'unstale-hostile-'));
    const port = await freePort();
    const admin = await freePort();
    writeFileSync(join(folder, 'gateway.yaml'), configuration((origin.address() as AddressInfo).port, port, admin));
    const probe = join(root, 'test/hostile/probe.mjs');
    const main = join(root, 'dist/cli/main.js');
    const gateway = spawn(
      process.execPath,
      ['--expose-gc', '--import', probe, main, 'serve', '-c', join(folder, 'gateway.yaml')],
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    const stage = new Stage({ gateway, origin, folder, port });
    origin.on('request', (_asked, response: ServerResponse) => {
      stage.#atOrigin += 1;
      response.once('close', () => {
        stage.#atOrigin -= 1;
      });
    });
    while ((await stage.#ask('GET', '/hot').catch(() => ({ status: 0 }))).status !== 200) await pause(50);
    return stage;
  }

  /** Requests that hold a connection to the origin. */
  get atOrigin(): number {
    return this.#atOrigin;
  }

  async memory(): Promise<Memory> {
    if (this.#gateway.exitCode !== null || this.#gateway.signalCode !== null) throw new Error('the gateway has ended');
    this.#gateway.send('memory');
    const [memory] = (await once(this.#gateway, 'message')) as [Memory];
    return memory;
  }

  /** Lets an attacker in for a while; resolves when it has left, with how many connections it made. */
  async attack(name: string, ms: number): Promise<number> {
    const attacker = fork(fileURLToPath(new URL('attacker.js', import.meta.url)), [
      name,
      String(this.port),
      String(ms),
    ]);
    let connections = 0;
    attacker.on('message', (made: number) => {
      connections = made;
    });
    await once(attacker, 'exit');
    if (connections === 0) throw new Error(`the attacker did not come to "${name}"`);
    return connections;
  }

  /** Behaves well for as long as `during` lasts: hits, misses, writes, and reads of what was written. */
  async behave(during: Promise<void>): Promise<Behaviour> {
    const seen: Behaviour = { latenciesMs: [], wrong: [] };
    let isOver = false;
    const over = during.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await this.#once(seen);
      await pause(EVERY_MS);
    }
    await over;
    return seen;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    const ended = once(this.#gateway, 'exit');
    this.#gateway.kill('SIGKILL');
    await ended;
    this.#origin.closeAllConnections();
    this.#origin.close();
    rmSync(this.#folder, { recursive: true });
  }

  async #once(seen: Behaviour): Promise<void> {
    this.#round += 1;
    const own = `/own/${this.#round % 20}`;
    await this.#expect(seen, 'GET', '/hot', 'GET /hot 0');
    if (this.#round % 5 !== 0) return;
    const written = await this.#expect(seen, 'PUT', own, undefined);
    await this.#expect(seen, 'GET', own, written?.replace('PUT', 'GET'));
  }

  async #expect(seen: Behaviour, method: string, path: string, text: string | undefined): Promise<string | undefined> {
    const startedAt = performance.now();
    try {
      const answered = await this.#ask(method, path);
      seen.latenciesMs.push(performance.now() - startedAt);
      const isRight = answered.status === 200 && (text === undefined || answered.text === text);
      if (!isRight)
        seen.wrong.push(`${method} ${path}: ${answered.status} ${answered.text.slice(0, 100)}, not ${text}`);
      return answered.text;
    } catch (error) {
      seen.wrong.push(`${method} ${path}: ${String(error)}`);
      return undefined;
    }
  }

  #ask(method: string, path: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, method, path, agent: this.#agent, timeout: 10_000 };
      const asked = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      });
      asked.on('timeout', () => asked.destroy(new Error('no answer within 10 s')));
      asked.on('error', reject);
      asked.end();
    });
  }
}

/** The origin: versions of what is written, answers of all sizes, and some that never come. */
async function answer(versions: Map<string, number>, asked: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '' } = asked;
  if (url.startsWith('/hang')) return;
  await finished(asked.resume());
  if (url.startsWith('/off/huge')) return void response.end(HUGE);
  response.setHeader('Cache-Control', 'max-age=600');
  if (url === '/big') return void response.setHeader('ETag', '"big"').end(BIG);
  if (url.startsWith('/varies')) response.setHeader('Vary', 'Accept-Language');
  if (method === 'PUT') versions.set(url, (versions.get(url) ?? 0) + 1);
  if (method === 'POST') response.statusCode = 500;
  response.end(`${method} ${url.length > 100 ? '' : url} ${versions.get(url) ?? 0}`);
}

function configuration(origin: number, port: number, admin: number): string {
  return `server: { listen: "127.0.0.1:${port}", limits: { bodyIdle: 5s } }
admin: { listen: "127.0.0.1:${admin}" }
origin: { url: "http://127.0.0.1:${origin}", timeout: 5s, connections: 64, ignoreInPaths: [] }
store: { memory: { maxSize: 32MiB } }
coherence: { settle: 5s }
events: { historySize: 4MiB }
log: { level: silent }
routes: [{ match: /off/**, cache: off }, { match: /items/:id }]
rules: [{ name: batch, on: POST /batch, invalidate: ["/items/{request.ids[*]}"] }]
`;
}
