import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PRIMARIES = 3;
/** A node listens for the others on its port and so much more: a port of the system's choosing leaves no room for that. */
const BUS_OFFSET = 10_000;

/** A Redis Cluster of three primaries, on the loopback. */
export class RedisCluster {
  readonly ports: readonly number[];
  readonly #directory: string;
  readonly #processes: ChildProcess[] = [];

  private constructor(ports: readonly number[], directory: string) {
    this.ports = ports;
    this.#directory = directory;
  }

  static async start(): Promise<RedisCluster> {
    const ports = await Promise.all(Array.from({ length: PRIMARIES }, freePort));
    const cluster = new RedisCluster(ports, mkdtempSync(join(tmpdir(), 'unstale-cluster-')));
    await Promise.all(ports.map((port) => cluster.#launch(port)));
    const nodes = ports.map((port) => `127.0.0.1:${port}`);
    execFileSync('redis-cli', ['--cluster', 'create', ...nodes, '--cluster-replicas', '0', '--cluster-yes']);
    while (!ports.every(isWhole)) await new Promise((resolve) => setTimeout(resolve, 20));
    return cluster;
  }

  get urls(): string[] {
    return this.ports.map((port) => `redis://127.0.0.1:${port}`);
  }

  async #launch(port: number): Promise<void> {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', this.#directory, '--save', ''];
    args.push(
      '--cluster-enabled',
      'yes',
      '--cluster-config-file',
      `nodes-${port}.conf`,
      '--cluster-port',
      String(port - BUS_OFFSET),
    );
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#processes.push(child);
    let said = '';
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (/ready to accept connections/i.test(said)) break;
    }
    child.stdout.resume();
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#processes.map(async (child) => {
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }),
    );
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const isWhole = (port: number): boolean =>
  execFileSync('redis-cli', ['-p', String(port), 'cluster', 'info'])
    .toString()
    .includes('cluster_state:ok');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
