import { Agent, request } from 'undici';
import type { Clock, Timers } from '../clock.ts';
import type { WebhookConfig } from '../config/model.ts';
import { retryAfterMs } from '../http/retry-after.ts';
import { AddressPolicy } from './addresses.ts';
import { guardedConnector, type Network } from './connect.ts';
import { bodyOf, idOf, type Message } from './message.ts';
import type { Outcome } from './queue.ts';
import { signatureFields, signingKeyOf } from './signature.ts';

/** An endpoint's answer says all that matters in its status. As much of a body is read to keep the connection. */
const MAX_ANSWER_BYTES = 16 * 1024;
const MAX_ANSWER_HEAD_BYTES = 16 * 1024;
/** Shorter than the 5 s after which many servers close an idle connection. */
const KEEP_ALIVE_MS = 4_000;

export interface SenderPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly network: Network;
}

/** Sends messages to one endpoint. */
export class Sender {
  readonly #config: WebhookConfig;
  readonly #ports: SenderPorts;
  readonly #keys: readonly Buffer[];
  readonly #agent: Agent;

  constructor(config: WebhookConfig, ports: SenderPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#keys = config.secrets.map(signingKeyOf);
    this.#agent = new Agent({
      connect: guardedConnector(new AddressPolicy(config.allow), ports.network),
      connections: 1,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_ANSWER_HEAD_BYTES,
    });
  }

  /** One attempt. `undefined`: `stop` broke it off. */
  async send(message: Message, stop: AbortSignal): Promise<Outcome | undefined> {
    const { timers } = this.#ports;
    const limit = new AbortController();
    const cancel = timers.after(this.#config.timeoutMs, () => limit.abort(new Error('no answer in time')));
    try {
      return this.#outcomeOf(await this.#post(message, AbortSignal.any([limit.signal, stop])));
    } catch (error) {
      if (stop.aborted) return undefined;
      return { kind: 'failed', reason: reasonOf(limit.signal.aborted ? limit.signal.reason : error) };
    } finally {
      cancel();
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Only 2xx is a delivery. A redirect is not followed: it may lead to where the endpoint itself may not. */
  #outcomeOf({ status, retryAfter }: Answered): Outcome {
    if (status >= 200 && status < 300) return { kind: 'delivered' };
    if (status === 410) return { kind: 'gone' };
    const asked = status === 429 || status === 503 ? retryAfterMs(retryAfter, this.#ports.clock.wall()) : undefined;
    return { kind: 'failed', reason: `status ${status}`, ...(asked !== undefined && { retryAfterMs: asked }) };
  }

  async #post(message: Message, signal: AbortSignal): Promise<Answered> {
    const body = bodyOf(message);
    const timestamp = Math.floor(this.#ports.clock.wall() / 1_000);
    const answer = await request(this.#config.url, {
      dispatcher: this.#agent,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'unstale',
        ...signatureFields({ id: idOf(message), timestamp, body }, this.#keys),
      },
      body,
      signal,
    });
    // The status has come, and decides. A body that breaks off, or does not end in time, costs only the connection.
    await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal }).catch(() => undefined);
    const retryAfter = answer.headers['retry-after'];
    return { status: answer.statusCode, retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined };
  }
}

interface Answered {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** Without the URL, which may be secret. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  return `${code}${error.message}`.slice(0, 200);
}
