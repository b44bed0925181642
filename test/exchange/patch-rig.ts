import { afterEach, beforeEach, expect } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get } from '../support/request.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';

/* A gateway with one rule that patches, before the small API. */

/** Of the test that runs. */
export let api: SmallApi;
let gateway: TestGateway;

/** Called by each file that uses this: both are made anew for each of its tests. */
export function usePatchRig(): void {
  beforeEach(async () => {
    api = await smallApi();
  });
  afterEach(async () => {
    await gateway.stop();
    await api.origin.close();
  });
}

export const patch = (more = ''): string => `
rules:
  - name: r
    on: "* /inns/**"
    ${more}
    patch:
      - { path: "/steps/{before.stepId, response.stepId}", at: /inns }
`;

export async function start(yaml: string): Promise<void> {
  gateway = await startGateway(api.origin.url, yaml);
}

export const ask = (method: string, path: string, options: Record<string, unknown> = {}): Promise<Answer> =>
  get(gateway.url + path, { method, ...options });
export const isCoveredBy = (answer: Answer): boolean => /unstale; hit/.test(String(answer.headers['cache-status']));

export async function warm(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await ask('GET', path);
    expect(isCoveredBy(await ask('GET', path)), `${path} is stored`).toBe(true);
  }
}

/** A hit that says what the origin would. */
export async function expectPatched(path: string): Promise<Answer> {
  const answer = await ask('GET', path);
  expect(isCoveredBy(answer), `${path} is patched: ${JSON.stringify(reasons())}`).toBe(true);
  expect(answer.json()).toEqual((await get(api.origin.url + path)).json());
  return answer;
}

/** Not from the store, and right. */
export async function expectInvalidated(path: string, reason?: string): Promise<void> {
  const answer = await ask('GET', path);
  expect(isCoveredBy(answer), `${path} is invalidated`).toBe(false);
  expect(answer.text).toBe((await get(api.origin.url + path)).text);
  if (reason !== undefined) expect(reasons()).toContain(reason);
}

/** Why parents were not patched, as the log says. */
export const reasons = (): string[] =>
  gateway.logs.flatMap(({ notPatched }) => ((notPatched ?? []) as { reason: string }[]).map(({ reason }) => reason));
