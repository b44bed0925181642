import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { performance } from 'node:perf_hooks';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Milliseconds from before the request was sent until the whole answer had arrived. */
  readonly ms: number;
}

export interface Question {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** A plain client with persistent connections, so that its times do not include connecting. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true });

  /** @param base without a trailing slash. @throws errors of the connection */
  async ask(base: string, { method, target, headers = {}, body }: Question): Promise<Answer> {
    const startedAt = performance.now();
    const json = body === undefined ? undefined : JSON.stringify(body);
    const typed = json === undefined ? headers : { ...headers, 'content-type': 'application/json' };
    return await new Promise((resolve, reject) => {
      const outgoing = request(base + target, { method, headers: typed, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: status = 0, headers: received } = response;
          resolve({
            status,
            headers: received,
            text: Buffer.concat(chunks).toString(),
            ms: performance.now() - startedAt,
          });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(json);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
