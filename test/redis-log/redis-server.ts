import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** A redis-server of a test's own, on a unix socket. */
export class RedisServer {
  readonly directory: string;
  #process: ChildProcess | undefined;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await mkdtemp(join(tmpdir(), 'unstale-redis-')));
    await server.launch();
    return server;
  }

  /** With the data of the last `SAVE`, if there was one. */
  async launch(more: readonly string[] = []): Promise<void> {
    const args = [
      '--port',
      '0',
      '--unixsocket',
      this.socket,
      '--dir',
      this.directory,
      '--save',
      '',
      '--enable-debug-command',
      'local',
      ...more,
    ];
    const process = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = process;
    let said = '';
    for await (const chunk of process.stdout) {
      said += String(chunk);
      if (/ready to accept connections/i.test(said)) break;
    }
    process.stdout.resume();
  }

  get socket(): string {
    return join(this.directory, 'redis.sock');
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined || process.exitCode !== null) return;
    const gone = once(process, 'exit');
    process.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** A connection that takes commands: before it is ready, it fails them. */
  async connected(): Promise<Redis> {
    const redis = this.connect();
    await once(redis, 'ready');
    return redis;
  }

  connect(commandTimeout?: number): Redis {
    const redis = new Redis({
      path: this.socket,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 20,
      ...(commandTimeout !== undefined && { commandTimeout }),
    });
    // The caller gets the error.
    redis.on('error', () => undefined);
    return redis;
  }
}
