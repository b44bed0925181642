import { describe, expect, test } from 'vitest';
import { get } from '../support/request.ts';
import { ask, begin, cacheStatus, gateway, isHit, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* `Cache-Status: stored` is said of what was stored, and of nothing else. */

useScriptedRig();

const route = `
routes:
  - { match: "/steps/:id", cache: { ttl: 60s }, tags: ["step:{id}", "inn:{response.inns[*].id}"] }
rules:
  - { name: inn, on: "PUT /inns/:id", invalidate: ["tag: inn:{id}"] }
  - { name: new-inn, on: "POST /inns", invalidate: ["tag: step:{response.stepId}"] }
`.replaceAll(/"tag: ([^"]*)"/g, '{ tag: "$1" }');
const metrics = async (): Promise<string> => (await get(`${gateway.adminUrl}/metrics`)).text;

describe.each([
  ['without an ETag of the origin', {}],
  ['with one', { ETag: '"a"' }],
])('%s', (_what, headers) => {
  const answerWith = (body: string): void => {
    origin.on('GET /steps/7', (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(body);
    });
  };

  test.each<[string, string, boolean]>([
    ['all of its tags', '{"inns":[{"id":1}]}', true],
    ['an empty list', '{"inns":[]}', true],
    ['null in place of the list', '{"inns":null}', true],
    ['no such member', '{}', false],
    ['an element without the member', '{"inns":[{"id":1},{}]}', false],
    ['no JSON', 'inns', false],
  ])('a response with %s', async (_body, body, stored) => {
    await begin(route);
    answerWith(body);
    const answer = await ask('/steps/7');
    expect(answer.text).toBe(body);
    expect(cacheStatus(answer)).toBe(
      `unstale; fwd=uri-miss; fwd-status=200; ${stored ? 'stored' : 'detail=tags-unresolved'}`,
    );
    expect(isHit(await ask('/steps/7'))).toBe(stored);
    const counted = await metrics();
    if (stored) expect(counted).not.toContain('reason="tags-unresolved"');
    else expect(counted).toContain('unstale_not_stored_total{reason="tags-unresolved"} 2');
  });

  test.each([
    ['another tag', route],
    [
      'its path, whatever tags there are',
      `
routes: [{ match: "/steps/:id", cache: { ttl: 60s }, tags: ["inn:{response.inns[*].id}"] }]
rules:
  - { name: inn, on: "PUT /inns/:id", invalidate: [{ tag: "inn:{id}" }] }
  - { name: new-inn, on: "POST /inns", invalidate: ["/steps/{response.stepId}"] }`,
    ],
  ])('what adds to an empty list reaches it by %s', async (_by, yaml) => {
    await begin(yaml);
    answerWith('{"inns":[]}');
    origin.on('POST /inns', (_request, response) => {
      response.writeHead(201, { 'Content-Type': 'application/json' }).end('{"id":1,"stepId":7}');
    });
    await ask('/steps/7');
    expect(isHit(await ask('/steps/7'))).toBe(true);
    await send('POST', '/inns', { body: {} });
    expect(isHit(await ask('/steps/7'))).toBe(false);
  });
});

test('a body that is streamed says nothing of it, and is stored when it has ended', async () => {
  await begin('defaults: { cache: { ttl: 60s } }');
  origin.on('GET /a', (_request, response) => void response.end('x'.repeat(300_000)));
  expect(cacheStatus(await ask('/a'))).toBe('unstale; fwd=uri-miss; fwd-status=200; detail=streamed');
  expect(isHit(await ask('/a'))).toBe(true);
});
