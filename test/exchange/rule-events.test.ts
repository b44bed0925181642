import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get } from '../support/request.ts';
import { type SmallApi, smallApi } from '../support/small-api.ts';
import { type SseClient, sseClient } from '../support/sse-client.ts';

/* What a rule tells: when what it hits may be stored again, what its events carry, what is logged. */

let api: SmallApi;
let gateway: TestGateway;
let events: SseClient | undefined;

beforeEach(async () => {
  api = await smallApi();
});
afterEach(async () => {
  events?.close();
  events = undefined;
  await gateway.stop();
  await api.origin.close();
});

async function start(yaml: string): Promise<void> {
  gateway = await startGateway(api.origin.url, yaml);
}

const ask = (method: string, path: string, body?: Record<string, unknown>): Promise<Answer> =>
  get(gateway.url + path, body === undefined ? { method } : { method, body });
const isCoveredBy = (answer: Answer): boolean => /unstale; hit/.test(String(answer.headers['cache-status']));

async function warm(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await ask('GET', path);
    expect(isCoveredBy(await ask('GET', path)), `${path} is stored`).toBe(true);
  }
}

const rule = (lines: string): string =>
  `rules:\n  - name: r\n    on: "* /inns/:id"\n    ${lines.replaceAll('\n', '\n    ')}`;

describe('settle', () => {
  test('what a write hits is passed through until its window is over, then hit once more', async () => {
    await start(rule('settle: 200ms\ninvalidate: [/steps/7]'));
    events = await sseClient(`${gateway.url}/_unstale/events`);
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { name: 'New' });
    await ask('GET', '/steps/7');
    expect(isCoveredBy(await ask('GET', '/steps/7'))).toBe(false);
    await events.next();
    await events.next();
    await warm('/steps/7');
  });
});

describe('events', () => {
  test('carry the payload that they declare', async () => {
    const payload = '{ id: id, step: response.stepId, was: before.stepId, all: "response[*]", none: response.nope }';
    await start(rule(`event: { type: inn.changed, payload: ${payload} }\ninvalidate: [/steps/7]`));
    events = await sseClient(`${gateway.url}/_unstale/events`);
    await ask('PATCH', '/inns/42', { stepId: 9 });
    const event = await events.next();
    expect(event.type).toBe('inn.changed');
    expect(event.json()).toMatchObject({
      paths: ['/steps/7', '/inns/42'],
      payload: { id: '42', step: 9, was: 7, all: [42, 9, 'Inn', 2], none: null },
    });
  });

  test('a member that is too long says so', async () => {
    await start(rule('event: { type: inn.changed, payload: { name: response.name } }\ninvalidate: [/steps/7]'));
    events = await sseClient(`${gateway.url}/_unstale/events`);
    await ask('PATCH', '/inns/42', { name: 'x'.repeat(5_000) });
    expect((await events.next()).json()).toMatchObject({ payload: { name: { omitted: 'too long' } } });
  });
});

test('how everything was resolved is in the log at debug level', async () => {
  await start(
    rule(
      'invalidate: ["/steps/{before.stepId, response.stepId}", "tag: inn:{id}"]'.replace(
        '"tag: inn:{id}"',
        '{ tag: "inn:{id}" }',
      ),
    ),
  );
  await ask('PATCH', '/inns/42', { stepId: 9 });
  const line = gateway.logs.find(({ msg }) => msg === 'explained');
  expect(line?.explanation).toMatchObject({
    method: 'PATCH',
    path: '/inns/42',
    outcome: 'applied',
    reason: 'the origin answered 200',
    rules: [
      {
        rule: 'r',
        applies: true,
        placeholders: [
          {
            target: '/steps/{before.stepId, response.stepId}',
            values: ['7', '9'],
            sources: [
              { source: 'before.stepId', values: ['7'] },
              { source: 'response.stepId', values: ['9'] },
            ],
          },
          { target: 'inn:{id}', values: ['42'] },
        ],
      },
    ],
    targets: ['/steps/7', '/steps/9', 'tag:inn:42', '/inns/42'],
    tags: ['inn:42'],
  });
});
