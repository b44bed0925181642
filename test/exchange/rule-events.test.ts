import { describe, expect, test } from 'vitest';
import { send as ask, gateway, isHit, rule, start, subscribe, useSmallApiRig, warm } from '../support/small-api-rig.ts';

/* When targets of a rule may be stored again, what its events carry, and what is logged. */

useSmallApiRig();

describe('settle', () => {
  test('what a write covers is passed through until its quarantine ends, and is then invalidated once more', async () => {
    await start(rule('settle: 200ms\ninvalidate: [/steps/7]'));
    const events = await subscribe();
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { name: 'New' });
    await ask('GET', '/steps/7');
    expect(isHit(await ask('GET', '/steps/7'))).toBe(false);
    await events.next();
    await events.next();
    await warm('/steps/7');
  });
});

describe('events', () => {
  test('carry the payload that they declare', async () => {
    const payload = '{ id: id, step: response.stepId, was: before.stepId, all: "response[*]", none: response.nope }';
    await start(rule(`event: { type: inn.changed, payload: ${payload} }\ninvalidate: [/steps/7]`));
    const events = await subscribe();
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
    const events = await subscribe();
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
