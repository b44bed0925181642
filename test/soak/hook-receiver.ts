import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';

export interface Message {
  readonly id: string;
  readonly type: string;
  readonly paths: readonly string[];
}

/** The place of an event in the log, from its id. */
export const placeOf = (id: string): number => Number(/-(\d+)$/.exec(id)?.[1]);

/**
 * An endpoint that verifies each message by the library of Standard Webhooks. It takes its time, and now and then does
 * what was asked and breaks off without saying so, with each message once at most: a second failure would make the
 * next pause minutes long.
 */
export class HookReceiver {
  /** In the order of arrival. */
  readonly delivered: Message[] = [];
  /** What no message must be. */
  readonly wrong: string[] = [];
  /** Of a thousand messages so many answers are lost. */
  failing = 0;
  #underWay = 0;
  readonly #failed = new Set<string>();
  readonly #webhook: Webhook;
  readonly #random: (below: number) => number;
  readonly #server: Server;

  private constructor(secret: string, random: (below: number) => number) {
    this.#webhook = new Webhook(secret);
    this.#random = random;
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch(() => response.destroy());
    });
  }

  static async start(secret: string, random: (below: number) => number): Promise<HookReceiver> {
    const receiver = new HookReceiver(secret, random);
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.#underWay += 1;
    // Also when its sender was killed.
    response.once('close', () => {
      this.#underWay -= 1;
    });
    const message = this.#verified(request, Buffer.concat(chunks));
    if (this.#underWay > 1) this.wrong.push(`${message.id}: another message was under way`);
    this.delivered.push(message);
    if (this.#random(4) === 0) await pause(this.#random(8));
    if (this.#random(1_000) < this.failing && !this.#failed.has(message.id)) {
      this.#failed.add(message.id);
      response.destroy();
    } else response.writeHead(204).end();
  }

  #verified({ headers }: IncomingMessage, body: Buffer): Message {
    const id = String(headers['webhook-id']);
    try {
      const verified = this.#webhook.verify(body, headers as Record<string, string>);
      const { type, data } = verified as { type: string; data: { paths?: string[] } };
      return { id, type, paths: data.paths ?? [] };
    } catch (error) {
      this.wrong.push(`${id}: ${String(error)}`);
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
