import { describe, expect, test } from 'vitest';
import { gate } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import type { Inn } from '../support/small-api.ts';
import {
  api,
  send as ask,
  gateway,
  isHit,
  rule,
  start,
  stillHits,
  subscribe,
  useSmallApiRig,
  warm,
} from '../support/small-api-rig.ts';

/* What a rule may say in addition to `invalidate`: conditions, lookups, cascades, refresh, onlyIfChanged. */

useSmallApiRig();

describe('when', () => {
  // What a PUT of { stepId: 7, name: 'New' } to an inn of step 7 called "Inn" does.
  const rows: [string, boolean][] = [
    ['status: 2xx', true],
    ['status: [201, 204]', false],
    ['present: response.stepId', true],
    ['present: response.nope', false],
    ['present: [response.stepId, response.nope]', false],
    ['absent: response.nope', true],
    ['absent: [response.stepId]', false],
    ['equals: { response.stepId: 7 }', true],
    ['equals: { response.stepId: [8, "9"] }', false],
    ['equals: { response.nope: 7 }', false],
    ['equals: { id: "42" }', true],
    ['changed: name', true],
    ['changed: stepId', false],
    ['changed: [stepId, name]', true],
    ['status: 200\n  changed: stepId', false],
  ];
  test.each(rows)('%s', async (when, applies) => {
    await start(rule(`when:\n  ${when}\ninvalidate: [/steps/7]`));
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { stepId: 7, name: 'New' });
    expect(await stillHits('/steps/7')).toEqual(applies ? [] : ['/steps/7']);
  });

  test('a condition that cannot be decided holds, except under unresolved: ignore', async () => {
    api.answers = 'nothing';
    for (const [unresolved, kept] of [
      ['widen', []],
      ['ignore', ['/steps/7']],
    ] as const) {
      await start(rule(`when: { changed: name }\nunresolved: ${unresolved}\ninvalidate: [/steps/7]`));
      await warm('/steps/7');
      await ask('PUT', '/inns/42', { name: 'New' });
      // A representation that was answered with nothing may have any name.
      expect(await stillHits('/steps/7'), unresolved).toEqual(kept);
      await gateway.stop();
    }
    await start('');
  });

  test('an indeterminate write meets a condition on its success', async () => {
    api.origin.on('PUT /inns/42', (_, response) => void response.writeHead(500).end());
    await start(rule('when: { status: 2xx }\ninvalidate: [/steps/7]'));
    await warm('/steps/7');
    expect((await ask('PUT', '/inns/42', {})).status).toBe(500);
    expect(await stillHits('/steps/7')).toEqual([]);
  });

  test('the log says why a rule did not apply', async () => {
    await start(rule('when: { changed: stepId }\ninvalidate: [/steps/7]'));
    await ask('PUT', '/inns/42', { name: 'New' });
    const line = gateway.logs.find(({ msg }) => msg === 'write');
    expect(line).toMatchObject({ rules: [], skipped: [{ rule: 'r', why: 'stepId did not change' }] });
  });
});

describe('lookup', () => {
  const lookup = rule(
    'lookup: { step: "GET /steps/{before.stepId, response.stepId}" }\ninvalidate: ["/trips/{step.tripId}"]',
  );

  test('follows the answer to its parent', async () => {
    await start(lookup);
    await warm('/trips/1', '/trips/2');
    await ask('PUT', '/inns/42', { name: 'New' });
    expect(await stillHits('/trips/1', '/trips/2')).toEqual(['/trips/2']);
  });

  test('follows both parents of a move', async () => {
    await start(lookup);
    await warm('/trips/1', '/trips/2', '/trips/3');
    await ask('PATCH', '/inns/42', { stepId: 9 });
    expect(await stillHits('/trips/1', '/trips/2', '/trips/3')).toEqual(['/trips/3']);
  });

  test('reads the origin, not what is stored', async () => {
    await start(lookup);
    await warm('/steps/7', '/trips/1', '/trips/2');
    api.trips.set(7, 2);
    await ask('PUT', '/inns/42', { name: 'New' });
    expect(await stillHits('/trips/1', '/trips/2')).toEqual(['/trips/1']);
  });

  test('falls back to a wildcard if it fails, and is logged', async () => {
    await start(lookup);
    await warm('/trips/1', '/trips/2');
    api.origin.on('GET /steps/7', (_, response) => void response.writeHead(500).end());
    await ask('PUT', '/inns/42', { name: 'New' });
    expect(await stillHits('/trips/1', '/trips/2')).toEqual([]);
    expect(gateway.logs.filter(({ msg }) => msg === 'a placeholder could not be resolved')).toMatchObject([
      { rule: 'r', placeholder: 'step.tripId', reason: 'step.tripId: the origin answered 500' },
    ]);
  });

  test('falls back to a wildcard without a read if its path is unknown', async () => {
    await start(rule('lookup: { step: "GET /steps/{response.nope}" }\ninvalidate: ["/trips/{step.tripId}"]'));
    await warm('/trips/1', '/trips/2');
    await ask('PUT', '/inns/42', { name: 'New' });
    expect(await stillHits('/trips/1', '/trips/2')).toEqual([]);
  });

  test('a resource that is gone names nothing further', async () => {
    await start(
      rule('lookup: { other: "GET /inns/{response.name}" }\ninvalidate: ["/trips/{other.tripId}", /trips/2]'),
    );
    await warm('/trips/1', '/trips/2');
    await ask('PUT', '/inns/42', { name: '999' });
    expect(await stillHits('/trips/1', '/trips/2')).toEqual([]);
  });

  test('several are made, each by its own name', async () => {
    const lookups = 'lookup: { step: "GET /steps/{response.stepId}", other: "GET /inns/{response.id}" }';
    await start(rule(`${lookups}\ninvalidate: ["/trips/{step.tripId}", "/steps/{other.stepId}"]`));
    await warm('/trips/1', '/trips/2', '/steps/7', '/steps/9');
    await ask('PUT', '/inns/42', { name: 'New' });
    expect(await stillHits('/trips/1', '/trips/2', '/steps/7', '/steps/9')).toEqual(['/trips/2', '/steps/9']);
  });

  test('a later one uses the result of an earlier one', async () => {
    await start(
      rule(
        'lookup:\n  step: GET /steps/{response.stepId}\n  trip: GET /trips/{step.tripId}\ninvalidate: ["/steps/{trip.steps[*].id}"]',
      ),
    );
    await warm('/steps/7', '/steps/9');
    await ask('PUT', '/inns/42', { name: 'New' });
    expect(await stillHits('/steps/7', '/steps/9')).toEqual(['/steps/9']);
  });
});

describe('a route that says where the representation lives', () => {
  const nested = (before: string): string =>
    `routes:\n  - match: /inns/:id\n    before: ${before}\n${rule('invalidate: ["/steps/{before.stepId}"]')}`;

  test('has before read there', async () => {
    api.answers = 'nothing';
    await start(nested('GET /steps/{query.stepId}/inns/{id}'));
    await warm('/steps/7', '/steps/9');
    await ask('DELETE', '/inns/42?stepId=7');
    expect(api.reads('/steps/7/inns/42')).toBe(1);
    expect(api.reads('/inns/42')).toBe(0);
    expect(await stillHits('/steps/7', '/steps/9')).toEqual(['/steps/9']);
  });

  test('finds the address in the request body, too', async () => {
    await start(nested('GET /steps/{request.stepId}/inns/{id}'));
    await warm('/steps/7', '/steps/9');
    await ask('PUT', '/inns/42', { stepId: 7, name: 'New' });
    expect(api.reads('/steps/7/inns/42')).toBe(1);
    expect(await stillHits('/steps/7', '/steps/9')).toEqual(['/steps/9']);
  });

  test('if the address is unknown, falls back to a wildcard, whatever else is known', async () => {
    await start(nested('GET /steps/{query.stepId}/inns/{id}').replace('before.stepId', 'before.stepId, params.id'));
    await warm('/steps/7', '/steps/9');
    await ask('DELETE', '/inns/42');
    expect(await stillHits('/steps/7', '/steps/9')).toEqual([]);
  });
});

describe('cascade', () => {
  const routes = [
    'routes:',
    '  - { match: "/inns/:id", tags: ["inn:{id}"] }',
    '  - { match: "/steps/:id", tags: ["step:{id}", "inn:{response.inns[*].id}"] }',
    '  - { match: "/trips/:id", tags: ["trip:{id}", "step:{response.steps[*].id}"] }',
    '',
  ].join('\n');

  test('invalidates what embeds the target, and what embeds that', async () => {
    await start(`${routes}${rule('invalidate: [{ path: "/inns/{id}", cascade: true }]')}`);
    await warm('/inns/42', '/inns', '/steps/7', '/trips/1', '/trips/2');
    await ask('PUT', '/inns/42', { name: 'New' });
    // Only the bodies of steps say which of them embed it. So any step invalidates trips, and none invalidates a list
    // without tags.
    expect(await stillHits('/inns/42', '/inns', '/steps/7', '/trips/1')).toEqual(['/inns']);
  });

  test('without it the tags of what embeds are left alone', async () => {
    await start(`${routes}${rule('invalidate: [{ path: "/inns/{id}", cascade: false }]')}`);
    await warm('/steps/7', '/trips/1');
    await ask('PUT', '/inns/42', { name: 'New' });
    expect(await stillHits('/steps/7', '/trips/1')).toEqual(['/steps/7', '/trips/1']);
  });

  test('under unresolved: ignore it goes as far as ids are known', async () => {
    await start(`${routes}${rule('unresolved: ignore\ninvalidate: [{ path: "/inns/{id}", cascade: true }]')}`);
    await warm('/steps/7', '/steps/9', '/trips/1');
    await ask('PUT', '/inns/42', { name: 'New' });
    expect(await stillHits('/steps/7', '/steps/9', '/trips/1')).toEqual(['/steps/9', '/trips/1']);
  });
});

describe('refresh', () => {
  const refresh = rule('refresh: ["/steps/{before.stepId, response.stepId}"]');

  test('the next read is a hit with what the origin says now', async () => {
    await start(refresh);
    await warm('/steps/7');
    const before = api.reads('/steps/7');
    await ask('PUT', '/inns/42', { name: 'New' });
    const answer = await ask('GET', '/steps/7');
    // Served from what was fetched, or waiting for it: no request of its own.
    expect(String(answer.headers['cache-status'])).toMatch(/hit|collapsed/);
    expect(answer.json<{ inns: Inn[] }>().inns[0]?.name).toBe('New');
    expect(api.reads('/steps/7')).toBe(before + 1);
    expect(isHit(await ask('GET', '/steps/7'))).toBe(true);
  });

  test('each stored query and variant, and nothing that was not stored', async () => {
    await start(refresh);
    await warm('/steps/7', '/steps/7?lang=de');
    await ask('PATCH', '/inns/42', { stepId: 9 });
    const targets = (): string[] => api.origin.seen.filter(({ url }) => /^\/steps/.test(url)).map(({ url }) => url);
    await api.origin.until(() => targets().length >= 4);
    expect(targets()).toEqual(['/steps/7', '/steps/7?lang=de', '/steps/7', '/steps/7?lang=de']);
  });

  test('is not made for responses of one user', async () => {
    await start(
      `routes:\n  - match: /steps/:id\n    cache: { credentials: perUser, userKey: [authorization] }\n${refresh}`,
    );
    const headers = { authorization: 'Bearer me' };
    await get(`${gateway.url}/steps/7`, { headers });
    await ask('PUT', '/inns/42', { name: 'New' });
    const after = await get(`${gateway.url}/steps/7`, { headers });
    expect(String(after.headers['cache-status'])).toMatch(/fwd=uri-miss/);
    expect(api.reads('/steps/7')).toBe(2);
  });
});

describe('onlyIfChanged', () => {
  const only = (setting: string): string => rule(`onlyIfChanged: ${setting}\ninvalidate: [/steps/7]`);

  test('a write that changes nothing records and announces nothing', async () => {
    await start(only('{ ignoring: [updatedAt] }'));
    const events = await subscribe();
    await warm('/inns/42', '/steps/7');
    await ask('PUT', '/inns/42', { name: 'Inn' });
    expect(await stillHits('/inns/42', '/steps/7')).toEqual(['/inns/42', '/steps/7']);
    await ask('PUT', '/inns/42', { name: 'New' });
    expect(await stillHits('/inns/42', '/steps/7')).toEqual([]);
    expect((await events.next()).json()).toMatchObject({ cause: { method: 'PUT', path: '/inns/42', rule: 'r' } });
    expect(events.events).toHaveLength(1);
    const outcomes = gateway.logs.filter(({ msg }) => msg === 'write').map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['unchanged', 'applied']);
  });

  test('an ignored field counts where it is not ignored', async () => {
    await start(only('true'));
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { name: 'Inn' });
    expect(await stillHits('/steps/7')).toEqual([]);
  });

  test('an answer without a body has the representation read again', async () => {
    api.answers = 'nothing';
    await start(only('{ ignoring: [updatedAt] }'));
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { name: 'Inn' });
    expect(api.reads('/inns/42')).toBe(2);
    expect(await stillHits('/steps/7')).toEqual(['/steps/7']);
    await ask('PUT', '/inns/42', { name: 'New' });
    expect(await stillHits('/steps/7')).toEqual([]);
  });

  test('a write that conflicts with another is never taken for unchanged', async () => {
    await start(only('{ ignoring: [updatedAt] }'));
    await warm('/steps/7');
    const held = gate();
    api.origin.on('PATCH /inns/42', async (_, response) => {
      await held.pass();
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    });
    const slow = ask('PATCH', '/inns/42', { name: 'Slow' });
    await api.origin.until((seen) => seen.some(({ method }) => method === 'PATCH'));
    const quick = ask('PUT', '/inns/42', { name: 'Inn' });
    await api.origin.until((seen) => seen.some(({ method }) => method === 'PUT'));
    held.release();
    await Promise.all([slow, quick]);
    const outcomes = gateway.logs.filter(({ msg }) => msg === 'write').map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['applied', 'applied']);
  });
});
