import { describe, expect, test } from 'vitest';
import { api, ask, isHit, start, useSmallApiRig, warm } from '../support/small-api-rig.ts';
import { expectInvalidated, expectPatched, patch, reasons } from './patch-rig.ts';

/* `patch`: what a write may not change in place, since it is not its own to tell, was not done, or may not be kept. */

useSmallApiRig();

/** A parent as the small API has it, with other fields. */
function parentWith(headers: Record<string, string>): void {
  api.origin.on('GET /steps/7', (_, response) => {
    const all = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60', ...headers };
    response.writeHead(200, all).end(JSON.stringify(api.step(7)));
  });
}

const whole = { id: 42, stepId: 7, name: 'New', updatedAt: 2 };
/** By the request alone: what the answer brings is not needed. */
const byRequest = (): string =>
  patch()
    .replace('{before.stepId, response.stepId}', '{before.stepId, request.stepId}')
    .replace('at: /inns', 'at: /inns, with: request');

const by = { request: byRequest, response: patch };
const roots = ['request', 'response'] as const;

/** The PUT is done, and answered with `status`. */
function answering(status: number, headers: Record<string, string> = {}): void {
  api.origin.on('PUT /inns/42', (_, response) => {
    api.inns.set(42, whole);
    const all = { 'Content-Type': 'application/json', ...headers };
    response.writeHead(status, all).end(status === 204 ? undefined : JSON.stringify(whole));
  });
}

describe('a write patches only what it would itself be answered', () => {
  const other = 'it is for another host or variant';
  const rows: [string, string, Record<string, string>, Record<string, string>, Record<string, string>][] = [
    ['hosts', '', {}, { host: 'a.example' }, { host: 'b.example' }],
    [
      'schemes',
      'server: { listen: "127.0.0.1:0", trustedProxies: [127.0.0.1/32] }\n',
      {},
      {},
      { 'x-forwarded-proto': 'https' },
    ],
    ['variants', '', { Vary: 'Accept-Language' }, { 'accept-language': 'de' }, { 'accept-language': 'fr' }],
    [
      'keyed fields',
      'routes:\n  - { match: "/steps/:id", cache: { key: { headers: [x-tenant] } } }\n',
      {},
      { 'x-tenant': 'a' },
      { 'x-tenant': 'b' },
    ],
  ];
  test.each(rows)('%s', async (_, config, fields, own, foreign) => {
    parentWith(fields);
    await start(`${config}${patch()}`);
    for (const headers of [own, foreign]) {
      await ask('GET', '/steps/7', { headers });
      expect(isHit(await ask('GET', '/steps/7', { headers }))).toBe(true);
    }
    await ask('PUT', '/inns/42', { body: { stepId: 7, name: 'New' }, headers: own });
    const patched = await ask('GET', '/steps/7', { headers: own });
    expect(isHit(patched), JSON.stringify(reasons())).toBe(true);
    expect(patched.json()).toEqual(api.step(7));
    expect(isHit(await ask('GET', '/steps/7', { headers: foreign }))).toBe(false);
    expect(reasons()).toEqual([other]);
  });

  test('what varies by a field that the parent does not vary by', async () => {
    answering(200, { Vary: 'Accept-Language' });
    await start(patch());
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: {} });
    await expectInvalidated('/steps/7', 'the representation varies by more fields than the parent');
  });

  test('its content coding is none of these fields', async () => {
    answering(200, { Vary: 'Accept-Encoding' });
    await start(patch());
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: {} });
    await expectPatched('/steps/7');
  });
});

describe('only what the answer says was done', () => {
  test.each([200, 201, 204])('%i: by the request', async (status) => {
    answering(status);
    await start(byRequest());
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: whole });
    await expectPatched('/steps/7');
  });

  const undone = [202, 203, 205, 207, 226, 301, 302, 303, 307];
  test.each(undone.flatMap((status) => roots.map((root) => [status, root] as const)))(
    '%i: not by the %s',
    async (status, root) => {
      const location = { Location: '/login' };
      api.origin.on('PUT /inns/42', (_, response) => {
        const headers = { 'Content-Type': 'application/json', ...location };
        response.writeHead(status, headers).end(status === 205 ? undefined : JSON.stringify(whole));
      });
      api.origin.on('DELETE /inns/42', (_, response) => void response.writeHead(status, location).end());
      await start(by[root]());
      for (const method of ['PUT', 'DELETE']) {
        await warm('/steps/7');
        await ask(method, '/inns/42', method === 'PUT' ? { body: whole } : {});
        await expectInvalidated('/steps/7');
      }
      // Where the answer has no body, it does not tell the parents either.
      const reason = `the status ${status} does not say what was done`;
      expect(reasons()).toEqual(status === 205 && root === 'response' ? [reason] : [reason, reason]);
    },
  );

  test('half a parent is not patched where one of two changes is not known', async () => {
    answering(204);
    const second = `      - { path: "/steps/{before.stepId, request.stepId}", at: /inns }\n`;
    await start(`${byRequest()}${second}`);
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: whole });
    await expectInvalidated('/steps/7', 'the answer has no representation');
  });

  test('nor where one of two may be of any parent', async () => {
    await start(`${patch()}      - { path: "/steps/{response.nope}", at: /inns }\n`);
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { name: 'New' } });
    await expectInvalidated('/steps/7');
  });
});

describe('RFC 9111: what may not be stored', () => {
  const rows: [string, Record<string, string>, Record<string, string>][] = [
    ['no-store', { 'Cache-Control': 'no-store' }, {}],
    ['private', { 'Cache-Control': 'private' }, {}],
    ['a targeted no-store', { 'CDN-Cache-Control': 'no-store' }, {}],
    ['no-store with a targeted permission', { 'CDN-Cache-Control': 'max-age=9', 'Cache-Control': 'no-store' }, {}],
    ['no-store of the request', {}, { 'cache-control': 'no-store' }],
  ];
  test.each(rows.flatMap((row) => roots.map((root) => [...row, root] as const)))(
    '%s',
    async (_, fields, headers, root) => {
      answering(200, fields);
      await start(by[root]());
      await warm('/steps/7');
      await ask('PUT', '/inns/42', { body: whole, headers });
      await expectInvalidated('/steps/7', 'the representation may not be stored');
    },
  );

  test('where nothing of it would be stored it does not matter', async () => {
    api.origin.on('DELETE /inns/42', (_, response) => {
      api.inns.delete(42);
      response.writeHead(204, { 'Cache-Control': 'no-store' }).end();
    });
    await start(patch());
    await warm('/steps/7');
    await ask('DELETE', '/inns/42');
    await expectPatched('/steps/7');
  });
});

describe('header fields that count elements', () => {
  const fields: Record<string, string>[] = [
    { 'X-Total-Count': '2' },
    { 'Content-Range': 'items 0-1/2' },
    { Link: '</steps/7?page=2>; rel="next"' },
    { 'X-Pagination': '{"total":2}' },
    { 'X-WP-TotalPages': '1', 'X-WP-Total': '2' },
  ];
  test.each(fields)('%o', async (field) => {
    parentWith(field);
    await start(patch());
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { name: 'New' } });
    await expectPatched('/steps/7');
    await ask('PUT', '/inns/50', { body: { stepId: 7, name: 'Another' } });
    await expectInvalidated('/steps/7', 'its header fields count elements');
    await warm('/steps/7');
    await ask('DELETE', '/inns/42');
    await expectInvalidated('/steps/7');
    expect(reasons()).toEqual(Array(2).fill('its header fields count elements'));
  });

  test('fields that do not', async () => {
    parentWith({ 'X-Account-Id': '1', 'Accept-Ranges': 'bytes', 'X-Discount': '1' });
    await start(patch());
    await warm('/steps/7');
    await ask('DELETE', '/inns/42');
    await expectPatched('/steps/7');
  });
});

describe('a write with credentials', () => {
  test.each([
    ['does not tell everybody what it was answered', '', false],
    ['changes what is the same for all who may see it', 'defaults: { cache: { credentials: shared } }', true],
  ])('%s', async (_, yaml, patched) => {
    await start(`${yaml}\n${patch()}`);
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { name: 'New' }, headers: { authorization: 'Bearer admin' } });
    if (patched) await expectPatched('/steps/7');
    else await expectInvalidated('/steps/7');
  });

  const refused = 'the write has credentials, and its answer may not be shared';
  const admin = { authorization: 'Bearer admin' };
  const forAll = ['public, max-age=60', 's-maxage=60', 'max-age=60, must-revalidate'];

  test.each(forAll.flatMap((said) => roots.map((root) => [said, root] as const)))(
    'does not tell it either where the parent says %s: by the %s',
    async (said, root) => {
      parentWith({ 'Cache-Control': said });
      answering(200, { 'Cache-Control': 'max-age=0, s-maxage=0' });
      await start(by[root]());
      await warm('/steps/7');
      await ask('PUT', '/inns/42', { body: whole, headers: admin });
      await expectInvalidated('/steps/7', refused);
    },
  );

  test.each(forAll.flatMap((said) => roots.map((root) => [said, root] as const)))(
    'tells what is for all: the answer says %s, by the %s',
    async (said, root) => {
      parentWith({ 'Cache-Control': 'public, max-age=60' });
      answering(200, { 'Cache-Control': said });
      await start(by[root]());
      await warm('/steps/7');
      await ask('PUT', '/inns/42', { body: whole, headers: admin });
      await expectPatched('/steps/7');
    },
  );

  const rows: [string, string, Record<string, string>, boolean][] = [
    ['a field that all share', 'credentials: { shared: [x-api-key] }', { 'x-api-key': 'app' }, true],
    ['another one beside it', 'credentials: { shared: [x-api-key] }', { 'x-api-key': 'app', ...admin }, false],
    ['a cookie that says nothing', 'ttl: 60s', { cookie: '_ga=1' }, true],
    ['a cookie that reads go without, and writes do not', 'cookies: ignore', { cookie: 'session=admin' }, false],
  ];
  test.each(rows)('%s', async (_, cache, headers, patched) => {
    parentWith({ 'Cache-Control': 'public, max-age=60' });
    await start(`defaults: { cache: { ${cache} } }\n${patch()}`);
    await warm('/steps/7');
    await ask('PUT', '/inns/42', { body: { name: 'New' }, headers });
    if (patched) await expectPatched('/steps/7');
    else await expectInvalidated('/steps/7', refused);
  });

  test('a removal shows nothing of the answer', async () => {
    parentWith({ 'Cache-Control': 'public, max-age=60' });
    await start(patch());
    await warm('/steps/7');
    await ask('DELETE', '/inns/42', { headers: admin });
    await expectPatched('/steps/7');
  });
});
