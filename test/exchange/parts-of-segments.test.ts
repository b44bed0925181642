import { beforeEach, expect, test } from 'vitest';
import { answerForAMinute, ask, every, gateway, isHitAt, send, useScriptedRig } from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';

/* Patterns whose parameters have literal text around them, in routes, rules and subscriptions. */

useScriptedRig(`
routes:
  - { match: "/steps/:id.json", tags: ["step:{id}"] }
  - { match: "/issues.:format" }
  - { match: "/**", cache: off }
rules:
  - on: PUT /steps/:id.json
    invalidate: ["/issues.{query.as}"]
  - on: PUT /files/:name.:ext
    invalidate: [{ tag: "step:{name}" }]
`);

beforeEach(() => every(answerForAMinute));

test('a route takes what has the text around its parameters, and nothing else', async () => {
  const paths = ['/steps/7.json', '/steps/%37.json', '/issues.atom', '/steps/7', '/steps/.json', '/issues'];
  for (const path of paths) await ask(path);
  expect(await Promise.all(paths.map((path) => isHitAt(path)))).toEqual([true, true, true, false, false, false]);
});

test('a rule has the values of its parameters', async () => {
  const paths = ['/steps/7.json', '/steps/8.json', '/issues.atom', '/issues.json'];
  for (const path of paths) await ask(path);
  await send('PUT', '/files/7.pdf');
  await send('PUT', '/steps/9.json?as=atom');
  expect(await Promise.all(paths.map((path) => isHitAt(path)))).toEqual([false, true, false, true]);
});

test('a subscription can name them', async () => {
  const events = await sseClient(`${gateway.url}/_unstale/events?match=/steps/:id.json`);
  try {
    await send('PUT', '/steps/7');
    await send('PUT', '/steps/7.json?as=atom');
    expect((await events.next()).json()).toMatchObject({ paths: ['/issues.atom', '/steps/7.json'] });
  } finally {
    events.close();
  }
});
