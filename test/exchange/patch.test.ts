import { describe, expect, test } from 'vitest';
import { gate } from '../support/barrier.ts';
import { api, ask, isHit, start, useSmallApiRig, warm } from '../support/small-api-rig.ts';
import { expectInvalidated, expectPatched, patch } from './patch-rig.ts';

/* `patch`: a stored parent takes the changed child in place, wherever that is certain; else it is invalidated. */

useSmallApiRig();

describe('certain', () => {
  test('a changed element takes the place of the one with its id', async () => {
    await start(patch());
    await warm('/steps/7', '/steps/9');
    const old = await ask('GET', '/steps/7');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New "quoted" é' } });
    const fresh = await expectPatched('/steps/7');
    expect(fresh.headers.etag).not.toBe(old.headers.etag);
    expect(fresh.headers.etag).toMatch(/^"[\w-]{20,}"$/);
    expect(fresh.headers['content-length']).toBe(String(fresh.body.byteLength));
    expect(isHit(await ask('GET', '/steps/9'))).toBe(true);
    // The new tag is one that clients can come back with; the old one no longer answers 304.
    const again = { 'if-none-match': String(fresh.headers.etag) };
    expect((await ask('GET', '/steps/7', { headers: again })).status).toBe(304);
    const outdated = { 'if-none-match': String(old.headers.etag) };
    expect((await ask('GET', '/steps/7', { headers: outdated })).status).toBe(200);
    expect(api.reads('/steps/7')).toBe(2);
  });

  test('a move takes it out of one parent and puts it into the other', async () => {
    api.inns.set(44, { id: 44, stepId: 9, name: 'Third', updatedAt: 1 });
    api.inns.delete(42);
    api.inns.set(42, { id: 42, stepId: 7, name: 'Inn', updatedAt: 1 });
    await start(patch());
    await warm('/steps/7', '/steps/9');
    await ask('PATCH', '/inns/42', { body: { stepId: 9 } });
    await expectPatched('/steps/7');
    await expectPatched('/steps/9');
  });

  test('DELETE takes it out, down to the last', async () => {
    await start(patch());
    await warm('/steps/7');
    await ask('DELETE', '/inns/43');
    await expectPatched('/steps/7');
    await ask('DELETE', '/inns/42');
    expect((await expectPatched('/steps/7')).json()).toMatchObject({ inns: [] });
    expect(api.reads('/steps/7')).toBe(3);
  });

  test('a new one is added at the end, into an empty list too', async () => {
    await start(patch());
    await warm('/steps/9');
    await ask('PUT', '/inns/50', { body: { stepId: 9, name: 'First' } });
    await expectPatched('/steps/9');
    await ask('PUT', '/inns/51', { body: { stepId: 9, name: 'Second' } });
    await expectPatched('/steps/9');
  });

  test('by JSON Pointer, in the place of the representation itself', async () => {
    api.origin.on('GET /steps/7', (_, response) => {
      const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' };
      response.writeHead(200, headers).end(JSON.stringify({ 'best/inn': { of: api.inns.get(42) } }));
    });
    await start(patch().replace('at: /inns', 'at: /best~1inn/of'));
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await expectPatched('/steps/7');
  });

  test('the tags of the patched response are those of its new body', async () => {
    const routes = 'routes:\n  - { match: "/steps/:id", tags: ["inn:{response.inns[*].id}"] }\n';
    const hitByTag = '  - { name: by-tag, on: "PUT /tags/:tag", invalidate: [{ tag: "inn:{tag}" }] }\n';
    await start(`${routes}${patch()}${hitByTag}`);
    await warm('/steps/9');
    await ask('PUT', '/inns/42', { body: { stepId: 9 } });
    await expectPatched('/steps/9');
    await ask('PUT', '/tags/42', { body: {} });
    await expectInvalidated('/steps/9');
  });

  test('two changes to one parent', async () => {
    api.origin.on('GET /steps/7', (_, response) => {
      const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' };
      response.writeHead(200, headers).end(JSON.stringify({ inns: [api.inns.get(42)], best: api.inns.get(42) }));
    });
    await start(`${patch()}      - { path: "/steps/{response.stepId}", at: /best }\n`);
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await expectPatched('/steps/7');
  });

  test('two writes after each other each leave their mark', async () => {
    await start(patch());
    await warm('/steps/7');
    await Promise.all([
      ask('PUT', '/inns/42', { body: { stepId: 7, name: 'A' } }),
      ask('PUT', '/inns/43', { body: { stepId: 7, name: 'B' } }),
    ]);
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'C' } });
    await expectPatched('/steps/7');
  });
});

describe('uncertain: invalidated instead', () => {
  test('a parent that holds something else than what the resource was', async () => {
    await start(patch());
    await warm('/steps/7');
    api.inns.set(42, { id: 42, stepId: 7, name: 'Changed behind its back', updatedAt: 1 });
    await ask('PUT', '/inns/42', { body: { name: 'New' } });
    await expectInvalidated('/steps/7', 'what it would replace differs from the resource before the write');
  });

  test('ids of what the answer has whole', async () => {
    const rooms = (inn: object, ...list: unknown[]): object => ({ ...inn, rooms: list });
    api.origin.on('GET /steps/7', (_, response) => {
      const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' };
      response.writeHead(200, headers).end(JSON.stringify({ inns: [rooms({ id: 42, stepId: 7 }, 1)] }));
    });
    api.origin.on('PUT /inns/42', (_, response) => {
      const answer = rooms({ id: 42, stepId: 7 }, { id: 1, beds: 2 });
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
    });
    await start(patch().replace('before.stepId, ', ''));
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: {} });
    await expectInvalidated('/steps/7', 'its form differs from what it would replace');
  });

  test('a parent that was filled after the write began', async () => {
    await start(patch());
    const held = gate();
    api.origin.on('PUT /inns/42', async (_, response) => {
      await held.pass();
      const changed = { id: 42, stepId: 7, name: 'New', updatedAt: 9 };
      api.inns.set(42, changed);
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(changed));
    });
    const write = ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await api.origin.until((seen) => seen.some(({ method }) => method === 'PUT'));
    await warm('/steps/7');
    held.release();
    await write;
    await expectInvalidated('/steps/7', 'it was filled after the write began');
  });

  test('a write that conflicts with another to the same resource', async () => {
    await start(patch());
    await warm('/steps/7');
    const held = gate();
    api.origin.on('PATCH /inns/42', async (_, response) => {
      await held.pass();
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(api.inns.get(42)));
    });
    const slow = ask('PATCH', '/inns/42', { body: {} });
    await api.origin.until((seen) => seen.some(({ method }) => method === 'PATCH'));
    const quick = ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await api.origin.until((seen) => seen.some(({ method }) => method === 'PUT'));
    held.release();
    await Promise.all([slow, quick]);
    await expectInvalidated('/steps/7');
  });

  // What the origin says of the parent, and what the rule then cannot be certain of.
  const parents: [string, unknown, string][] = [
    ['nothing at that place', { id: 7 }, 'the parent has no value at that place'],
    ['a scalar', { inns: 2 }, 'the value at that place is neither an array nor an object'],
    ['ids alone', { inns: [42, 43] }, 'an element has no id'],
    ['elements without an id', { inns: [{ name: 'x' }] }, 'an element has no id'],
    ['an id twice', { inns: [{ id: 42 }, { id: 42 }] }, 'two elements have the same id'],
    ['summaries', { inns: [{ id: 42, name: 'Inn' }] }, 'its form differs from what it would replace'],
    ['other summaries', { inns: [{ id: 5, name: 'Inn' }] }, 'its form differs from the other elements'],
    ['no JSON', 'inns', 'it is not JSON'],
  ];
  test.each(parents)('%s', async (_, body, reason) => {
    api.origin.on('GET /steps/7', (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    await start(patch());
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await expectInvalidated('/steps/7', reason);
  });

  test('a query of the parent, while the parent itself is patched', async () => {
    await start(patch());
    await warm('/steps/7', '/steps/7?lang=de');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await expectPatched('/steps/7');
    await expectInvalidated('/steps/7?lang=de', 'it is the response to a query');
  });

  test('an answer that brings no representation', async () => {
    api.answers = 'nothing';
    await start(patch());
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await expectInvalidated('/steps/7');
  });

  test('another target that names the parent', async () => {
    await start(patch('invalidate: ["/steps/{response.stepId}"]'));
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await expectInvalidated('/steps/7', 'another target also covers it');
  });

  test('another rule whose tag the parent carries', async () => {
    const routes = 'routes:\n  - { match: "/steps/:id", tags: ["step:{id}"] }\n';
    await start(`${routes}${patch()}  - { name: s, on: "PUT /inns/:id", invalidate: [{ tag: "step:7" }] }\n`);
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await expectInvalidated('/steps/7', 'another target also covers it');
  });

  test('a new element where the rule does not say where it goes', async () => {
    await start(patch().replace('at: /inns', 'at: /inns, add: never'));
    await warm('/steps/7');
    await ask('PUT', '/inns/50', { body: { stepId: 7, name: 'New' } });
    await expectInvalidated('/steps/7', 'the rule does not say where to add an element');
  });

  test.each([
    ['it was not read', patch().replace('before.stepId, ', '')],
    ['it may not be read', patch('invalidate: ["/x/{before.none}"]').replace('before.stepId, ', '')],
  ])('an element that is not there, which may have had another key before: %s', async (_, rules) => {
    api.origin.on('GET /inns/50', (_request, response) => void response.writeHead(403).end());
    api.origin.on('PUT /inns/50', (_request, response) => {
      api.inns.set(50, { id: 50, stepId: 7, name: 'New', updatedAt: 2 });
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(api.inns.get(50)));
    });
    await start(rules);
    await warm('/steps/7');
    await ask('PUT', '/inns/50', { body: {} });
    await expectInvalidated('/steps/7', 'the element may be there under another key: before is not known');
  });

  test('an indeterminate write', async () => {
    api.origin.on('PUT /inns/42', (_, response) => {
      response
        .writeHead(500, { 'Content-Type': 'application/json' })
        .end('{"id":42,"stepId":7,"name":"New","updatedAt":2}');
    });
    await start(patch());
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    expect(isHit(await ask('GET', '/steps/7'))).toBe(false);
  });

  test('an indeterminate write whose request has every value', async () => {
    api.origin.on('PUT /inns/42', (_, response) => void response.writeHead(503).end());
    await start(
      patch()
        .replace('{before.stepId, response.stepId}', '{request.stepId}')
        .replace('at: /inns', 'at: /inns, with: request'),
    );
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { id: 42, stepId: 7, name: 'New', updatedAt: 2 } });
    await expectInvalidated('/steps/7');
  });

  test('a parent that only before names: it may have been left', async () => {
    await start(patch().replace('{before.stepId, response.stepId}', '{before.stepId}'));
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await expectInvalidated('/steps/7');
  });

  test('one of two changes to one parent', async () => {
    await start(`${patch()}      - { path: "/steps/{response.stepId}", at: /nothing }\n`);
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    await expectInvalidated('/steps/7', 'the parent has no value at that place');
  });

  test('responses of one user', async () => {
    await start(
      `routes:\n  - match: /steps/:id\n    cache: { credentials: perUser, userKey: [authorization] }\n${patch()}`,
    );
    const headers = { authorization: 'Bearer me' };
    await ask('GET', '/steps/7', { headers });
    expect(isHit(await ask('GET', '/steps/7', { headers }))).toBe(true);
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' } });
    expect(isHit(await ask('GET', '/steps/7', { headers }))).toBe(false);
  });
});
