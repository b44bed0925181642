import { afterAll, beforeAll, expect } from 'vitest';
import { travelClient } from '../demo/travel-client.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { type Answer, get, type RequestOptions } from './request.ts';
import { travelApi } from './shared.ts';

/* The travel API, which all files share, and a gateway in front of it. */

export const api = await travelApi();
export const travel = travelClient(api);
/** Of the file that runs. */
export let gateway: TestGateway;

/** Called by each file that uses this: the gateway is made once for all its tests. */
export function useTravelRig(yaml = 'include: [rules/travel.yaml]'): void {
  beforeAll(async () => {
    gateway = await startGateway(api, yaml);
  });
  afterAll(() => gateway.stop());
}

export const ask = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  get(gateway.url + path, { method, ...options });
export const isHit = (answer: Answer): boolean => /unstale; hit/.test(String(answer.headers['cache-status']));

/** Reads until the second is a hit: what the test is about is stored now. */
export async function warm<T>(path: string, headers: Record<string, string> = {}): Promise<T> {
  const first = await ask('GET', path, { headers });
  expect(first.status, `GET ${path}`).toBe(200);
  const second = await ask('GET', path, { headers });
  expect(isHit(second), `GET ${path} is cached: ${second.headers['cache-status']}`).toBe(true);
  return second.json<T>();
}

/** What is served, whether or not from the store, is what the origin says now. */
export async function expectFresh(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const served = await ask('GET', path, { headers });
  const direct = await get(api + path, { headers });
  expect(isHit(served), `GET ${path} comes from the origin`).toBe(false);
  expect(served.status).toBe(direct.status);
  expect(served.text).toBe(direct.text);
  return served;
}
