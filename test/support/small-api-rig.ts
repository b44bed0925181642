import { afterEach, beforeEach, expect } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { type Answer, get, type RequestOptions } from './request.ts';
import { type SmallApi, smallApi } from './small-api.ts';
import { type SseClient, sseClient } from './sse-client.ts';

/* The small API, and a gateway in front of it. */

/** Of the test that runs. */
export let api: SmallApi;
export let gateway: TestGateway;
let subscriber: SseClient | undefined;

/** Called by each file that uses this: both are made anew for each of its tests. */
export function useSmallApiRig(): void {
  beforeEach(async () => {
    api = await smallApi();
  });
  afterEach(async () => {
    subscriber?.close();
    subscriber = undefined;
    await gateway.stop();
    await api.origin.close();
  });
}

export async function start(yaml: string): Promise<void> {
  gateway = await startGateway(api.origin.url, yaml);
}

/** The gateway's event stream, until the test ends. */
export async function subscribe(): Promise<SseClient> {
  subscriber = await sseClient(`${gateway.url}/_unstale/events`);
  return subscriber;
}

export const ask = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  get(gateway.url + path, { method, ...options });
/** With a JSON body. */
export const send = (method: string, path: string, body?: Record<string, unknown>): Promise<Answer> =>
  ask(method, path, body === undefined ? {} : { body });
export const isHit = (answer: Answer): boolean => /unstale; hit/.test(String(answer.headers['cache-status']));

export async function warm(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await ask('GET', path);
    expect(isHit(await ask('GET', path)), `${path} is stored`).toBe(true);
  }
}

/** Which of the paths are still hits. Asking stores again, so each is asked once. */
export async function stillHits(...paths: string[]): Promise<string[]> {
  const kept: string[] = [];
  for (const path of paths) if (isHit(await ask('GET', path))) kept.push(path);
  return kept;
}

/** A configuration of one rule, for writes to inns. */
export const rule = (lines: string): string =>
  `rules:\n  - name: r\n    on: "* /inns/:id"\n    ${lines.replaceAll('\n', '\n    ')}`;
