import { expect } from 'vitest';
import { type Answer, get } from '../support/request.ts';
import { api, ask, gateway, isHit } from '../support/small-api-rig.ts';

/* What tests of patches ask: the gateway has one rule that patches, before the small API. */

export const patch = (more = ''): string => `
rules:
  - name: r
    on: "* /inns/**"
    ${more}
    patch:
      - { path: "/steps/{before.stepId, response.stepId}", at: /inns }
`;

/** A hit that says what the origin would. */
export async function expectPatched(path: string): Promise<Answer> {
  const answer = await ask('GET', path);
  expect(isHit(answer), `${path} is patched: ${JSON.stringify(reasons())}`).toBe(true);
  expect(answer.json()).toEqual((await get(api.origin.url + path)).json());
  return answer;
}

/** Not from the store, and right. */
export async function expectInvalidated(path: string, reason?: string): Promise<void> {
  const answer = await ask('GET', path);
  expect(isHit(answer), `${path} is invalidated`).toBe(false);
  expect(answer.text).toBe((await get(api.origin.url + path)).text);
  if (reason !== undefined) expect(reasons()).toContain(reason);
}

/** Why parents were not patched, as the log says. */
export const reasons = (): string[] =>
  gateway.logs.flatMap(({ notPatched }) => ((notPatched ?? []) as { reason: string }[]).map(({ reason }) => reason));
