import { Agent, request } from 'node:http';
import { ascending, quantile } from '../measure/statistics.ts';
import { childOf } from '../servers/representations.ts';
import type { FanOut, FanOutResult, Percentiles } from './protocol.ts';
import { Subscriber } from './subscriber.ts';

/** Connections are opened in batches of this size, since the listen queue is bounded. */
const openedAtOnce = 100;
/** An event that has not reached all subscribers by then is lost, and the run fails. */
const deliveryDeadlineMs = 10_000;
/** The first write runs cold code on both sides and is not counted. */
const uncounted = 1;

/** Opens the streams, writes, and measures when each subscriber receives each event. One process, so one clock. */
export async function runFanOut(task: FanOut): Promise<FanOutResult> {
  const subscribers: Subscriber[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const released: number[] = [];
  const sent: number[] = [];
  const last: number[] = [];
  try {
    while (subscribers.length < task.subscribers) {
      const lot = Math.min(openedAtOnce, task.subscribers - subscribers.length);
      const opened = Array.from({ length: lot }, () => Subscriber.open(new URL(task.eventsPath, task.url)));
      subscribers.push(...(await Promise.all(opened)));
    }
    for (let i = 0; i < task.writes + uncounted; i++) {
      const { sentAt, releasedAt, arrivals } = await writeAndHear(task, task.first + i, subscribers, agent);
      if (i < uncounted) continue;
      released.push(...arrivals.map((at) => at - releasedAt));
      sent.push(...arrivals.map((at) => at - sentAt));
      last.push(Math.max(...arrivals) - releasedAt);
    }
  } finally {
    agent.destroy();
    for (const subscriber of subscribers) subscriber.close();
  }
  return { released: percentiles(released), sent: percentiles(sent), last: percentiles(last) };
}

interface Heard {
  readonly sentAt: number;
  readonly releasedAt: number;
  readonly arrivals: readonly number[];
}

async function writeAndHear(task: FanOut, id: number, subscribers: Subscriber[], agent: Agent): Promise<Heard> {
  const arrivals: number[] = [];
  const everyone = new Promise<void>((resolve, reject) => {
    const deadline = setTimeout(
      () => reject(new Error(`only ${arrivals.length} of ${subscribers.length} subscribers received the event`)),
      deliveryDeadlineMs,
    );
    for (const subscriber of subscribers) {
      subscriber.onLost = reject;
      subscriber.onEvent = () => {
        arrivals.push(performance.now());
        if (arrivals.length < subscribers.length) return;
        clearTimeout(deadline);
        resolve();
      };
    }
  });
  const sentAt = performance.now();
  const [releasedAt] = await Promise.all([put(`${task.url}/children/${id}`, childOf(id), agent), everyone]);
  return { sentAt, releasedAt, arrivals };
}

/** Resolves with the time at which the head of the answer arrived. */
function put(url: string, body: string, agent: Agent): Promise<number> {
  const headers = { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: 'PUT', agent, headers }, (response) => {
      const at = performance.now();
      response.resume().on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve(at) : reject(new Error(`the write was answered ${response.statusCode}`)),
      );
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = ascending(values);
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: quantile(sorted, 1) };
}
