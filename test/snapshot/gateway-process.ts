import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../bench/servers/free-port.ts';
import { until } from '../support/barrier.ts';
import { type Answer, get } from '../support/request.ts';
import { compiledProgram } from '../support/shared.ts';

const PATIENCE_MS = 60_000;

export interface Disturbance {
  readonly at: number;
  readonly how: 'kill' | 'torn' | 'full';
  readonly log?: string;
}

/** `unstale serve` in a process of its own, at the same address at each start. */
export class GatewayProcess {
  readonly url: string;
  readonly adminUrl: string;
  readonly #file: string;
  #process: ChildProcess | undefined;
  #said = '';

  private constructor(url: string, adminUrl: string, file: string) {
    this.url = url;
    this.adminUrl = adminUrl;
    this.#file = file;
  }

  /** @param folder where its configuration is written */
  static async at(folder: string): Promise<GatewayProcess> {
    const [port, admin] = await Promise.all([freePort(), freePort()]);
    return new GatewayProcess(
      `http://127.0.0.1:${port}`,
      `http://127.0.0.1:${admin}`,
      join(folder, `gateway-${port}.yaml`),
    );
  }

  /** Starts it. Resolves when it is ready, or has ended. @param disturbed what it does to the files of `folder` */
  async start(yaml: string, folder = '', disturbed?: Disturbance): Promise<void> {
    const [listen, admin] = [this.url, this.adminUrl].map((url) => JSON.stringify(url.slice('http://'.length)));
    writeFileSync(this.#file, `server: { listen: ${listen} }\nadmin: { listen: ${admin} }\n${yaml}`);
    const preloaded = disturbed === undefined ? [] : ['--import', './test/snapshot/disturb-at.mjs'];
    this.#said = '';
    const child = spawn(
      process.execPath,
      [...preloaded, await compiledProgram(), 'serve', '--json', '-c', this.#file],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          ...(disturbed && { DISTURB_IN: folder, DISTURB_AT: String(disturbed.at), DISTURB_HOW: disturbed.how }),
          ...(disturbed?.log !== undefined && { DISTURB_LOG: disturbed.log }),
        },
      },
    );
    this.#process = child;
    const heard = (chunk: Buffer): void => {
      this.#said += String(chunk);
    };
    child.stdout.on('data', heard);
    child.stderr.on('data', heard);
    const isReady = async (): Promise<boolean> => {
      if (this.hasEnded) return true;
      return (await get(`${this.adminUrl}/readyz`).catch(() => undefined))?.status === 200;
    };
    await until(isReady, `a gateway to start:\n${this.#said}`, PATIENCE_MS);
  }

  get hasEnded(): boolean {
    return this.#process === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** All that it has printed since it was started. */
  get said(): string {
    return this.#said;
  }

  /** Resolves once it has printed the text, or has ended. */
  printed(text: RegExp): Promise<void> {
    return until(() => this.hasEnded || text.test(this.#said), `${text} in\n${this.#said}`, PATIENCE_MS);
  }

  /** Undefined if it is killed before it answers. */
  async ask(method: string, path: string): Promise<Answer | undefined> {
    return get(`${this.url}${path}`, { method, headers: { host: 'api.example' } }).catch(() => undefined);
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (child === undefined || this.hasEnded) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
