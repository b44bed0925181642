import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { type Answer, get, type RequestOptions } from './request.ts';
import { type ScriptedOrigin, scriptedOrigin } from './scripted-origin.ts';

/* A scripted origin, and a gateway in front of it. */

/** Of the test, or the file, that runs. */
export let origin: ScriptedOrigin;
export let gateway: TestGateway;

/**
 * Called by each file that uses this: both are made anew for each of its tests.
 * @param yaml the gateway's configuration; without it, each test calls `begin`
 */
export function useScriptedRig(yaml?: string): void {
  beforeEach(async () => {
    origin = await scriptedOrigin();
    if (yaml !== undefined) await begin(yaml);
  });
  afterEach(async () => {
    await gateway.stop();
    await origin.close();
  });
}

/** Called by each file that uses this: both are made once for all its tests. @param setUp what the origin answers */
export function useOneScriptedRig(yaml: string, setUp: () => void): void {
  beforeAll(async () => {
    origin = await scriptedOrigin();
    setUp();
    await begin(yaml);
  });
  afterAll(async () => {
    await gateway.stop();
    await origin.close();
  });
}

/** Starts the gateway of the test. One that was started before is the test's to stop. */
export async function begin(yaml = 'defaults: { cache: { ttl: 60s } }', originUrl = origin.url): Promise<void> {
  gateway = await startGateway(originUrl, yaml);
}

export const ask = (path: string, options: RequestOptions = {}): Promise<Answer> => get(gateway.url + path, options);
export const send = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  ask(path, { method, ...options });

/** Has the origin answer every request alike. */
export function every(handler: (request: IncomingMessage, response: ServerResponse) => void): void {
  origin.on(() => true, handler);
}

export const cacheStatus = (answer: Answer): string => String(answer.headers['cache-status']);
export const isHit = (answer: Answer): boolean => cacheStatus(answer).startsWith('unstale; hit');
/** Asks, which stores what may be stored. */
export const isHitAt = async (path: string, options?: RequestOptions): Promise<boolean> =>
  isHit(await ask(path, options));

/** An answer that may be stored for a minute. */
export function answerForAMinute(_request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Cache-Control', 'max-age=60');
  response.end('answer');
}

/** An answer in JSON. */
export const jsonOf = (value: unknown) => (_request: IncomingMessage, response: ServerResponse) => {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(value));
};

/** A configuration in which writes of children touch the parents that they had, and have. */
export const childRules = (settle: string): string => `
coherence: { settle: ${settle} }
defaults: { cache: { ttl: 60s } }
rules:
  - name: child
    on: PUT|PATCH|DELETE /children/:id
    invalidate: ["/children/{id}", "/parents/{before.parent, response.parent}"]
    event: child.changed
`;
