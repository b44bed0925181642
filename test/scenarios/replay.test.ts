import { expect, it } from 'vitest';
import { replayLog } from '../../src/replay/replay.ts';
import { configOf } from '../config/parse.ts';
import { random } from '../support/random.ts';
import { ask, begin, isHit, jsonOf, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

useScriptedRig();

const yaml = `routes:
  - { match: /steps/:stepId, cache: { ttl: 60s }, tags: ['bed:{response.beds[*]}'] }
  - { match: /beds/**, cache: { ttl: 60s } }
  - { match: /live, cache: off }
rules:
  - { name: in-step, on: PUT /beds/:id, invalidate: [/beds, '/steps/{response.stepId}'] }
  - { name: bed, on: DELETE /beds/:id, invalidate: [{ tag: 'bed:{id}' }] }
`;

const START = Date.parse('2026-11-21T10:00:00Z');

/* The replay must not have semantics of its own. */
it.each([1, 2, 3])('a replay of what a gateway did has the hits that the gateway had (seed %i)', async (seed) => {
  const below = random(seed);
  const oneOf = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  const status = { write: 200 };
  origin.on(
    () => true,
    (request, response) => {
      if (request.method !== 'GET') response.statusCode = status.write;
      jsonOf({ stepId: oneOf([1, 2, 3, null, [1, 2]]), beds: [oneOf([1, 2]), 3] })(request, response);
    },
  );
  await begin(yaml);
  const entries: object[] = [];
  const hits = new Map<string, number>();
  for (let i = 0; i < 80; i++) {
    const method = oneOf(['GET', 'GET', 'GET', 'HEAD', 'PUT', 'DELETE']);
    const writes = method === 'PUT' || method === 'DELETE';
    const bed = `/beds/${oneOf([1, 2, 3])}`;
    const path = writes ? bed : oneOf([bed, '/beds', '/live', '/other', ...[1, 2, 3].map((id) => `/steps/${id}`)]);
    status.write = oneOf([200, 200, 201, 404]);
    const answer = writes ? await send(method, path) : await ask(path, { method });
    const text = method === 'HEAD' ? '' : answer.text;
    const route = /^\/[a-z]+/.exec(path)?.[0] ?? '';
    hits.set(route, (hits.get(route) ?? 0) + (isHit(answer) ? 1 : 0));
    entries.push({
      startedDateTime: new Date(START + 10 * i).toISOString(),
      time: 5,
      request: { method, url: `http://api.example${path}`, headers: [] },
      response: {
        status: answer.status,
        headers: [{ name: 'Content-Type', value: 'application/json' }],
        content: { size: text.length, text },
      },
    });
  }
  const config = configOf(`origin: { url: http://api.example }\n${yaml}`);
  const har = async function* () {
    yield JSON.stringify({ log: { entries } });
  };
  const { routes, rules } = await replayLog(har(), config);
  const replayed = Object.fromEntries(routes.map((route) => [route.route, route.hits]));
  expect(replayed).toEqual({
    '/steps/:stepId': hits.get('/steps') ?? 0,
    '/beds/**': hits.get('/beds') ?? 0,
    '/live': 0,
    null: hits.get('/other') ?? 0,
  });
  expect(replayed['/steps/:stepId']).toBeGreaterThan(0);
  expect(rules.every(({ dropped }) => dropped > 0)).toBe(true);
});
